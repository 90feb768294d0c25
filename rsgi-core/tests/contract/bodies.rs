//! Bodies on their way: order, errors behind the head, surplus, mapping; by both roads where both can.

use std::io::{self, Write};
use std::task::Poll;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, Request, StatusCode, Version};
use rsgi_core::{
    Body, Change, Delivery, Environ, Error, Fault, Framing, Input, OutgoingErrorKind, Phase, Sink,
    StartResponse, app_fn, respond, wait,
};

use crate::asking::{Answer, Count, Road, Taken, ask, ask_both, ask_on, get, plain, poll};
use crate::watched::{file, yield_once};

pub(crate) fn answer(body: impl Fn() -> Body + Send + Sync + Copy + 'static) -> Answer {
    ask_with(get, body)
}

pub(crate) fn ask_with(
    request: impl Fn() -> Request<Input>,
    body: impl Fn() -> Body + Send + Sync + Copy + 'static,
) -> Answer {
    let app = app_fn(move |_, start_response: StartResponse| async move {
        Ok(start_response.status(StatusCode::OK).body(body()))
    });
    ask_both(&app, request)
}

pub(crate) fn outgoing(body: Body) -> rsgi_core::Outgoing {
    let body = std::sync::Mutex::new(Some(body));
    let app = app_fn(move |_, start_response: StartResponse| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Ok(start_response.status(StatusCode::OK).body(body)) }
    });
    wait(respond(&app, Environ::on_server(get(), plain()))).into_body()
}

const BROKEN: [fn() -> Body; 5] = [
    || Body::iter([Ok("good"), Err("bad"), Ok("never")]),
    || {
        Body::push(|writer| {
            writer.write_all(b"good")?;
            Err("bad".into())
        })
    },
    || {
        Body::send(async |sender| {
            sender.send("good").await?;
            Err("bad".into())
        })
    },
    || Body::stream(Pieces(vec![Ok("good"), Err("bad")])),
    || {
        Body::iter(["good", "bad"])
            .map(|piece: Bytes| if piece == "bad" { Err("bad".into()) } else { Ok(piece) })
    },
];

const PANICKING: [fn() -> Body; 3] = [
    || Body::iter((0..2).map(|number| if number == 0 { "good" } else { panic!("bad") })),
    || {
        Body::push(|writer| {
            writer.write_all(b"good")?;
            panic!("bad")
        })
    },
    || {
        Body::send(async |sender| {
            sender.send("good").await?;
            panic!("bad")
        })
    },
];

/// A stream of pieces, ready at once.
struct Pieces(Vec<Result<&'static str, &'static str>>);

impl futures_core::Stream for Pieces {
    type Item = Result<&'static str, &'static str>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        Poll::Ready((!self.0.is_empty()).then(|| self.0.remove(0)))
    }
}

#[test]
fn what_came_before_an_error_is_sent_and_the_break_is_visible() {
    // rule(112)
    for body in BROKEN {
        let answer = answer(body);
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "good"));
        assert_eq!(answer.error, Some(OutgoingErrorKind::App(Fault::BodyError)));
        assert_eq!((answer.outcome.delivery, answer.outcome.phase), (Delivery::Failed, Phase::Body));
    }
}

#[test]
fn what_came_before_a_panic_is_sent_and_the_break_is_visible() {
    // rule(112)
    for body in PANICKING {
        let answer = answer(body);
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "good"));
        assert_eq!(answer.error, Some(OutgoingErrorKind::App(Fault::BodyPanic)));
        assert_eq!(answer.outcome.fault, Some(Fault::BodyPanic));
    }
}

#[test]
fn an_error_is_held_back_for_one_turn_so_that_the_head_is_flushed() {
    // rule(112)
    let (count, waker) = Count::new();
    let mut body = outgoing(Body::stream(Pieces(vec![Err("at once")])));
    assert_eq!(poll(&mut body, &waker), Poll::Pending);
    assert_eq!(count.wakes(), 1, "it is ready for its next turn");
    let error = Err(OutgoingErrorKind::App(Fault::BodyError));
    assert_eq!(poll(&mut body, &waker), Poll::Ready(Some(error)));
    assert_eq!(poll(&mut body, &waker), Poll::Ready(None));
}

