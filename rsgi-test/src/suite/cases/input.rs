//! Request bodies: that they end by themselves, arrive whole, and fail by a kind when they don't.
//!
//! Which framing is refused is in `framing.rs`, `Expect` in `expect.rs`, the limits in `limits.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::server::HalfClose;
use rsgi_core::{
    Body, BoxApp, Environ, Error, InputError, Mount, StartResponse, Started, app_fn, blocking,
    thread_may_block,
};

use crate::suite::apps::{plain, watching, watching_blocked};
use crate::suite::case::Case;
use crate::suite::notes::Notes;
use crate::suite::noting::noting;
use crate::wire::bytes::{chunked_head, chunks, noise, request};

pub(super) const CASES: &[Case] = &[
    Case::message("without_a_body_the_input_ends_at_once", &[45, 68], both, |talk| {
        for flavour in FLAVOURS {
            for method in ["GET", "POST", "DELETE"] {
                assert_eq!(talk.request(method, flavour).answer().status(), 200);
                let seen = talk.seen();
                assert_eq!((seen.text(), seen.input_length.as_str()), ("", "None"), "{method}");
            }
            assert_eq!(talk.post(flavour).body("").answer().status(), 200);
            assert_eq!(talk.seen().text(), "");
        }
    }),
    Case::message("a_body_with_a_length_ends_at_it", &[46, 68], both, |talk| {
        for flavour in FLAVOURS {
            assert_eq!(talk.post(flavour).body("hello").answer().status(), 200);
            let seen = talk.seen();
            assert_eq!((seen.text(), seen.input_length.as_str()), ("hello", "Known(5)"));
        }
    }),
    Case::message("a_body_of_unknown_length_is_read_to_its_end", &[47, 68], both, |talk| {
        for flavour in FLAVOURS {
            assert_eq!(talk.post(flavour).pieces(["hel", "lo, ", "world"]).answer().status(), 200);
            let seen = talk.seen();
            assert_eq!((seen.text(), seen.input_length.as_str()), ("hello, world", "Unknown"));
        }
    }),
    Case::wire("a_chunked_body_is_read_to_its_end", &[47, 68], both, |talk| {
        for flavour in FLAVOURS {
            let bytes = [talk.raw_chunked(flavour), chunks(&[b"hel", b"lo, ", b"world"])].concat();
            assert_eq!(talk.raw().ask(bytes).status(), 200);
            let seen = talk.seen();
            assert_eq!((seen.text(), seen.input_length.as_str()), ("hello, world", "Unknown"));
        }
    }),
    // The end is told again and again.
    Case::message(
        "reading_past_the_end_gives_the_end",
        &[45],
        || {
            BoxApp::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
                let input = environ.input_mut();
                let whole = input.collect(100).await?;
                for _ in 0..3 {
                    if let Some(piece) = input.piece().await {
                        return Err(format!("{piece:?} behind the end").into());
                    }
                }
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(whole))
            }))
        },
        |talk| {
            assert_eq!(talk.post("/").body("abc").answer().text(), "abc");
            assert_eq!(talk.post("/").pieces(["abc"]).answer().text(), "abc");
        },
    ),
    Case::wire("a_request_may_be_cut_at_every_position", &[48], watching, |talk| {
        let content = b"3;a=\"b\"\r\nabc\r\n2\r\nde\r\n0\r\nx-t: 1\r\n\r\n";
        let whole = [talk.raw_chunked("/cut"), content.to_vec()].concat();
        let mut client = talk.raw();
        for at in 1..whole.len() {
            client.send(&whole[..at]).send(&whole[at..]);
            assert_eq!(client.answer().status(), 200, "cut at {at}");
            let seen = talk.seen();
            assert_eq!((seen.path_info.as_str(), seen.text()), ("/cut", "abcde"), "cut at {at}");
        }
    }),
    Case::wire("many_tiny_chunks_are_one_body", &[49], both, |talk| {
        let content = noise(5000);
        let bytes: Vec<&[u8]> = content.chunks(1).collect();
        for flavour in FLAVOURS {
            assert_eq!(talk.raw().ask([talk.raw_chunked(flavour), chunks(&bytes)].concat()).status(), 200);
            assert!(talk.seen().body.unwrap() == content);
        }
    }),
    Case::message("many_tiny_pieces_are_one_body", &[49], both, |talk| {
        let content = noise(1000);
        for flavour in FLAVOURS {
            let pieces: Vec<Vec<u8>> = content.chunks(1).map(<[u8]>::to_vec).collect();
            assert_eq!(talk.post(flavour).pieces(pieces).answer().status(), 200);
            assert!(talk.seen().body.unwrap() == content);
        }
    }),
    Case::wire("chunk_extensions_are_ignored", &[49], watching, |talk| {
        let content = b"3;name=value;other=\"quoted\"\r\nabc\r\n0;last\r\n\r\n";
        assert_eq!(talk.raw().ask([talk.raw_chunked("/"), content.to_vec()].concat()).status(), 200);
        assert_eq!(talk.seen().text(), "abc");
    }),
    Case::message(
        "large_bodies_arrive_whole",
        &[56, 68],
        || BoxApp::new(Mount::new().at("/async", app_fn(intact)).at("/blocking", blocking(intact_blocked))),
        |talk| {
            for size in [96_000, 10 << 20] {
                let (content, told) = (noise(size), format!("{size} bytes, intact: true"));
                for flavour in FLAVOURS {
                    assert_eq!(talk.post(flavour).body(content.clone()).answer().text(), told);
                    let pieces: Vec<Vec<u8>> = content.chunks(10_007).map(<[u8]>::to_vec).collect();
                    assert_eq!(talk.post(flavour).pieces(pieces).answer().text(), told, "of unknown length");
                }
            }
        },
    ),
    // An error, with a length and in chunks, and never the end. (Without `half_close` the client counts as gone, and an
    // async app is dropped before it could tell.)
    Case::hosted("a_body_that_stops_early_is_truncated_or_gone", &[50, 51], |ground| {
        let (app, noted) = noting(both());
        let server = ground.serve_with(app, |config| config.half_close(HalfClose::Answered));
        for flavour in FLAVOURS {
            for start in [
                request("POST", flavour, &[("content-length", "10")], b"abc"),
                [chunked_head(flavour), b"5\r\nabc".to_vec()].concat(),
                [chunked_head(flavour), b"3\r\nabc\r\n".to_vec()].concat(),
                [chunked_head(flavour), b"3\r\nabc\r\n0\r\n".to_vec()].concat(),
            ] {
                let mut client = server.client();
                client.send(&start).half_close();
                let kind = noted.seen().body.unwrap_err();
                let text = String::from_utf8_lossy(&start);
                assert!(matches!(kind.as_str(), "Truncated" | "Disconnected"), "{kind} for {text:?}");
                client.rest();
            }
        }
    }),
    // Whatever an app leaves of a body, the next request is parsed where it begins.
    Case::wire("a_body_left_unread_does_not_disturb_the_next_request", &[52, 59, 60, 61], leaving, |talk| {
        let body = noise(40_000);
        let pieces: Vec<&[u8]> = body.chunks(999).collect();
        for path in ["/none", "/part"] {
            for request in [talk.raw_post(path, &body), [talk.raw_chunked(path), chunks(&pieces)].concat()] {
                let mut client = talk.raw();
                let answer = client.ask(request);
                assert_eq!((answer.status(), answer.text()), (200, path));
                if answer.says_close() {
                    client.expect_closed();
                } else {
                    assert_eq!(client.ask(talk.raw_get("/next")).text(), "/next", "behind {path}");
                }
            }
        }
    }),
    Case::message("what_an_app_leaves_of_a_body_is_no_ones", &[59, 60, 61], leaving, |talk| {
        let body = noise(40_000);
        for path in ["/none", "/part"] {
            for _ in 0..2 {
                assert_eq!(talk.post(path).body(body.clone()).answer().text(), path);
                let pieces: Vec<Vec<u8>> = body.chunks(999).map(<[u8]>::to_vec).collect();
                assert_eq!(talk.post(path).pieces(pieces).answer().text(), path);
                assert_eq!(talk.get("/next").answer().text(), "/next");
            }
        }
    }),
    // In the same packet, where nothing can be told apart by time.
    Case::wire("a_small_unread_body_and_a_pipelined_request", &[52, 60], leaving, |talk| {
        let small = talk.raw_get("/smuggled");
        for first in [talk.raw_post("/a", &small), [talk.raw_chunked("/a"), chunks(&[&small])].concat()] {
            let mut client = talk.raw();
            client.send([first, talk.raw_get("/b")].concat());
            let answer = client.answer();
            assert_eq!(answer.text(), "/a");
            if answer.says_close() {
                client.expect_end();
            } else {
                assert_eq!(client.answer().text(), "/b");
            }
        }
    }),
    // An answer isn't lost in a reset because its client was still sending.
    Case::wire(
        "an_answer_reaches_a_client_that_is_still_sending",
        &[59, 129],
        || {
            BoxApp::new(plain(|_, start_response| {
                Ok(start_response.start(StatusCode::PAYLOAD_TOO_LARGE, PLAIN)?.body("enough"))
            }))
        },
        |talk| {
            let size = 200_000;
            let mut client = talk.raw();
            client.send(talk.raw_request("POST", "/", &[("content-length", &size.to_string())], b""));
            client.send(noise(size / 2));
            let answer = client.answer();
            assert_eq!((answer.status(), answer.text()), (413, "enough"));
            if answer.says_close() {
                client.half_close();
                client.expect_closed();
            } else {
                client.send(noise(size / 2));
                assert_eq!(client.ask(talk.raw_get("/")).status(), 413);
            }
        },
    ),
    Case::message(
        "an_input_that_was_given_away_is_empty",
        &[],
        || {
            BoxApp::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
                let mut taken = environ.take_input();
                let left = environ.input_mut().collect(100).await?;
                let length = environ.input_length();
                let whole = taken.collect(100).await?;
                let text = format!("{length:?}, {} left, {} taken", left.len(), whole.len());
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(text))
            }))
        },
        |talk| {
            assert_eq!(talk.post("/").body("abc").answer().text(), "None, 0 left, 3 taken");
            assert_eq!(talk.post("/").pieces(["a", "bc"]).answer().text(), "None, 0 left, 3 taken");
        },
    ),
    // On a thread that must not block, `read` is an error and no hang; on one that may, it reads.
    Case::message(
        "reading_where_blocking_is_forbidden_is_a_typed_error",
        &[68],
        || BoxApp::new(app_fn(reads_at_once)),
        |talk| {
            let answer = talk.post("/").body("abc").answer();
            let (may_block, read): (bool, Result<usize, String>) = talk.note("read");
            match read {
                Ok(read) => {
                    assert!(may_block && read > 0, "{read}");
                    assert_eq!(answer.text(), &"abc"[read..]);
                }
                Err(kind) => {
                    assert_eq!((may_block, kind.as_str()), (false, "WouldBlock"));
                    assert_eq!(answer.text(), "abc", "nothing was lost by it");
                }
            }
        },
    ),
    // An app may move its input into its body and read there.
    Case::message(
        "a_blocking_body_may_read_the_input",
        &[68],
        || {
            BoxApp::new(blocking(|mut environ: Environ, start_response: StartResponse| {
                let body = Body::reader(environ.take_input());
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
            }))
        },
        |talk| {
            let content = noise(300_000);
            assert!(talk.post("/").body(content.clone()).answer().body() == &content);
            let pieces: Vec<Vec<u8>> = content.chunks(70_000).map(<[u8]>::to_vec).collect();
            assert!(talk.post("/").pieces(pieces).answer().body() == &content);
        },
    ),
];

