//! HTTP/2's streams beside each other: none waits for another, a reset ends one, limits and the end concern all.
//!
//! Whole requests and answers are in `h2.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::h2::Reason;
use rsgi_core::http::StatusCode;
use rsgi_core::{Body, BoxApp, Capabilities, Environ, Error, StartResponse, Started, app_fn};

use crate::suite::apps::{TEXT, plain, target, watching, with_outcome};
use crate::suite::case::Case;
use crate::suite::ground::Ground;
use crate::suite::notes::Notes;
use crate::suite::noting::noting;
use crate::wire::bytes::noise;
use crate::wire::deadline::{Gate, events, settled};
use crate::wire::http2::{Http2, get, piece, request};

pub(super) const CASES: &[Case] = &[
    Case::frames(
        "streams_do_not_wait_for_each_other",
        &[127],
        || BoxApp::new(app_fn(gated)),
        |talk| {
            let mut client = talk.http2();
            let (slow, _) = client.send(talk.http2_request("GET", "/slow", &[]), true);
            talk.happened("inside");
            for number in 0..30 {
                let path = format!("/{number}");
                assert_eq!(client.ask(talk.http2_request("GET", &path, &[]), b"").text(), path);
            }
            talk.open("/slow");
            assert_eq!(client.answer(slow).text(), "/slow");
        },
    )
    .parallel(),
    // What streams share of their connection keeps their outcomes apart: one each, when its answer is sent.
    Case::frames(
        "two_open_streams_have_an_outcome_each",
        &[121, 127],
        || BoxApp::new(app_fn(gated)),
        |talk| {
            let mut client = talk.http2();
            let (first, _) = client.send(talk.http2_request("GET", "/slow/first", &[]), true);
            let (second, _) = client.send(talk.http2_request("GET", "/slow", &[]), true);
            for _ in 0..2 {
                talk.happened("inside");
            }
            for (path, answer) in [("/slow", second), ("/slow/first", first)] {
                talk.nothing("outcome");
                talk.open(path);
                assert_eq!(client.answer(answer).text(), path);
                let outcome = talk.outcome();
                assert!(outcome.is_whole(), "{outcome:?}");
                assert_eq!(outcome.body_bytes, path.len() as u64, "the other's");
            }
            // Whatever would be told twice has been by now.
            client.ask(talk.http2_request("GET", "/more", &[]), b"");
            assert_eq!(talk.outcome().body_bytes, 5);
            talk.nothing("outcome");
        },
    )
    .parallel(),
    Case::frames(
        "a_reset_ends_one_request_and_no_other",
        &[118, 119],
        || BoxApp::new(app_fn(gated)),
        |talk| {
            let mut client = talk.http2();
            let (other, _) = client.send(talk.http2_request("GET", "/slow/other", &[]), true);
            talk.happened("inside");
            let (_answer, mut stream) = client.send(talk.http2_request("GET", "/slow", &[]), true);
            talk.happened("inside");
            stream.send_reset(Reason::CANCEL);
            assert_eq!(talk.note::<String>("left"), "/slow");
            assert_eq!(talk.outcome().delivery, "Aborted(Reset)");
            talk.nothing("left");
            talk.open("/slow/other");
            assert_eq!(client.answer(other).text(), "/slow/other");
            assert!(talk.outcome().is_whole());
        },
    )
    .parallel(),
    Case::frames(
        "a_reset_ends_a_body",
        &[116, 118],
        || BoxApp::new(with_outcome(endless_body)),
        |talk| {
            let mut client = talk.http2();
            let (answer, mut stream) = client.send(talk.http2_request("GET", "/", &[]), true);
            let body = client.wait(async { answer.await.unwrap().into_body() });
            stream.send_reset(Reason::CANCEL);
            talk.happened("body");
            let outcome = talk.outcome();
            assert!(outcome.is_aborted(), "{outcome:?}");
            drop(body);
            talk.nothing("body");
            assert_eq!(
                client.ask(talk.http2_request("GET", "/fine", &[]), b"").text(),
                "fine",
                "the connection lives"
            );
        },
    )
    .parallel(),
    // A client that guards itself against floods of small frames takes those that it hasn't read yet for one.
    Case::frames(
        "many_small_pieces_are_no_flood_to_a_client_that_reads_late",
        &[98, 127],
        || {
            BoxApp::new(plain(|environ, start_response| {
                let held = Notes::of(&environ).on_drop("body");
                let pieces = (0..MANY).map(move |_| {
                    let _until_dropped = &held;
                    "x"
                });
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(Body::iter(pieces)))
            }))
        },
        |talk| {
            let mut client = talk.http2();
            let (answer, _) = client.send(talk.http2_request("GET", "/", &[]), true);
            talk.happened("body");
            assert_eq!(client.answer(answer).text().len(), MANY);
        },
    )
    .parallel(),
    Case::frames(
        "an_error_behind_the_head_resets_the_stream_and_no_other",
        &[94, 112],
        || BoxApp::new(with_outcome(broken_by_its_path)),
        |talk| {
            let mut client = talk.http2();
            for path in ["/error", "/missing", "/panic"] {
                let (answer, _) = client.send(talk.http2_request("GET", path, &[]), true);
                let broken = client.try_answer(answer).unwrap_err();
                assert_eq!(
                    (broken.status, broken.body.as_slice()),
                    (Some(200), b"one two ".as_slice()),
                    "{path}"
                );
                assert!(broken.error.is_reset(), "{path}: {:?}", broken.error);
                assert_eq!(talk.outcome().delivery, "Failed", "{path}");
                assert_eq!(client.ask(talk.http2_request("GET", "/fine", &[]), b"").text(), "fine");
                assert!(talk.outcome().is_whole());
            }
        },
    )
    .breaks(&["A11"]),
    of_http2(
        "a_graceful_end_tells_by_goaway_and_finishes",
        &[131],
        a_graceful_end_tells_by_goaway_and_finishes,
    ),
    of_http2("a_body_over_the_limit_is_413_on_http_2", &[57], |ground| {
        let (app, noted) = noting(watching());
        let server = ground.serve_with(app, |config| config.limits(|limits| limits.body_bytes = Some(1000)));
        let mut client = Http2::connect(server.address());
        assert_eq!(client.ask(request("POST", "/", &[]), &noise(1000)).status, 200);
        assert!(noted.seen().body.is_ok());
        assert_eq!(client.ask(request("POST", "/", &[]), &noise(1001)).status, 413);
        assert_eq!(client.ask(get("/"), b"").status, 200, "the connection lives");
    }),
    of_http2("a_head_over_the_limit_is_refused_on_http_2", &[39], |ground| {
        let (app, noted) = noting(watching());
        let server = ground.serve_with(app, |config| {
            config.limits(|limits| {
                limits.head_bytes = 8192;
                limits.target_bytes = 1000;
                limits.header_bytes = 8192;
                limits.header_count = 20;
            })
        });
        let mut client = Http2::connect(server.address());
        let long = "v".repeat(1500);
        assert_eq!(client.ask(request("GET", "/", &[("x-a", "1"); 30]), b"").status, 431);
        assert_eq!(client.ask(get(&format!("/{long}")), b"").status, 414);
        assert_eq!(client.ask(request("GET", "/", &[("x-a", long.as_str()); 10]), b"").status, 431);
        noted.unseen();
        assert_eq!(client.ask(get("/"), b"").status, 200, "the connection lives");
    }),
    of_http2("a_stream_that_is_not_read_is_held_back", &[99], a_stream_that_is_not_read_is_held_back),
    // By GOAWAY, and behind the last answer.
    of_http2("the_last_request_of_a_connection_of_http_2_ends_it", &[125], |ground| {
        let server = ground
            .serve_with(target(), |config| config.limits(|limits| limits.requests_per_connection = Some(3)));
        let mut client = Http2::connect(server.address());
        for turn in 1..=3 {
            let target = format!("/{turn}");
            assert_eq!(client.ask(get(&target), b"").text(), target);
        }
        client.ended().unwrap();
    }),
    of_http2("an_idle_connection_of_http_2_is_ended", &[130], |ground| {
        let soon = Some(Duration::from_millis(250));
        let server =
            ground.serve_with(target(), |config| config.timeouts(|timeouts| timeouts.keep_alive = soon));
        let mut client = Http2::connect(server.address());
        assert_eq!(client.ask(get("/a"), b"").text(), "/a");
        client.ended().unwrap();
    }),
];