#[test]
fn missing_bytes_are_an_error_after_one_turn_too() {
    // rule(94)
    let (_, waker) = Count::new();
    let mut body = outgoing(Body::stream(Pieces(vec![Ok("abc")])).with_length(4));
    assert_eq!(poll(&mut body, &waker), Poll::Ready(Some(Ok("abc".into()))));
    assert_eq!(poll(&mut body, &waker), Poll::Pending);
    assert_eq!(poll(&mut body, &waker), Poll::Ready(Some(Err(OutgoingErrorKind::App(Fault::Missing)))));
}

#[test]
fn an_endless_body_ends_at_its_declared_length_by_every_road() {
    // rule(93)
    let endless: [fn() -> Body; 4] = [
        || Body::iter(std::iter::repeat("ab")),
        || Body::reader(io::repeat(b'a')),
        || {
            Body::push(|writer| {
                loop {
                    writer.write_all(b"ab")?;
                }
            })
        },
        || {
            Body::send(async |sender| {
                loop {
                    sender.send("ab").await?;
                }
            })
        },
    ];
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for body in endless {
            for road in [Road::Polled, Road::Driven] {
                // Polled on a blocking server, a push body is one step: it would never end.
                let app = app_fn(move |_, start_response: StartResponse| async move {
                    Ok(start_response.status(StatusCode::OK).body(body().with_length(5)))
                });
                let pushed = std::ptr::fn_addr_eq(body, endless[2]);
                if pushed && road == Road::Polled {
                    continue;
                }
                let request = Request::builder().version(version).body(Input::empty()).unwrap();
                let answer = ask_on(&app, Environ::on_server(request, plain()), road);
                assert_eq!((answer.body.len(), answer.error), (5, None), "{version:?} {road:?}");
                assert_eq!(answer.outcome.fault, Some(Fault::Surplus));
            }
        }
    }
}

#[test]
fn a_push_body_learns_that_its_surplus_is_not_sent() {
    // rule(93)
    let (tell, told) = std::sync::mpsc::channel();
    let body = Body::push(move |writer| {
        tell.send((writer.write_all(b"12345").is_ok(), writer.write_all(b"67").is_ok()))?;
        Ok(())
    });
    let mut sink = Taken::default();
    outgoing(body.with_length(6)).write_to(&mut sink).unwrap();
    assert_eq!((&sink.body[..], told.recv().unwrap()), (&b"123456"[..], (true, false)));
}

#[test]
fn an_error_behind_the_last_declared_byte_is_not_lost() {
    let answer = ask(
        &app_fn(|_, start_response: StartResponse| async move {
            let body = Body::stream(Pieces(vec![Ok("abc"), Err("bad checksum")]));
            Ok(start_response.status(StatusCode::OK).body(body.with_length(3)))
        }),
        get(),
    );
    assert_eq!((answer.text(), answer.error), ("abc", None));
    assert_eq!((answer.outcome.fault, answer.outcome.delivery), (Some(Fault::BodyError), Delivery::Failed));
}

#[test]
fn pieces_without_bytes_neither_end_the_body_nor_hold_its_thread() {
    // rule(96)
    let (count, waker) = Count::new();
    let mut pieces: Vec<_> = vec![Ok(""); 1000];
    pieces.push(Ok("end"));
    let mut body = outgoing(Body::stream(Pieces(pieces)));
    let mut turns = 0;
    while poll(&mut body, &waker) == Poll::Pending {
        turns += 1;
    }
    assert!(turns > 1 && count.wakes() == turns, "other work had its turn {turns} times");
    assert_eq!(poll(&mut body, &waker), Poll::Ready(None));
}

/// A client that goes away after some bytes, and takes note of being asked again.
struct Leaving {
    left: usize,
    asked_again: bool,
}

impl Sink for Leaving {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        self.asked_again |= self.left == 0;
        self.left = self.left.saturating_sub(piece.len());
        if self.left == 0 { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.data(Bytes::new())
    }

    fn trailers(&mut self, _: HeaderMap) -> io::Result<()> {
        self.data(Bytes::new())
    }
}

