//! Clients that fail while they send: late, in single bytes, broken off, or half closed in the middle.
//!
//! Nobody else may notice them, and no app may take a piece for the whole. What is malformed is in `framing.rs`, what is
//! too slow in `limits.rs`; clients that fail while they are answered are in `faults.rs`.

use std::io::Read as _;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{
    App as _, BoxApp, Environ, Error, InputError, InputErrorKind, StartResponse, Started, app_fn, blocking,
};

use crate::suite::apps::watching;
use crate::suite::case::Case;
use crate::suite::notes::Notes;
use crate::suite::talk::Talk;
use crate::wire::RawClient;
use crate::wire::bytes::chunks;

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];

pub(super) const CASES: &[Case] = &[
    // A part of the head, and the rest when others have been served: whatever part that is.
    Case::wire("a_head_that_comes_late_is_awaited", &[48, 134], watching, |talk| {
        let whole = talk.raw_post("/late", b"content");
        let end = whole.len() - "content".len();
        let cuts = [1, 3, 5, 14, 16, 30, end / 2, end - 3, end - 1, end, end + 3];
        let mut late = cuts.map(|at| {
            let mut client = talk.raw();
            client.send(&whole[..at]);
            assert_eq!(talk.raw().ask(talk.raw_get("/other")).status(), 200);
            assert_eq!(talk.seen().path_info, "/other");
            (at, client)
        });
        for (at, client) in late.iter_mut().rev() {
            assert_eq!(client.send(&whole[*at..]).answer().status(), 200, "cut at {at}");
            let seen = talk.seen();
            assert_eq!((seen.path_info.as_str(), seen.text()), ("/late", "content"), "cut at {at}");
        }
    })
    .parallel(),
    Case::message("content_that_comes_late_is_awaited", &[49, 134], watching, |talk| {
        let mut late = [(); 3].map(|()| talk.post("/late").by_hand().open().unwrap());
        for piece in ["a", "bc", "def"] {
            for open in &mut late {
                open.feed(piece);
            }
            assert_eq!(talk.get("/other").answer().text(), "seen");
            assert_eq!(talk.seen().path_info, "/other");
        }
        for mut open in late {
            open.end_input();
            assert_eq!(open.finish().text(), "seen");
            assert_eq!(talk.seen().text(), "abcdef");
        }
    })
    .parallel(),
    // Chunks of one byte, each in a write of its own, before apps that read all, some or nothing of them.
    Case::wire("chunks_of_one_byte_are_one_body_for_every_reader", &[49, 60, 61], reading, |talk| {
        let content = b"one byte a chunk";
        let pieces: Vec<&[u8]> = content.chunks(1).collect();
        let whole = chunks(&pieces);
        let all = "one byte a chunk";
        for (path, read) in [("/all", all), ("/blocked", all), ("/one", "o"), ("/none", "")] {
            let mut client = talk.raw();
            client.send(talk.raw_chunked(path));
            for chunk in whole.chunks(6) {
                // A server that answers early may close before it has everything.
                let _closed = client.try_send(chunk);
            }
            let answer = client.answer();
            assert_eq!(answer.text(), read, "{path}");
            if !answer.says_close() {
                assert_eq!(client.ask(talk.raw_get("/all")).text(), "", "the next request after {path}");
            }
        }
    }),
    // At any place: nothing is taken for whole, each call has one end, and others are served.
    Case::wire("a_request_that_breaks_off_is_never_taken_for_whole", &[51, 115, 121], reading, |talk| {
        for path in ["/all", "/blocked"] {
            for (framing, request) in cut_in_the_content(talk, path) {
                for leave in [drop as fn(RawClient), RawClient::reset] {
                    let mut client = talk.raw();
                    client.send(&request);
                    talk.happened("called");
                    leave(client);
                    talk.outcome();
                    no_whole_read(talk, &format!("{path} with {framing}"));
                    assert_eq!(talk.raw().ask(talk.raw_get("/none")).text(), "");
                    talk.happened("called");
                    assert!(talk.outcome().is_whole());
                }
            }
        }
        talk.nothing("called");
        talk.nothing("outcome");
    })
    .parallel(),
    // Before the app could be called: then it is not.
    Case::wire("a_head_that_breaks_off_calls_nobody", &[51, 115], reading, |talk| {
        let whole = talk.raw_get("/all");
        for at in [1, 3, 5, whole.len() / 2, whole.len() - 2, whole.len() - 1] {
            for leave in [drop as fn(RawClient), RawClient::reset] {
                let mut client = talk.raw();
                client.send(&whole[..at]);
                leave(client);
            }
            // What is refused is told, or nothing is; either way that is the end.
            let mut client = talk.raw();
            client.send(&whole[..at]).half_close();
            if let Ok(answer) = client.try_answer("GET") {
                assert!(matches!(answer.status(), 400 | 408), "{:?}", answer.head);
            }
            client.expect_end();
            assert_eq!(talk.raw().ask(talk.raw_get("/none")).text(), "");
            talk.happened("called");
        }
        talk.nothing("called");
    }),
    Case::wire("content_that_is_half_closed_is_never_taken_for_whole", &[51, 117], reading, |talk| {
        for path in ["/all", "/blocked"] {
            for (framing, request) in cut_in_the_content(talk, path) {
                let mut client = talk.raw();
                client.send(&request).half_close();
                if let Ok(answer) = client.try_answer("GET") {
                    assert!(answer.status() >= 400, "{path} with {framing}: {:?}", answer.head);
                }
                client.expect_end();
                if talk.note_within::<()>("called", Duration::ZERO).is_some() {
                    talk.outcome();
                }
                no_whole_read(talk, &format!("{path} with {framing}"));
            }
        }
        talk.nothing("outcome");
    }),
];

