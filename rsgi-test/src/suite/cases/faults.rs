//! Clients that fail while an answer comes, for every kind of body: they don't read, leave, or close their half.
//!
//! What of this concerns one kind or one cause is in `lifetime.rs` and `backpressure.rs`; clients that fail while they
//! send are in `faults_of_requests.rs`.

use std::time::Duration;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::StatusCode;
use rsgi_core::server::HalfClose;
use rsgi_core::{BoxApp, Cause, Environ, Error, StartResponse, Started};

use super::every_kind::{self, KINDS};
use crate::suite::apps::plain;
use crate::suite::case::Case;
use crate::suite::endpoint::Reach;
use crate::suite::notes::Notes;
use crate::suite::talk::{Talk, Way};
use crate::wire::RawClient;
use crate::wire::answer::Break;
use crate::wire::bytes::{get, noise};

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];

/// More than a small socket takes.
const MUCH: usize = 1 << 20;
/// More than two sockets' buffers ever take.
const TOO_MUCH: usize = 24 << 20;

pub(super) const CASES: &[Case] = &[
    // A closed window: nobody else waits for a client that reads nothing, and it gets all of it when it reads.
    Case::wire(
        "a_client_that_reads_late_gets_every_kind_of_body_whole",
        &[99, 98, 134],
        || BoxApp::new(plain(much_of_every_kind)),
        |talk| {
            let mut deaf = KINDS.map(|kind| {
                let mut client = narrow(talk);
                client.send(talk.raw_get(kind));
                talk.happened("called");
                (kind, client)
            });
            for _ in 0..3 {
                assert_eq!(talk.raw().ask(talk.raw_get("/quick")).text(), "quick");
            }
            let content = noise(MUCH);
            for (kind, client) in &mut deaf {
                let answer = client.answer();
                assert!(answer.body == content, "{kind}: {} bytes", answer.body.len());
                talk.happened("dropped");
            }
            talk.nothing("dropped");
        },
    )
    .parallel(),
    // In the middle of an answer: the body is dropped, once, and nobody is told that all was sent.
    Case::message(
        "a_client_that_leaves_stops_every_kind_of_body_once",
        &[116, 119, 121],
        || BoxApp::new(plain(too_much_of_every_kind)),
        |talk| {
            for cause in [Cause::Closed, Cause::Reset] {
                for kind in KINDS {
                    let mut open = talk.get(kind).open().unwrap();
                    assert_eq!(open.head().unwrap().status(), 200);
                    assert!(open.piece().unwrap().unwrap().starts_with(b"x"));
                    open.vanish_by(cause);
                    drop(open);
                    let outcome = talk.outcome();
                    assert!(!outcome.is_whole(), "{kind}: {outcome:?}");
                    talk.happened("dropped");
                }
            }
            assert_eq!(talk.get("/quick").answer().text(), "quick");
            talk.nothing("dropped");
        },
    ),
    // With a closed window: then nothing that the server sends tells it of the client's end.
    Case::wire(
        "a_deaf_client_that_leaves_stops_every_kind_of_body_once",
        &[116, 119, 121],
        || BoxApp::new(plain(too_much_of_every_kind)),
        |talk| {
            for leave in [drop as fn(RawClient), RawClient::reset] {
                for kind in KINDS {
                    let mut client = narrow(talk);
                    client.send(talk.raw_get(kind)).head();
                    leave(client);
                    let outcome = talk.outcome();
                    assert!(!outcome.is_whole(), "{kind}: {outcome:?}");
                    talk.happened("dropped");
                }
            }
            assert_eq!(talk.raw().ask(talk.raw_get("/quick")).text(), "quick");
            talk.nothing("dropped");
        },
    ),
    // By default this counts as gone (rule 117): then the answer may come or break off, but never looks whole and isn't.
    Case::wire(
        "a_half_close_behind_the_request_breaks_no_kind_of_body_silently",
        &[117, 119, 121],
        || BoxApp::new(plain(much_of_every_kind)),
        |talk| {
            let content = noise(MUCH);
            for kind in KINDS {
                let mut client = talk.raw();
                client.send(talk.raw_get(kind)).half_close();
                let answer = client.try_answer("GET");
                match &answer {
                    Ok(answer) => {
                        assert!(answer.body == content, "{kind}: {} bytes", answer.body.len());
                        client.expect_end();
                    }
                    Err(broken) => {
                        assert!(matches!(broken.cause, Break::Closed | Break::Reset), "{kind}: {broken}");
                    }
                }
                if talk.note_within::<()>("called", Duration::ZERO).is_some() {
                    let outcome = talk.outcome();
                    assert!(answer.is_ok() || !outcome.is_whole(), "{kind}: {outcome:?}");
                    talk.happened("dropped");
                }
            }
            talk.nothing("outcome");
            talk.nothing("dropped");
        },
    ),
    Case::hosted("with_half_close_every_kind_of_body_is_answered_whole", &[117], |ground| {
        let app = plain(|environ: Environ, start_response: StartResponse| {
            let body = every_kind::body_alone(environ.path_info(), &noise(MUCH).into())?;
            Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
        });
        let server = ground.serve_with(app, |config| config.half_close(HalfClose::Answered));
        let content = noise(MUCH);
        for kind in KINDS {
            let mut client = server.client();
            client.send(get(kind)).half_close();
            let answer = client.answer();
            assert!(answer.body == content, "{kind}: {} bytes", answer.body.len());
            client.expect_closed();
        }
    }),
];

/// A client that takes little before it reads.
fn narrow(talk: &Talk) -> RawClient {
    let client = match talk.reach() {
        Reach::Tcp(address) => RawClient::narrow(*address, 32 << 10),
        // A unix socket's buffer is small anyway.
        Reach::Unix(_) => talk.raw(),
    };
    if talk.way() == Way::ByteByByte { client.byte_by_byte() } else { client }
}

fn much_of_every_kind(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    of_every_kind(&environ, start_response, || noise(MUCH).into())
}

fn too_much_of_every_kind(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    of_every_kind(&environ, start_response, || vec![b'x'; TOO_MUCH].into())
}

/// Answers with the kind of body that the path names; tells the call, the body's drop and the outcome.
fn of_every_kind(
    environ: &Environ,
    start_response: StartResponse,
    content: impl FnOnce() -> Bytes,
) -> Result<Started, Error> {
    let head = start_response.start(StatusCode::OK, PLAIN)?;
    if environ.path_info() == "/quick" {
        return Ok(head.body("quick"));
    }
    let notes = Notes::of(environ);
    notes.tell_outcome(environ);
    notes.tell("called", &());
    Ok(head.body(every_kind::body(environ.path_info(), &content(), notes.on_drop("dropped"))?))
}
