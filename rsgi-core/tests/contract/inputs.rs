//! The request's body: pieces, limits, errors and trailers, by frames and by `Read`.

use std::future::poll_fn;
use std::io::{BufRead, Read};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use rsgi_core::http_body::{Body as _, Frame};
use rsgi_core::{
    Body, Environ, Error, Input, InputError, InputErrorKind, InputLength, InputSource, StartResponse, app_fn,
    blocking, may_block, thread_may_block, wait,
};

use crate::asking::{Count, ask, plain};

/// What a source gives next.
#[derive(Clone, Copy)]
enum Turn {
    Piece(&'static str),
    Later,
    Fails(InputErrorKind),
    Trailers(&'static [&'static str]),
}

use Turn::{Fails, Later, Piece};

struct Script {
    turns: &'static [Turn],
    asked: Arc<AtomicUsize>,
}

impl InputSource for Script {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let Some((turn, rest)) = self.turns.split_first() else { return Poll::Ready(None) };
        self.turns = rest;
        Poll::Ready(Some(match *turn {
            Piece(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
            Later => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Fails(kind) => Err(InputError::new(kind)),
            Turn::Trailers(names) => Ok(Frame::trailers(
                names
                    .iter()
                    .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("1")))
                    .collect::<HeaderMap>(),
            )),
        }))
    }
}

fn script(turns: &'static [Turn], length: InputLength, limit: Option<u64>) -> (Input, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    (Input::new(Script { turns, asked: Arc::clone(&asked) }, length, limit), asked)
}

fn unknown(turns: &'static [Turn]) -> Input {
    script(turns, InputLength::Unknown, None).0
}

/// Reads to the end by each way there is; every way must give the same.
fn read(make: impl Fn() -> Input) -> Result<String, InputErrorKind> {
    let by_read = may_block(|| {
        let mut text = String::new();
        make().read_to_string(&mut text).map(|_| text)
    });
    let by_read = by_read.map_err(|error| InputError::find(&error).unwrap().kind());
    let by_pieces = wait(async {
        let (mut input, mut text) = (make(), String::new());
        while let Some(piece) = input.piece().await {
            text.push_str(std::str::from_utf8(&piece.map_err(|error| error.kind())?).unwrap());
        }
        Ok(text)
    });
    let by_collect = wait(async { make().collect(u64::MAX).await })
        .map(|whole| String::from_utf8(whole.to_vec()).unwrap())
        .map_err(|error| error.kind());
    let by_lines = may_block(|| make().lines().collect::<Result<Vec<_>, _>>());
    let by_lines =
        by_lines.map(|lines| lines.concat()).map_err(|error| InputError::find(&error).unwrap().kind());
    assert_eq!((&by_read, &by_read, &by_read), (&by_pieces, &by_collect, &by_lines));
    by_read
}

#[test]
fn every_way_of_reading_gives_the_same_bytes_however_they_were_cut() {
    // rule(47), rule(48), rule(49), rule(68)
    let cuts: [&'static [Turn]; 4] = [
        &[Piece("abcdef")],
        &[Piece("a"), Later, Piece("bcd"), Piece(""), Later, Later, Piece("ef")],
        &[Piece("a"), Piece("b"), Piece("c"), Piece("d"), Piece("e"), Piece("f")],
        &[Later, Piece("abc"), Piece("def"), Turn::Trailers(&["x-sum"])],
    ];
    for turns in cuts {
        assert_eq!(read(|| unknown(turns)).as_deref(), Ok("abcdef"));
    }
    assert_eq!(read(|| Input::from_bytes("abcdef".into())).as_deref(), Ok("abcdef"));
}

#[test]
fn no_body_is_at_its_end_at_once_on_any_thread() {
    // rule(45)
    let mut input = Input::empty();
    assert!(!thread_may_block());
    assert_eq!((input.read(&mut [0; 4]).unwrap(), input.length()), (0, InputLength::None));
    assert!(input.is_end_stream());
    assert_eq!(input.size_hint().exact(), Some(0));
    assert_eq!(read(Input::empty).as_deref(), Ok(""));
}

