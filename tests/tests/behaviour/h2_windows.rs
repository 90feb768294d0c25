//! HTTP/2's windows as an attack: clients that ask for much and take nothing, or give much and never end.
//!
//! What a server holds for them is bounded by `write_buffer` and the windows, and how long by `write` and
//! `body_progress`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{App, Body, Cause, Delivery, Environ, Outcome, StartResponse, app_fn};
use rsgi_tests::bytes::get;
use rsgi_tests::deadline::{Events, events, settled};
use rsgi_tests::frames::{
    code, flag, frame, headers, kind, preface, preface_with, read_until, request, reset, setting,
    window_update,
};
use rsgi_tests::probe::{OnDrop, tell_outcome, watching};
use rsgi_tests::{Client, On, Server};

/// An app whose `/endless` counts the bytes that its body gives, `/small` is small, `/never` never answers.
struct Giving {
    server: Server,
    given: Arc<AtomicUsize>,
    drops: Events<&'static str>,
    outcomes: Events<Outcome>,
}

fn giving(on: On, change: impl FnOnce(Config) -> Config) -> Giving {
    let (teller, drops) = events();
    let (outcome_teller, outcomes) = events();
    let given = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&given);
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let (counter, held) = (Arc::clone(&counter), OnDrop::new("body", &teller));
        tell_outcome(&environ, &outcome_teller);
        async move {
            let body = match environ.path_info() {
                "/never" => std::future::pending().await,
                "/small" => Body::from("small"),
                _ => Body::iter(std::iter::repeat_with(move || {
                    let _until_dropped = &held;
                    counter.fetch_add(1000, Ordering::Relaxed);
                    "x".repeat(1000)
                })),
            };
            Ok(start_response.status(StatusCode::OK).body(body))
        }
    });
    Giving { server: on.serve_with(app, change), given, drops, outcomes }
}

fn soon(config: Config) -> Config {
    config.timeouts(|timeouts| timeouts.write = Some(Duration::from_millis(250)))
}

/// Connects with windows of this size, for each stream.
fn connect(server: &Server, window: u32) -> Client {
    let mut client = server.client();
    client.send(preface_with(&[(setting::INITIAL_WINDOW_SIZE, window)]));
    client
}

fn open(stream: u32, path: &str) -> Vec<u8> {
    headers(stream, flag::END_STREAM, &request("GET", path))
}

/// rule(99, 130): many answers that are never taken: `write_buffer` each, for no longer than `write`.
fn answers_behind_closed_windows_are_bounded(on: On) {
    let Giving { server, given, drops, outcomes } = giving(on, soon);
    let mut client = connect(&server, 0);
    client.send((1..200).step_by(2).flat_map(|stream| open(stream, "/endless")).collect::<Vec<_>>());
    assert_eq!(server.client().ask(get("/small")).text(), "small");
    assert!(outcomes.next("the other's outcome").is_whole());
    for _ in 0..100 {
        assert_eq!(outcomes.next("an outcome").delivery, Delivery::TimedOut);
    }
    for _ in 0..101 {
        assert_eq!(drops.next("a body's drop"), "body");
    }
    let most = 100 * (64 << 10);
    assert!(given.load(Ordering::Relaxed) <= most, "{} bytes", given.load(Ordering::Relaxed));
    client.rest();
}

/// rule(121, 122, 130): an answer that was given whole but never taken isn't sent, and holds nothing for long.
fn a_small_answer_behind_a_closed_window_is_not_sent(on: On) {
    let Giving { server, outcomes, .. } = giving(on, soon);
    let mut client = connect(&server, 0);
    client.send(open(1, "/small"));
    assert_eq!(outcomes.next("the outcome").delivery, Delivery::TimedOut);
    client.rest();
    let mut client = connect(&server, 2);
    client.send(open(1, "/small"));
    read_until(&mut client, |frame| frame.kind == kind::DATA);
    client.send(reset(1, code::CANCEL));
    assert_eq!(outcomes.next("the outcome").delivery, Delivery::Aborted(Cause::Reset));
}

/// rule(130): an app at work on another stream doesn't stop the clock.
fn a_long_request_covers_no_closed_window(on: On) {
    let Giving { server, outcomes, .. } = giving(on, soon);
    let mut client = connect(&server, 0);
    client.send([open(1, "/never"), open(3, "/endless")].concat());
    for _ in 0..2 {
        assert_eq!(outcomes.next("an outcome").delivery, Delivery::TimedOut);
    }
    client.rest();
}

