//! Connections: kept or closed, pipelined, and open in parallel.
//!
//! Timeouts are in `limits.rs`, the end of the server in `shutdown.rs`, streams of HTTP/2 in `h2_streams.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, BoxApp, Environ, Error, StartResponse, Started, app_fn, blocking};

use crate::suite::apps::{plain, target};
use crate::suite::case::Case;
use crate::suite::ground::Ground;
use crate::suite::notes::Notes;
use crate::wire::bytes::get;
use crate::wire::deadline::{Gate, events};

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];

/// What a request may be answered with: paths and statuses of [`every_answer`].
const ANSWERS: [&str; 9] =
    ["/?204", "/?304", "/empty", "/stream", "/nothing", "/?205", "/?500", "/", "/stream?304"];

pub(super) const CASES: &[Case] = &[
    Case::wire("a_connection_is_kept_by_default_on_http_1_1", &[124], target, |talk| {
        let mut client = talk.raw();
        for turn in 0..5 {
            let path = format!("/{turn}");
            let answer = client.ask(talk.raw_get(&path));
            assert_eq!(answer.text(), talk.at(&path));
            assert!(!answer.says_close());
        }
    }),
    Case::wire("the_clients_close_is_honoured", &[124], target, |talk| {
        for value in ["close", "Close", "x-a, close", "keep-alive, close"] {
            let mut client = talk.raw();
            let answer = client.ask(talk.raw_request("GET", "/", &[("connection", value)], b""));
            assert!(answer.says_close(), "{value}");
            client.expect_closed();
        }
    }),
    Case::wire("http_1_0_is_kept_only_when_asked", &[124], target, |talk| {
        let (path, line) = (talk.at("/a"), talk.line());
        let mut client = talk.raw();
        assert_eq!(client.ask(format!("GET {path} HTTP/1.0\r\n{line}\r\n")).text(), path);
        client.expect_closed();
        let mut client = talk.raw();
        for path in [talk.at("/a"), talk.at("/b")] {
            let answer = client.ask(format!("GET {path} HTTP/1.0\r\nconnection: keep-alive\r\n{line}\r\n"));
            assert_eq!(answer.text(), path);
            let kept =
                answer.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("keep-alive"));
            assert!(kept, "{:?}", answer.head);
        }
    }),
    Case::wire(
        "the_apps_close_is_honoured",
        &[125],
        || BoxApp::new(plain(|_, start| Ok(start.start(StatusCode::OK, PLAIN)?.close().body("last")))),
        |talk| {
            let mut client = talk.raw();
            // It may close before it has got what it won't answer.
            let _closed = client.send(talk.raw_get("/")).try_send(talk.raw_get("/never"));
            let answer = client.answer();
            assert_eq!((answer.says_close(), answer.text()), (true, "last"));
            let (rest, _) = client.rest();
            assert!(rest.is_empty(), "nothing follows the last answer");
        },
    ),
    Case::wire(
        "pipelined_requests_are_answered_in_order",
        &[126],
        || BoxApp::new(plain(target_by_every_road)),
        |talk| {
            let targets: Vec<String> =
                (0..60).map(|number| format!("/{}{number}", "x".repeat(number % 7))).collect();
            let requests = targets.iter().enumerate().flat_map(|(index, target)| match index % 5 {
                0 => talk.raw_post(target, b"some content"),
                _ => talk.raw_get(target),
            });
            let mut client = talk.raw();
            client.send(requests.collect::<Vec<u8>>());
            for target in &targets {
                assert_eq!(client.answer().text(), talk.at(target));
            }
        },
    ),
    // A slow first answer holds back a fast second one.
    Case::wire(
        "a_pipelined_answer_waits_for_the_one_before",
        &[126],
        || {
            BoxApp::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
                // It may have read its content when the next request comes.
                let _content = environ.input_mut().collect(100).await?;
                if environ.path_info() == "/slow" {
                    Notes::of(&environ).gate("slow").opened().await;
                }
                let path = environ.path_info().to_owned();
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(path))
            }))
        },
        |talk| {
            let slow = [talk.raw_get("/slow"), talk.raw_post("/slow", b"content")];
            let mut clients = slow.map(|slow| {
                let mut client = talk.raw();
                client.send([slow, talk.raw_get("/fast")].concat()).expect_silence();
                client
            });
            talk.open("slow");
            for client in &mut clients {
                assert_eq!(client.answer().text(), "/slow");
                assert_eq!(client.answer().text(), "/fast");
            }
        },
    )
    .parallel(),
    Case::wire(
        "a_connection_is_usable_behind_every_kind_of_answer",
        &[128],
        || BoxApp::new(plain(every_answer)),
        |talk| {
            let mut client = talk.raw();
            for _ in 0..2 {
                for method in ["GET", "HEAD", "POST"] {
                    for target in ANSWERS {
                        client.ask(talk.raw_request(method, target, &[], b""));
                    }
                }
            }
            assert_eq!(client.ask(talk.raw_get("/")).text(), "text");
        },
    )
    .breaks(&["S20", "S21"]),
    // The same above the wire: no answer shows in the next one.
    Case::message(
        "requests_in_a_row_are_answered_each_by_its_own",
        &[128],
        || BoxApp::new(plain(every_answer)),
        |talk| {
            for _ in 0..2 {
                for target in ANSWERS {
                    let (got, head) = (talk.get(target).answer(), talk.head(target).answer());
                    assert_eq!((got.status(), head.body().len()), (head.status(), 0), "{target}");
                    let text = match (got.status(), target) {
                        (200, "/stream") => "ab",
                        (200 | 500, "/" | "/?500") => "text",
                        _ => "",
                    };
                    assert_eq!(got.text(), text, "{target}");
                }
            }
        },
    )
    .breaks(&["S20", "S21"]),
    Case::wire(
        "requests_of_several_connections_run_at_the_same_time",
        &[134],
        || {
            BoxApp::new(blocking(|environ: Environ, start_response: StartResponse| {
                let notes = Notes::of(&environ);
                notes.tell("inside", &());
                notes.gate("together").wait();
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body("together"))
            }))
        },
        |talk| {
            let mut clients = [(); 3].map(|()| talk.raw());
            for client in &mut clients {
                client.send(talk.raw_get("/"));
            }
            for _ in 0..3 {
                talk.happened("inside");
            }
            talk.open("together");
            for client in &mut clients {
                assert_eq!(client.answer().text(), "together");
            }
        },
    )
    .parallel(),
    Case::hosted("one_thread_runs_one_blocking_request_at_a_time", &[135], one_at_a_time),
];