#[test]
fn reading_past_the_end_gives_the_end_again() {
    // rule(46)
    let mut input = unknown(&[Piece("ab")]);
    may_block(|| {
        assert_eq!(input.read(&mut [0; 9]).unwrap(), 2);
        for _ in 0..3 {
            assert_eq!(input.read(&mut [0; 9]).unwrap(), 0);
        }
    });
    assert!(wait(input.piece()).is_none());
}

#[test]
fn a_body_that_stops_early_never_looks_whole() {
    // rule(50), rule(51), rule(58)
    let cases: [(_, &'static [Turn]); 5] = [
        (InputErrorKind::Truncated, &[Piece("ab"), Fails(InputErrorKind::Truncated)]),
        (InputErrorKind::Malformed, &[Piece("ab"), Fails(InputErrorKind::Malformed)]),
        (InputErrorKind::TimedOut, &[Piece("ab"), Fails(InputErrorKind::TimedOut)]),
        (InputErrorKind::Disconnected, &[Piece("ab"), Fails(InputErrorKind::Disconnected)]),
        (InputErrorKind::Other, &[Piece("ab"), Fails(InputErrorKind::Other)]),
    ];
    for (kind, turns) in cases {
        assert_eq!(read(|| unknown(turns)), Err(kind));
    }
}

#[test]
fn the_limit_counts_bytes_whether_or_not_the_length_is_known() {
    // rule(57)
    const TURNS: &[Turn] = &[Piece("ab"), Piece("cd"), Piece("e")];
    for length in [InputLength::Unknown, InputLength::Known(5)] {
        let with = |limit| move || script(TURNS, length, Some(limit)).0;
        assert_eq!(read(with(5)).as_deref(), Ok("abcde"));
        assert_eq!(read(with(4)), Err(InputErrorKind::Limit));
        assert_eq!(read(with(0)), Err(InputErrorKind::Limit));
    }
}

#[test]
fn a_body_known_to_be_too_long_is_refused_before_the_client_is_asked_for_it() {
    // rule(57), rule(63)
    let (mut input, asked) = script(&[Piece("abcde")], InputLength::Known(5), Some(4));
    let error = wait(input.piece()).unwrap().unwrap_err();
    assert_eq!((error.kind(), asked.load(Ordering::Relaxed)), (InputErrorKind::Limit, 0));
    let (mut input, asked) = script(&[Piece("abcde")], InputLength::Known(5), None);
    assert_eq!(wait(input.collect(4)).unwrap_err().kind(), InputErrorKind::Limit);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn an_app_may_change_the_limit_for_what_is_still_to_be_read() {
    // rule(57)
    let (mut input, _) = script(&[Piece("ab"), Piece("cd")], InputLength::Known(4), Some(1));
    input.set_limit(4);
    assert_eq!(wait(input.collect(9)).unwrap(), "abcd");
    let (mut input, _) = script(&[Piece("ab"), Piece("cd")], InputLength::Unknown, None);
    assert_eq!(wait(input.piece()).unwrap().unwrap(), "ab");
    input.set_limit(1);
    assert_eq!(wait(input.piece()).unwrap().unwrap_err().kind(), InputErrorKind::Limit);
}

#[test]
fn an_unhandled_limit_becomes_a_413_from_blocking_and_async_apps() {
    // rule(57)
    let asked = || Request::new(script(&[Piece("abc")], InputLength::Unknown, Some(2)).0);
    let in_thread = blocking(|mut environ, start_response| {
        let mut text = String::new();
        environ.input_mut().read_to_string(&mut text)?;
        Ok(start_response.status(StatusCode::OK).body(text))
    });
    let polled = app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let whole = environ.input_mut().collect(9).await?;
        Ok(start_response.status(StatusCode::OK).body(whole))
    });
    for answer in [ask(&in_thread, asked()), ask(&polled, asked())] {
        assert_eq!((answer.status.as_u16(), answer.close), (413, true));
        assert_eq!(answer.outcome.fault, None, "the client's fault is none of the app's");
    }
}