/// Requests that end in their content, in all places that a framing has.
fn cut_in_the_content(talk: &Talk, path: &str) -> Vec<(&'static str, Vec<u8>)> {
    let with_length = talk.raw_request("POST", path, &[("content-length", "10")], b"");
    let chunked = talk.raw_chunked(path);
    let cut = |head: &[u8], content: &str| [head, content.as_bytes()].concat();
    vec![
        ("a length, nothing of it there", with_length.clone()),
        ("a length, some of it there", cut(&with_length, "abc")),
        ("chunks, none there", chunked.clone()),
        ("chunks, cut in a size", cut(&chunked, "3\r\nabc\r\n1")),
        ("chunks, cut in one", cut(&chunked, "3\r\nabc\r\n10\r\nabc")),
        ("chunks, cut behind one", cut(&chunked, "3\r\nabc\r\n")),
        ("chunks, without the last one's end", cut(&chunked, "3\r\nabc\r\n0\r\n")),
        ("chunks, cut in the trailers", cut(&chunked, "3\r\nabc\r\n0\r\nx-t: 1\r\n")),
    ]
}

/// What the app read, if it was still there to read, ended in an error.
fn no_whole_read(talk: &Talk, what: &str) {
    if let Some(read) = talk.note_within::<Result<String, String>>("read", Duration::ZERO) {
        let kind = read.expect_err(what);
        assert!(matches!(kind.as_str(), "Truncated" | "Disconnected"), "{what}: {kind}");
    }
}

/// Reads as much as the path says (`/all`, `/one` byte, `/none`; `/blocked` is all of it by code that blocks), and
/// answers with that; tells the call, the outcome, and what reading came to.
fn reading() -> BoxApp {
    BoxApp::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let notes = Notes::of(&environ);
        notes.tell_outcome(&environ);
        notes.tell("called", &());
        let read = match environ.path_info() {
            "/blocked" => return blocking(read_blocked).call(environ, start_response).await,
            "/none" => String::new(),
            "/one" => {
                let piece = environ.input_mut().piece().await.ok_or("no content")??;
                String::from_utf8_lossy(&piece[..1]).into_owned()
            }
            _ => {
                let read = environ.input_mut().collect(1000).await;
                let read = read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                notes.tell("read", &read.as_ref().map_err(kind));
                read?
            }
        };
        Ok(start_response.start(StatusCode::OK, PLAIN)?.body(read))
    }))
}

fn read_blocked(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut text = String::new();
    let read = environ.input_mut().read_to_string(&mut text);
    let told = read.as_ref().map(|_| text.as_str());
    let told = told.map_err(|error| InputError::find(error).map_or("Other".to_owned(), kind));
    Notes::of(&environ).tell("read", &told);
    read?;
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(text))
}

fn kind(error: &InputError) -> String {
    let kind: InputErrorKind = error.kind();
    format!("{kind:?}")
}