#[test]
fn a_client_that_left_stops_the_producer_and_is_not_blamed_on_the_app() {
    // rule(116)
    let bodies: [fn() -> Body; 4] = [
        || Body::iter(std::iter::repeat("ab")),
        || {
            Body::send(async |sender| {
                loop {
                    sender.send("ab").await?;
                }
            })
        },
        || Body::from("abcdef"),
        || {
            Body::push(|writer| {
                for _ in 0..10 {
                    // Swallows its errors, as careless code does.
                    let _swallowed = writer.write_all(b"ab").or_else(|_| writer.flush());
                }
                Ok(())
            })
        },
    ];
    for body in bodies {
        let mut sink = Leaving { left: 4, asked_again: false };
        let mut outgoing = outgoing(body());
        let error = outgoing.write_to(&mut sink).unwrap_err();
        assert_eq!(error.kind(), OutgoingErrorKind::Client);
        assert!(!sink.asked_again, "each further write could wait anew");
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn what_waits_is_flushed_before_the_wait() {
    // rule(97)
    let mut sink = Taken::default();
    let body = Body::send(async |sender| {
        sender.send("one").await?;
        // The first wait ends with the piece being taken.
        yield_once().await;
        yield_once().await;
        sender.send("two").await
    });
    outgoing(body).write_to(&mut sink).unwrap();
    assert_eq!((&sink.body[..], sink.flushes), (&b"onetwo"[..], 1));
}

/// Keeps everything back until the end.
#[derive(Default)]
struct Reversed(Vec<u8>);

impl Change for Reversed {
    fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error> {
        self.0.extend_from_slice(&piece);
        Ok(Bytes::new())
    }

    fn finish(&mut self) -> Result<Bytes, Error> {
        self.0.reverse();
        Ok(std::mem::take(&mut self.0).into())
    }
}

#[test]
fn a_mapping_keeps_the_kind_of_a_body_and_sees_every_byte() {
    // rule(103), rule(108)
    let bodies: [fn() -> Body; 6] = [
        || Body::from("abc"),
        || Body::iter(["ab", "c"]),
        || Body::reader(&b"abc"[..]),
        || Body::file(file(b"abc")).unwrap(),
        || Body::push(|writer| Ok(writer.write_all(b"abc")?)),
        || Body::send(async |sender| sender.send("abc").await),
    ];
    for body in bodies {
        let blocks = body().blocks();
        assert_eq!(body().map(Ok).blocks(), blocks);
        let upper = answer(move || body().map(|piece: Bytes| Ok(piece.to_ascii_uppercase().into())));
        assert_eq!((upper.text(), upper.framing), ("ABC", Framing::Unknown));
        assert_eq!(answer(move || body().map(Reversed::default())).text(), "cba");
    }
}

#[test]
fn a_body_that_pushes_says_so_through_any_mapping_and_no_other_does() {
    let push = || Body::push(|writer| Ok(writer.write_all(b"abc")?));
    let trailed = push().with_trailers([], HeaderMap::new);
    for (mut body, pushes) in [
        (outgoing(push()), true),
        (outgoing(push().map(Ok)), true),
        (outgoing(trailed), true),
        (outgoing(Body::iter(["ab", "c"])), false),
        (outgoing(Body::iter(["ab", "c"]).map(Ok)), false),
        (outgoing(Body::file(file(b"abc")).unwrap()), false),
        (outgoing(Body::from("abc")), false),
        (outgoing(Body::send(async |sender| sender.send("abc").await)), false),
    ] {
        assert_eq!(body.pushes(), pushes, "{body:?}");
    }
}

#[test]
fn a_declared_length_holds_for_bytes_in_memory_too() {
    // rule(94), rule(95)
    let short = answer(|| Body::from("abc").with_length(4));
    assert_eq!(
        (short.framing, short.error),
        (Framing::Length(4), Some(OutgoingErrorKind::App(Fault::Missing)))
    );
    let long = answer(|| Body::from("abc").with_length(2));
    assert_eq!((long.text(), long.outcome.fault), ("ab", Some(Fault::Surplus)));
    assert_eq!(Body::from("abc").with_length(3).as_bytes().map(Bytes::len), Some(3));
}

#[test]
fn a_reader_that_is_interrupted_or_gives_little_is_read_to_its_end() {
    struct Halting(&'static [u8], bool);
    impl io::Read for Halting {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.0.read(&mut buffer[..2])
        }
    }
    let answer = answer(|| Body::reader(Halting(b"hello", false)));
    assert_eq!((answer.text(), answer.error), ("hello", None));
}
