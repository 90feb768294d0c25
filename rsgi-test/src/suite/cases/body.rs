//! Bodies of answers: every kind, how each is framed, and when its pieces go out.
//!
//! Backpressure is in `backpressure.rs`, clients that fail in `faults.rs`, bodies that break in `errors.rs`, trailers
//! in `trailers.rs`.

use std::io::Write as _;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, Body, BoxApp, Capabilities, Environ, Error, Stack, StartResponse, Started, app_fn, around,
};

use super::every_kind::{self, KINDS};
use crate::suite::apps::plain;
use crate::suite::case::Case;
use crate::suite::notes::Notes;
use crate::suite::talk::{Talk, Way};
use crate::wire::answer::Framing;
use crate::wire::bytes::noise;

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];

/// What looks like a head, a last chunk and a byte order mark.
const ODD: &str = "HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\n0\r\n\r\n\n\r\0\u{feff}";

pub(super) const CASES: &[Case] = &[
    Case::message(
        "a_body_in_memory_gets_its_length",
        &[89],
        || BoxApp::new(plain(|_, start| Ok(start.start(StatusCode::OK, PLAIN)?.body("hello")))),
        |talk| {
            let answer = talk.get("/").answer();
            assert_eq!((answer.text(), answer.field("content-length")), ("hello", Some("5")));
        },
    ),
    Case::message(
        "an_empty_body_gets_length_zero",
        &[90],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let head = start_response.status(StatusCode::OK);
                Ok(if environ.path_info() == "/empty" { head.empty() } else { head.body("") })
            }))
        },
        |talk| {
            for target in ["/empty", "/text"] {
                let answer = talk.get(target).answer();
                assert_eq!(answer.text(), "");
                // On HTTP/2 the end of the stream, told with the head, says the same.
                let length = answer.field("content-length");
                assert!(
                    length == Some("0") || length.is_none() && talk.way() == Way::Http2,
                    "{target}: {length:?}"
                );
            }
        },
    ),
    Case::message(
        "an_unknown_length_is_not_told",
        &[91],
        || BoxApp::new(plain(three_pieces)),
        |talk| {
            for _ in 0..2 {
                let answer = talk.get("/").answer();
                assert_eq!((answer.text(), answer.field("content-length")), ("one two three", None));
            }
        },
    ),
    Case::wire(
        "an_unknown_length_is_chunked",
        &[91],
        || BoxApp::new(plain(three_pieces)),
        |talk| {
            let answer = talk.raw().ask(talk.raw_get("/"));
            assert_eq!((answer.framing, answer.text()), (Framing::Chunked, "one two three"));
        },
    ),
    Case::wire(
        "to_http_1_0_an_unknown_length_ends_with_the_connection",
        &[91],
        || BoxApp::new(plain(three_pieces)),
        |talk| {
            let (target, line) = (talk.at("/"), talk.line());
            let request = format!("GET {target} HTTP/1.0\r\nconnection: keep-alive\r\n{line}\r\n");
            let answer = talk.raw().ask(request);
            assert_eq!((answer.framing, answer.text()), (Framing::Close, "one two three"));
            assert_eq!(answer.field("transfer-encoding"), None);
        },
    ),
    Case::message(
        "a_declared_length_frames_a_stream",
        &[92],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let head = start_response.start(StatusCode::OK, PLAIN)?;
                let pieces = Body::iter(["one ", "more"]);
                Ok(match environ.path_info() {
                    "/field" => head.header("content-length", "8")?.body(pieces),
                    _ => head.body(pieces.with_length(8)),
                })
            }))
        },
        |talk| {
            for target in ["/field", "/body"] {
                let answer = talk.get(target).answer();
                assert_eq!((answer.text(), answer.field("content-length")), ("one more", Some("8")));
            }
        },
    ),
    Case::message(
        "empty_pieces_end_nothing",
        &[96],
        || BoxApp::new(plain(with_empty_pieces)),
        |talk| {
            assert_eq!(talk.get("/some").answer().text(), "ab");
            assert_eq!(talk.get("/none").answer().text(), "");
            assert_eq!(talk.get("/some").answer().text(), "ab");
        },
    ),
    Case::wire(
        "empty_pieces_send_no_chunk",
        &[96],
        || BoxApp::new(plain(with_empty_pieces)),
        |talk| {
            let mut client = talk.raw();
            let answer = client.ask(talk.raw_get("/some"));
            assert_eq!((answer.framing, answer.text()), (Framing::Chunked, "ab"));
            assert!(answer.chunks.iter().all(|size| *size > 0), "{:?}", answer.chunks);
            assert_eq!(client.ask(talk.raw_get("/none")).text(), "");
        },
    ),
    Case::message(
        "bytes_are_never_altered",
        &[98],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let head = start_response.start(StatusCode::OK, PLAIN)?;
                Ok(if environ.path_info() == "/once" {
                    head.body(ODD)
                } else {
                    head.body(Body::iter([ODD, ODD]))
                })
            }))
        },
        |talk| {
            assert_eq!(talk.get("/once").answer().text(), ODD);
            assert_eq!(talk.get("/twice").answer().text(), [ODD, ODD].concat());
        },
    ),
    Case::message(
        "large_bodies_of_every_kind_arrive_whole",
        &[56, 98],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let held = Notes::of(&environ).on_drop("dropped");
                let body = every_kind::body(environ.path_info(), &noise(LARGE).into(), held)?;
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
            }))
        },
        |talk| {
            let content = noise(LARGE);
            for kind in KINDS {
                let answer = talk.get(kind).answer();
                assert!(*answer.body() == content, "{kind}: {} bytes", answer.body().len());
                // In memory the client's bytes are the app's.
                drop(answer);
                talk.happened("dropped");
            }
            talk.nothing("dropped");
        },
    ),
    Case::message(
        "a_file_sends_exactly_its_range",
        &[101, 102],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let (offset, length) = environ.query().and_then(|it| it.split_once('+')).ok_or("no range")?;
                let file = every_kind::file(&noise(FILE))?;
                let body = Body::file_range(file, offset.parse()?, length.parse()?)?;
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
            }))
        },
        |talk| {
            let content = noise(FILE);
            for (from, length) in
                [(0, FILE), (0, 0), (1, 1), (100_003, 150_001), (FILE - 1, 1), (FILE, 0), (0, FILE)]
            {
                let answer = talk.get(&format!("/?{from}+{length}")).answer();
                assert_eq!(answer.field("content-length"), Some(length.to_string().as_str()));
                assert!(*answer.body() == content[from..from + length], "{length} bytes from {from}");
            }
        },
    ),
    // Middleware sees every piece of a file.
    Case::message(
        "a_mapped_file_goes_through_the_mapper",
        &[103],
        || {
            let inner = plain(|_, start_response| {
                let file = every_kind::file(&b"lower case ".repeat(20_000))?;
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(Body::file(file)?))
            });
            in_upper_case(inner)
        },
        |talk| assert!(*talk.get("/").answer().body() == b"LOWER CASE ".repeat(20_000)),
    ),
    // PEP 3333's first way: a flushed piece is on its way before the app goes on.
    Case::wire(
        "after_flush_the_client_has_the_piece",
        &[97],
        || {
            BoxApp::new(plain(|environ, start_response| {
                let notes = Notes::of(&environ);
                let body = Body::push(move |writer| {
                    writer.write_all(b"first")?;
                    writer.flush()?;
                    notes.tell("flushed", &());
                    notes.gate("more").wait();
                    writer.write_all(b"second")?;
                    Ok(())
                });
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
            }))
        },
        |talk| {
            let mut client = talk.raw();
            client.send(talk.raw_get("/")).head();
            talk.happened("flushed");
            assert_eq!(client.bytes(10), b"5\r\nfirst\r\n".as_slice());
            talk.open("more");
            assert_eq!(client.bytes(16), b"6\r\nsecond\r\n0\r\n\r\n"[..16]);
        },
    )
    .parallel(),
    // PEP 3333's second way: a piece is sent while the app makes the next.
    Case::wire(
        "a_piece_goes_out_while_the_app_makes_the_next",
        &[97],
        || {
            BoxApp::new(plain(|environ, start_response| {
                let notes = Notes::of(&environ);
                let pieces = (0..4).map(move |turn| {
                    notes.gate(&turn.to_string()).wait();
                    "ping\n"
                });
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(Body::iter(pieces)))
            }))
        },
        |talk| {
            let mut client = talk.raw();
            client.send(talk.raw_get("/"));
            for turn in 0..4 {
                talk.open(&turn.to_string());
                if turn == 0 {
                    client.head();
                }
                assert_eq!(client.bytes(10), b"5\r\nping\n\r\n", "piece {turn}");
            }
        },
    )
    .parallel(),
    // The same of a push body that never flushes, and of an async one.
    Case::wire(
        "an_unflushed_piece_leaves_within_a_tick",
        &[97],
        || {
            BoxApp::new(plain(|environ: Environ, start_response: StartResponse| {
                let gate = Notes::of(&environ).gate("end");
                let body = if environ.path_info() == "/push" {
                    Body::push(move |writer| {
                        writer.write_all(b"ping\n")?;
                        gate.wait();
                        Ok(())
                    })
                } else {
                    Body::send(async move |sender| {
                        sender.send("ping\n").await?;
                        gate.opened().await;
                        Ok(())
                    })
                };
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
            }))
        },
        |talk| {
            let mut clients = ["/push", "/send"].map(|path| {
                let mut client = talk.raw();
                client.send(talk.raw_get(path)).head();
                assert_eq!(client.bytes(10), b"5\r\nping\n\r\n", "{path}");
                client
            });
            talk.open("end");
            for client in &mut clients {
                assert_eq!(client.bytes(5), b"0\r\n\r\n");
            }
        },
    )
    .parallel(),
    // Ping-pong: each piece of an async body is there before the next is made, whatever carries it.
    Case::message(
        "a_sent_piece_arrives_before_the_next_is_made",
        &[97, 80],
        || BoxApp::new(plain(pings)),
        |talk| come_one_by_one(talk, "ping"),
    )
    .parallel(),
    // The same through middleware that changes each: it passes on as many pieces as it gets, when it gets them.
    Case::message(
        "a_mapped_piece_arrives_before_the_next_is_made",
        &[108],
        || in_upper_case(plain(pings)),
        |talk| come_one_by_one(talk, "PING"),
    )
    .parallel(),
    Case::message("an_answer_may_start_before_the_request_ends", &[100, 148], echo, |talk| {
        let mut open = talk.post("/").by_hand().open().unwrap();
        assert_eq!(open.head().unwrap().status(), 200);
        for piece in ["a", "bc", "def"] {
            open.feed(piece);
            let mut back = Vec::new();
            while back.len() < piece.len() {
                back.extend_from_slice(&open.piece().unwrap().unwrap());
            }
            assert_eq!(back, piece.as_bytes());
        }
        open.end_input();
        let answer = open.finish();
        assert_eq!((answer.is_whole(), answer.text()), (true, "abcdef"));
    })
    .needs(Capabilities::DUPLEX),
    Case::wire("each_chunk_may_be_answered_before_the_next", &[100], echo, |talk| {
        let mut client = talk.raw();
        client.send(talk.raw_chunked("/"));
        assert_eq!(client.head().status, 200);
        for piece in ["a", "bc", "def"] {
            let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
            client.send(&chunk);
            let mut back = Vec::new();
            while back.len() < piece.len() {
                let [size @ b'1'..=b'3', b'\r', b'\n'] = client.bytes(3)[..] else {
                    panic!("no small chunk")
                };
                back.extend_from_slice(&client.bytes(usize::from(size - b'0')));
                assert_eq!(client.bytes(2), b"\r\n");
            }
            assert_eq!(back, piece.as_bytes());
        }
        assert_eq!(client.send("0\r\n\r\n").bytes(5), b"0\r\n\r\n");
        assert_eq!(client.ask(talk.raw_get("/")).text(), "", "the connection goes on");
    })
    .needs(Capabilities::DUPLEX),
];