/// rule(130): an app at work, with nothing that the client could take, is let alone.
fn a_long_request_is_not_timed_out(on: On) {
    let Giving { server, outcomes, .. } = giving(on, soon);
    let mut client = connect(&server, 65_535);
    client.send([open(1, "/small"), open(3, "/never")].concat());
    assert!(outcomes.next("the outcome").is_whole());
    assert!(outcomes.within(Duration::from_millis(800)).is_none());
    client.send(open(5, "/small"));
    read_until(&mut client, |frame| frame.stream == 5 && frame.kind == kind::DATA);
}

/// rule(99): a window opened byte by byte takes byte by byte.
fn a_dribbling_window_takes_no_more_than_it_says(on: On) {
    let Giving { server, given, drops, .. } = giving(on, |config| config);
    let mut client = connect(&server, 1);
    client.send(open(1, "/endless"));
    for _ in 0..500 {
        let data = read_until(&mut client, |frame| frame.kind == kind::DATA);
        assert_eq!(data.payload.len(), 1);
        client.send(window_update(1, 1));
    }
    let given = settled("the body is held back", || given.load(Ordering::Relaxed));
    assert!(given <= 64 << 10, "{given} bytes");
    assert_eq!(server.client().ask(get("/small")).text(), "small");
    assert_eq!(drops.next("the small answer's drop"), "body");
    client.send(reset(1, code::CANCEL));
    assert_eq!(drops.next("the body's drop"), "body");
}

/// An app that reads its body to the end, once it has been told to.
fn idle() -> (impl App, Events<()>) {
    let (teller, calls) = events();
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let teller = teller.clone();
        async move {
            if environ.path_info() != "/small" {
                teller.tell(());
                std::future::pending::<()>().await;
            }
            Ok(start_response.status(StatusCode::OK).body("small"))
        }
    });
    (app, calls)
}

/// rule(99): `http2.stream_window` and `http2.connection_window` bound what lies unread; who sends more breaks the rules.
fn uploads_that_nobody_reads_are_bounded(on: On) {
    let (app, calls) = idle();
    let server = on.serve_with(app, |config| {
        config
            .limits(|limits| (limits.http2.stream_window, limits.http2.connection_window) = (50_000, 100_000))
    });
    for (streams, each) in [(1_u32, 4_u32), (10, 3)] {
        let mut client = connect(&server, 65_535);
        // Acknowledged on the way: until then the window is that of RFC 9113 section 6.9.2.
        read_until(&mut client, |frame| frame.kind == kind::SETTINGS && frame.flags & flag::ACK == 0);
        for stream in (0..streams).map(|number| 2 * number + 1) {
            client.send(headers(stream, 0, &request("POST", "/")));
            calls.next("the app");
        }
        let piece = [b'x'; 15_000];
        for stream in (0..streams).map(|number| 2 * number + 1) {
            for _ in 0..each {
                let _ended = client.try_send(frame(kind::DATA, 0, stream, &piece));
            }
        }
        let error = read_until(&mut client, |frame| matches!(frame.kind, kind::GOAWAY | kind::RST_STREAM));
        assert_eq!(error.error_code(), code::FLOW_CONTROL_ERROR, "{streams} streams");
        assert_eq!(server.client().ask(get("/small")).text(), "small");
    }
}

/// rule(58, 130): bodies that never end are let go by `body_progress`, each by itself.
fn uploads_that_stop_are_let_go(on: On) {
    let (app, seen) = watching();
    let server = on.serve_with(app, |config| {
        config.timeouts(|timeouts| timeouts.body_progress = Some(Duration::from_millis(250)))
    });
    let mut client = server.client();
    client.send(preface());
    for stream in (1..100).step_by(2) {
        client
            .send([headers(stream, 0, &request("POST", "/")), frame(kind::DATA, 0, stream, b"abc")].concat());
    }
    for _ in 0..50 {
        assert_eq!(seen.next("a request").body, Err(rsgi_core::InputErrorKind::TimedOut));
    }
    client.send(open(101, "/fine"));
    read_until(&mut client, |frame| frame.stream == 101 && frame.kind == kind::HEADERS);
    assert_eq!(seen.next("the good request").target, "/fine");
}

mount_http2!(
    answers_behind_closed_windows_are_bounded,
    a_small_answer_behind_a_closed_window_is_not_sent,
    a_long_request_covers_no_closed_window,
    a_long_request_is_not_timed_out,
    a_dribbling_window_takes_no_more_than_it_says,
    uploads_that_nobody_reads_are_bounded,
    uploads_that_stop_are_let_go,
);