#[test]
fn a_blocking_read_where_that_is_not_allowed_is_an_error_and_no_hang() {
    // rule(68)
    assert!(!thread_may_block());
    let error = unknown(&[Piece("ab")]).read(&mut [0; 4]).unwrap_err();
    assert_eq!(InputError::find(&error).unwrap().kind(), InputErrorKind::WouldBlock);
    may_block(|| assert!(may_block(thread_may_block)));
    assert!(!thread_may_block(), "the mark ends with the work");
    let caught = std::panic::catch_unwind(|| may_block(|| panic!("in the work")));
    assert!(caught.is_err() && !thread_may_block(), "also with a panic");
    assert_eq!(Input::from_bytes("ab".into()).read(&mut [0; 4]).unwrap(), 2, "memory doesn't block");
}

#[test]
fn trailers_are_known_at_the_end_without_the_forbidden_ones() {
    // rule(66)
    const TURNS: &[Turn] =
        &[Piece("a"), Turn::Trailers(&["x-sum", "content-length", "host", "authorization"])];
    let mut input = unknown(TURNS);
    assert!(input.trailers().is_none());
    assert_eq!(wait(input.collect(9)).unwrap(), "a");
    assert_eq!(input.trailers().unwrap().keys().collect::<Vec<_>>(), ["x-sum"]);

    let mut body = pin!(unknown(TURNS));
    let mut frame = || wait(poll_fn(|context| body.as_mut().poll_frame(context)));
    assert_eq!(frame().unwrap().unwrap().into_data().unwrap(), "a");
    assert_eq!(frame().unwrap().unwrap().into_trailers().unwrap().keys().collect::<Vec<_>>(), ["x-sum"]);
    assert!(frame().is_none());
}

#[test]
fn what_a_read_left_over_comes_first_by_every_other_way() {
    let mut input = unknown(&[Piece("abc"), Piece("d")]);
    may_block(|| input.read_exact(&mut [0; 1])).unwrap();
    assert_eq!(wait(input.piece()).unwrap().unwrap(), "bc");
    assert_eq!(wait(input.piece()).unwrap().unwrap(), "d");
}

#[test]
fn a_known_length_is_told_and_shrinks_with_what_was_read() {
    let (mut input, _) = script(&[Piece("abc"), Piece("de")], InputLength::Known(5), None);
    assert_eq!((input.length(), input.size_hint().exact()), (InputLength::Known(5), Some(5)));
    may_block(|| input.read_exact(&mut [0; 1])).unwrap();
    assert_eq!(input.size_hint().exact(), Some(4));
    assert_eq!(unknown(&[]).size_hint().exact(), None);
    assert_eq!(Body::http(script(&[Piece("abc")], InputLength::Known(3), None).0).length(), Some(3));
}

#[test]
fn a_dropped_wait_for_a_piece_loses_nothing() {
    let mut input = unknown(&[Later, Piece("a"), Piece("b")]);
    let (_, waker) = Count::new();
    assert!(pin!(input.piece()).poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(wait(input.collect(9)).unwrap(), "ab");
}

#[test]
fn the_input_can_be_taken_and_replaced() -> Result<(), Error> {
    // rule(67)
    let mut environ = Environ::on_server(Request::new(Input::from_bytes("first".into())), plain());
    let taken = environ.take_input();
    assert_eq!((environ.input_length(), taken.length()), (InputLength::None, InputLength::Known(5)));
    environ.set_input(Input::from_bytes("second".into()));
    assert_eq!(wait(environ.input_mut().collect(9))?, "second");
    Ok(())
}
