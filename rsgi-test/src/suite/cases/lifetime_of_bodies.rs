//! Bodies and their clients: what is dropped, when and how often, and what the outcome says of an answer cut short.
//!
//! Bodies that break by themselves are in `errors_behind_the_head.rs`; clients that leave before the head in
//! `lifetime.rs`.

use std::io::{self, Read};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, BoxApp, Delivery, Environ, Error, Stack, StartResponse, Started, around};

use crate::suite::apps::{TEXT, plain, with_outcome};
use crate::suite::case::Case;
use crate::suite::notes::{Notes, OnDrop};
use crate::wire::RawClient;
use crate::wire::bytes::get;
use crate::wire::deadline::{events, patience};

pub(super) const CASES: &[Case] = &[
    Case::message(
        "a_body_stops_once_when_its_client_vanishes",
        &[116, 119, 107],
        || BoxApp::new(with_outcome(endless_body)),
        |talk| {
            for kind in ["/iterator", "/reader", "/async"] {
                let mut open = talk.get(kind).open().unwrap();
                assert_eq!(open.head().unwrap().status(), 200);
                assert!(open.piece().unwrap().unwrap().starts_with(b"x"), "{kind}");
                open.vanish();
                talk.happened("body");
                let outcome = talk.outcome();
                assert!(outcome.is_aborted(), "{kind}: {outcome:?}");
                assert_eq!((&*outcome.phase, outcome.status), ("Body", Some(200)), "{kind}: {outcome:?}");
                talk.nothing("body");
            }
        },
    )
    .parallel(),
    Case::wire(
        "a_body_stops_once_when_its_client_leaves",
        &[116, 119, 107],
        || BoxApp::new(with_outcome(endless_body)),
        |talk| {
            for kind in ["/iterator", "/reader", "/push", "/async"] {
                for leave in [drop as fn(RawClient), RawClient::reset] {
                    let mut client = talk.raw();
                    client.send(talk.raw_get(kind)).head();
                    client.bytes(100);
                    leave(client);
                    talk.happened("body");
                    let outcome = talk.outcome();
                    assert!(outcome.is_aborted() && outcome.phase == "Body", "{kind}: {outcome:?}");
                    talk.nothing("body");
                }
            }
        },
    )
    .parallel(),
    // A body that waits for something of its own is dropped too, and needs no piece to fail first.
    Case::message(
        "a_waiting_body_is_dropped_when_its_client_leaves",
        &[116, 119],
        || {
            BoxApp::new(with_outcome(|environ, start_response| {
                let held = Notes::of(&environ).on_drop("body");
                let body = Body::send(async move |sender| {
                    sender.send("x").await?;
                    std::future::pending::<()>().await;
                    drop(held);
                    Ok(())
                });
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(body))
            }))
        },
        |talk| {
            let mut open = talk.get("/").open().unwrap();
            assert_eq!(open.piece().unwrap().unwrap(), "x");
            talk.nothing("body");
            open.vanish();
            talk.happened("body");
            let outcome = talk.outcome();
            assert!(outcome.is_aborted(), "{outcome:?}");
            assert_eq!(outcome.phase, "Body");
        },
    )
    .parallel(),
    Case::message(
        "a_body_is_dropped_exactly_once_whatever_becomes_of_it",
        &[107, 119],
        || BoxApp::new(plain(becomes_what_the_path_says)),
        |talk| {
            for (method, target) in [
                ("GET", "/"),
                ("HEAD", "/"),
                ("GET", "/?204"),
                ("GET", "/?304"),
                ("GET", "/?205"),
                ("GET", "/error"),
                ("GET", "/panic"),
                ("GET", "/refused"),
            ] {
                talk.request(method, target).answer();
                let dropped = talk.note_within::<()>("body", patience());
                assert!(dropped.is_some(), "{method} {target}");
                talk.nothing("body");
            }
        },
    )
    .breaks(&["A11", "A16", "S20", "S21"]),
    // Middleware that puts another body in place drops the one that was there, before anything is sent.
    Case::message(
        "a_body_that_middleware_replaces_is_dropped",
        &[109],
        || {
            let inner = plain(|environ, start_response| {
                let held = Notes::of(&environ).on_drop("inner");
                let pieces = ["in", "ner"].into_iter().inspect(move |_| held_by(&held));
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(Body::iter(pieces)))
            });
            let replace = around(|environ, start_response, next| async move {
                let started = next.call(environ, start_response).await?;
                Ok(started.map_body(|_inner| Body::from("outer")))
            });
            BoxApp::new(Stack::new().then(replace).app(inner))
        },
        |talk| {
            assert_eq!(talk.get("/").answer().text(), "outer");
            talk.happened("inner");
            talk.nothing("inner");
        },
    ),
    // What the system took is whole, though the client never reads it and then resets.
    Case::wire(
        "a_small_answer_that_nobody_reads_is_whole",
        &[121],
        || {
            BoxApp::new(with_outcome(|_, start_response| {
                Ok(start_response.start(StatusCode::OK, TEXT)?.body("small"))
            }))
        },
        |talk| {
            let mut client = talk.raw();
            client.send(talk.raw_get("/"));
            let outcome = talk.outcome();
            client.reset();
            assert!(outcome.is_whole(), "{outcome:?}");
        },
    )
    .parallel(),
    // A client that never reads a large answer is timed out, and the answer isn't whole.
    Case::hosted("a_large_answer_that_nobody_reads_times_out", &[121, 122], |ground| {
        let bodies: [fn() -> Body; 2] = [
            || Body::from(vec![b'x'; LARGE]),
            || Body::iter(std::iter::repeat_n("x".repeat(10_000), 10_000)),
        ];
        for body in bodies {
            let (teller, outcomes) = events();
            let app = plain(move |environ, start_response| {
                let teller = teller.clone();
                environ.on_outcome(move |outcome| teller.tell(outcome.clone()));
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(body()))
            });
            let server = ground.serve_with(app, |config| {
                config.timeouts(|timeouts| timeouts.write = Some(Duration::from_millis(300)))
            });
            let mut client = server.client();
            client.send(get("/"));
            let outcome = outcomes.next("the outcome");
            assert_eq!(outcome.delivery, Delivery::TimedOut, "{outcome:?}");
            client.rest();
        }
    }),
    // Nor is an answer whole whose client left in its middle.
    Case::message(
        "a_large_answer_whose_client_vanishes_is_aborted",
        &[121, 116],
        || BoxApp::new(with_outcome(large)),
        |talk| {
            let mut open = talk.get("/").open().unwrap();
            open.head().unwrap();
            open.vanish();
            let outcome = talk.outcome();
            assert!(outcome.is_aborted() && !outcome.is_whole(), "{outcome:?}");
        },
    )
    .parallel(),
    Case::wire(
        "a_large_answer_whose_client_leaves_is_aborted",
        &[121, 116],
        || BoxApp::new(with_outcome(large)),
        |talk| {
            let mut client = talk.raw();
            client.send(talk.raw_get("/")).bytes(1000);
            client.reset();
            let outcome = talk.outcome();
            assert!(["Aborted(Reset)", "Aborted(Closed)"].contains(&&*outcome.delivery), "{outcome:?}");
        },
    )
    .parallel(),
];