/// What the answers here are.
const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];

/// Where [`both`] has its apps.
const FLAVOURS: [&str; 2] = ["/async", "/blocking"];

/// An async app and a blocking one: what they read of the same body is the same.
fn both() -> BoxApp {
    BoxApp::new(Mount::new().at(FLAVOURS[0], watching()).at(FLAVOURS[1], watching_blocked()))
}

/// Says whether its body is [`noise`]: no note of ten megabytes has to travel.
async fn intact(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut body = Vec::new();
    while let Some(piece) = environ.input_mut().piece().await {
        body.extend_from_slice(&piece?);
    }
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(compared(&body)))
}

fn intact_blocked(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut body = Vec::new();
    std::io::Read::read_to_end(environ.input_mut(), &mut body)?;
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(compared(&body)))
}

fn compared(body: &[u8]) -> String {
    format!("{} bytes, intact: {}", body.len(), body == noise(body.len()))
}

/// Reads nothing of a body, or one piece of it for `/part`, and answers its path.
fn leaving() -> BoxApp {
    BoxApp::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        if environ.path_info() == "/part" {
            let _some = environ.input_mut().piece().await.transpose()?;
        }
        let path = environ.path_info().to_owned();
        Ok(start_response.start(StatusCode::OK, PLAIN)?.body(path))
    }))
}

/// Reads as a blocking app does, wherever it runs, and tells what came of it; answers the rest.
async fn reads_at_once(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let read = std::io::Read::read(environ.input_mut(), &mut [0; 8]);
    let read = read.map_err(|error| InputError::find(&error).map(|it| format!("{:?}", it.kind())));
    Notes::of(&environ).tell("read", &(thread_may_block(), read.map_err(Option::unwrap_or_default)));
    let rest = environ.input_mut().collect(100).await?;
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(rest))
}