/// Answers with the target, in bodies of several kinds.
fn target_by_every_road(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let target = environ.target().into_owned();
    let body = match environ.path_info().len() % 3 {
        0 => Body::from(target),
        1 => Body::iter([target]),
        _ => Body::send(async move |sender| sender.send(target).await),
    };
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
}

/// Answers with the status that the query names and the kind of body that the path does, also where no content may be:
/// that the server leaves out.
fn every_answer(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let status = StatusCode::from_u16(environ.query().unwrap_or("200").parse()?)?;
    let head = start_response.status(status);
    let head = match status.as_u16() {
        204 | 205 | 304 => head,
        _ => head.header("content-type", "text/plain")?,
    };
    Ok(match environ.path_info() {
        "/empty" => head.empty(),
        "/stream" => head.body(Body::iter(["a", "b"])),
        "/nothing" => head.body(Body::iter([""; 0])),
        _ => head.body("text"),
    })
}

/// What an app may do to the world outside, it may do unguarded where there is one thread. Whether the server calls
/// asynchronous apps in parallel all the same it says by `multithread`.
fn one_at_a_time(ground: &Ground) {
    let (teller, arrived) = events();
    let gate = Gate::new();
    let held = gate.clone();
    let inside = Arc::new(AtomicUsize::new(0));
    let app = blocking(move |environ: Environ, start_response: StartResponse| {
        let before = inside.fetch_add(1, Ordering::SeqCst);
        teller.tell((before, environ.server().multithread));
        held.wait();
        inside.fetch_sub(1, Ordering::SeqCst);
        Ok(start_response.start(StatusCode::OK, PLAIN)?.body("alone"))
    });
    let server = ground.serve_with(app, |config| config.threads(1));
    let mut clients = [(); 3].map(|()| server.client());
    for client in &mut clients {
        client.send(get("/"));
    }
    let (before, multithread) = arrived.next("the first");
    assert_eq!(before, 0);
    assert_eq!(arrived.within(Duration::from_millis(100)), None, "a second one beside it");
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().text(), "alone");
    }
    let others = [(); 2].map(|()| arrived.next("the others"));
    assert_eq!(others, [(0, multithread); 2]);
}