const fn of_http2(name: &'static str, rules: &'static [u16], steps: fn(&Ground)) -> Case {
    Case::hosted(name, rules, steps).needs(Capabilities::HTTP2)
}

/// Answers its path; below `/slow`, when the gate of that name opens. Tells that it waits there, when it leaves, and
/// the outcome.
async fn gated(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    struct Leaves(Notes, String);
    impl Drop for Leaves {
        fn drop(&mut self) {
            self.0.tell("left", &self.1);
        }
    }
    let (notes, path) = (Notes::of(&environ), environ.path_info().to_owned());
    if path.starts_with("/slow") || path == "/more" {
        notes.tell_outcome(&environ);
    }
    if path.starts_with("/slow") {
        let opened = notes.gate(&path).opened();
        let _leaves = Leaves(notes.clone(), path.clone());
        notes.tell("inside", &());
        opened.await;
    }
    Ok(start_response.start(StatusCode::OK, TEXT)?.body(path))
}

/// Pieces of a byte each: fewer than a client's window has room for, many times more than it takes as frames (the `h2` crate's
/// takes 128), and so few that a server that earns its small frames by the clock isn't held to the machine's speed.
const MANY: usize = 2_000;

/// Gives bytes for ever, but on `/fine`; tells when the body is dropped.
fn endless_body(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let head = start_response.start(StatusCode::OK, TEXT)?;
    if environ.path_info() == "/fine" {
        return Ok(head.body("fine"));
    }
    let on_drop = Notes::of(&environ).on_drop("body");
    Ok(head.body(Body::push(move |writer| {
        let _until_dropped = on_drop;
        loop {
            writer.write_bytes("x".repeat(1000))?;
        }
    })))
}