const LARGE: usize = 3 << 20;
const FILE: usize = 300_000;

/// An app inside middleware that sends upper case.
fn in_upper_case(inner: impl App) -> BoxApp {
    let upper = around(|environ, start_response, next| async move {
        let started = next.call(environ, start_response).await?;
        Ok(started.map_body(|body| body.map(|piece: Bytes| Ok(Bytes::from(piece.to_ascii_uppercase())))))
    });
    BoxApp::new(Stack::new().then(upper).app(inner))
}

/// Answers with four pieces, each when its gate opens.
fn pings(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let notes = Notes::of(&environ);
    let body = Body::send(async move |sender| {
        for turn in 0..4 {
            notes.gate(&turn.to_string()).opened().await;
            sender.send(format!("ping {turn}")).await?;
        }
        Ok(())
    });
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
}

/// Opens the gates of [`pings`] one by one, each when the piece before has come.
fn come_one_by_one(talk: &Talk, text: &str) {
    let mut open = talk.get("/").open().unwrap();
    assert_eq!(open.head().unwrap().status(), 200);
    for turn in 0..4 {
        talk.open(&turn.to_string());
        assert_eq!(open.piece().unwrap().unwrap(), format!("{text} {turn}"));
    }
    assert!(open.finish().is_whole());
}

/// Answers with pieces whose length nobody declares.
fn three_pieces(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(Body::iter(["one ", "two ", "three"])))
}

/// Answers with pieces some of which, or all, are empty.
fn with_empty_pieces(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let pieces = if environ.path_info() == "/some" { ["", "a", "", "", "b", ""] } else { [""; 6] };
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(Body::iter(pieces)))
}

/// Sends back what comes, while it comes.
fn echo() -> BoxApp {
    BoxApp::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let body = Body::duplex(environ.take_input(), async |mut input, sender| {
            while let Some(piece) = input.piece().await {
                sender.send(piece?).await?;
            }
            Ok(())
        });
        Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
    }))
}