/// More than any socket takes unread.
const LARGE: usize = 64 << 20;

fn large(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.start(StatusCode::OK, TEXT)?.body(vec![b'x'; LARGE]))
}

/// Uses what a body holds, so that it moves in and lives as long.
fn held_by(held: &OnDrop) {
    assert!(!format!("{held:?}").is_empty());
}

struct Endless(OnDrop);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        held_by(&self.0);
        buffer.fill(b'x');
        Ok(buffer.len())
    }
}

/// Answers with an endless body of the kind that the path names.
fn endless_body(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let held = Notes::of(&environ).on_drop("body");
    let body = match environ.path_info() {
        "/iterator" => Body::iter(std::iter::repeat_with(move || {
            held_by(&held);
            "x"
        })),
        "/reader" => Body::reader(Endless(held)),
        "/push" => Body::push(move |writer| {
            let _held = held;
            loop {
                writer.write_bytes("x".repeat(1000))?;
            }
        }),
        _ => Body::send(async move |sender| {
            let _held = held;
            loop {
                sender.send("x".repeat(1000)).await?;
            }
        }),
    };
    Ok(start_response.start(StatusCode::OK, TEXT)?.body(body))
}

/// Makes a body, and has it sent, refused, or thrown away by an error or a panic.
fn becomes_what_the_path_says(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let dropped = Notes::of(&environ).on_drop("body");
    let body = Body::iter(["a", "b"].into_iter().inspect(move |_| held_by(&dropped)));
    let status: StatusCode = environ.query().unwrap_or("200").parse()?;
    let head = start_response.status(status);
    let head = if status == StatusCode::OK { head.header("content-type", "text/plain")? } else { head };
    match environ.path_info() {
        "/error" => Err(format!("with a body in hand: {body:?}").into()),
        "/panic" => panic!("with a body in hand: {body:?}"),
        "/refused" => Ok(head.header("content-length", "7")?.body(body.with_length(2))),
        _ => Ok(head.body(body)),
    }
}