fn broken_by_its_path(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let pieces: [Result<&'static str, &'static str>; 3] = [Ok("one "), Ok("two "), Err("no three")];
    let body = match environ.path_info() {
        "/error" => Body::iter(pieces),
        "/missing" => Body::iter(["one ", "two "]).with_length(100),
        "/panic" => Body::send(async |sender| {
            sender.send("one ").await?;
            sender.send("two ").await?;
            panic!("no three")
        }),
        _ => Body::from("fine"),
    };
    Ok(start_response.start(StatusCode::OK, TEXT)?.body(body))
}

fn a_graceful_end_tells_by_goaway_and_finishes(ground: &Ground) {
    let (teller, inside) = events();
    let gate = Gate::new();
    let held = gate.clone();
    let server = ground.serve(app_fn(move |environ: Environ, start_response: StartResponse| {
        let (teller, opened) = (teller.clone(), held.opened());
        async move {
            if environ.path_info() == "/held" {
                teller.tell(());
                opened.await;
            }
            Ok(start_response.start(StatusCode::OK, TEXT)?.body("finished"))
        }
    }));
    let mut client = Http2::connect(server.address());
    let (answer, _) = client.send(get("/held"), true);
    inside.next("the request");
    // A connection that was never used may be closed without a word.
    let mut idle = Http2::connect(server.address());
    assert_eq!(idle.ask(get("/"), b"").status, 200);
    server.stopper().stop();
    idle.ended().unwrap();
    gate.open();
    assert_eq!(client.answer(answer).text(), "finished");
    client.ended().unwrap();
    server.wait().unwrap();
}

fn a_stream_that_is_not_read_is_held_back(ground: &Ground) {
    let given = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&given);
    let app = plain(move |environ: Environ, start_response: StartResponse| {
        let counter = Arc::clone(&counter);
        let body = Body::push(move |writer| {
            loop {
                writer.write_bytes("x".repeat(4096))?;
                counter.fetch_add(4096, Ordering::Relaxed);
            }
        });
        let body = if environ.path_info() == "/" { body } else { Body::from("other") };
        Ok(start_response.start(StatusCode::OK, TEXT)?.body(body))
    });
    let server = ground.serve_with(app, |config| config.limits(|limits| limits.write_buffer = 32 << 10));
    // A window for the connection that the stream alone can't use up.
    let mut settings = ::h2::client::Builder::new();
    settings.initial_window_size(64 << 10).initial_connection_window_size(1 << 20);
    let mut client = Http2::connect_with(server.address(), &settings);
    let (answer, _) = client.send(get("/"), true);
    let held = settled("the body is held back", || given.load(Ordering::Relaxed));
    // The client's window of 64 KiB, the write buffer, and the queue between the app's thread and the reactor.
    assert!(held <= (64 << 10) + (32 << 10) + (64 << 10) + (16 << 10), "{held} bytes");
    assert_eq!(client.ask(get("/other"), b"").text(), "other", "other streams go on");
    let mut body = client.wait(answer).unwrap().into_body();
    let mut read = 0;
    while read < 2 * held {
        read += client.wait(piece(&mut body)).unwrap().unwrap().len();
    }
}
