//! HTTP/2's windows as an attack: clients that ask for much and take nothing, or give much and never end.
//!
//! What a server holds for them is bounded by `write_buffer` and the windows, and how long by `write` and
//! `body_progress`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{App, Body, Capabilities, Cause, Delivery, Environ, Outcome, StartResponse, app_fn};

use crate::suite::apps::{TEXT, watching};
use crate::suite::case::Case;
use crate::suite::ground::{Ground, Server};
use crate::suite::noting::noting;
use crate::wire::RawClient;
use crate::wire::bytes::get;
use crate::wire::deadline::{Events, events, settled};
use crate::wire::frames::{
    code, flag, frame, headers, kind, preface, preface_with, read_until, request, reset, setting,
    window_update,
};

pub(super) const CASES: &[Case] = &[
    // Many answers that are never taken: `write_buffer` each, for no longer than `write`.
    of_http2("answers_behind_closed_windows_are_bounded", &[99, 130], |ground| {
        let Giving { server, given, drops, outcomes } = giving(ground, soon);
        let mut client = connect(&server, 0);
        client.send((1..200).step_by(2).flat_map(|stream| open(stream, "/endless")).collect::<Vec<_>>());
        assert_eq!(server.client().ask(get("/small")).text(), "small");
        assert!(outcomes.next("the other's outcome").is_whole());
        for _ in 0..100 {
            assert_eq!(outcomes.next("an outcome").delivery, Delivery::TimedOut);
        }
        for _ in 0..101 {
            drops.next("a body's drop");
        }
        let given = given.load(Ordering::Relaxed);
        assert!(given <= 100 * (64 << 10), "{given} bytes");
        client.rest();
    }),
    // An answer that was given whole but never taken isn't sent, and holds nothing for long.
    of_http2("a_small_answer_behind_a_closed_window_is_not_sent", &[121, 122, 130], |ground| {
        let Giving { server, outcomes, .. } = giving(ground, soon);
        let mut client = connect(&server, 0);
        client.send(open(1, "/small"));
        assert_eq!(outcomes.next("the outcome").delivery, Delivery::TimedOut);
        client.rest();
        let mut client = connect(&server, 2);
        client.send(open(1, "/small"));
        read_until(&mut client, |frame| frame.kind == kind::DATA);
        client.send(reset(1, code::CANCEL));
        assert_eq!(outcomes.next("the outcome").delivery, Delivery::Aborted(Cause::Reset));
    }),
    // An app at work on another stream doesn't stop the clock.
    of_http2("a_long_request_covers_no_closed_window", &[130], |ground| {
        let Giving { server, outcomes, .. } = giving(ground, soon);
        let mut client = connect(&server, 0);
        client.send([open(1, "/never"), open(3, "/endless")].concat());
        for _ in 0..2 {
            assert_eq!(outcomes.next("an outcome").delivery, Delivery::TimedOut);
        }
        client.rest();
    }),
    // An app at work, with nothing that the client could take, is let alone.
    of_http2("a_long_request_is_not_timed_out", &[130], |ground| {
        let Giving { server, outcomes, .. } = giving(ground, soon);
        let mut client = connect(&server, 65_535);
        client.send([open(1, "/small"), open(3, "/never")].concat());
        assert!(outcomes.next("the outcome").is_whole());
        assert!(outcomes.within(Duration::from_millis(800)).is_none());
        client.send(open(5, "/small"));
        read_until(&mut client, |frame| frame.stream == 5 && frame.kind == kind::DATA);
    }),
    // A window opened byte by byte takes byte by byte.
    of_http2("a_dribbling_window_takes_no_more_than_it_says", &[99], |ground| {
        let Giving { server, given, drops, .. } = giving(ground, |config| config);
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
        drops.next("the small answer's drop");
        client.send(reset(1, code::CANCEL));
        drops.next("the body's drop");
    }),
    // `http2.stream_window` and `http2.connection_window` bound what lies unread; who sends more breaks the rules.
    of_http2("uploads_that_nobody_reads_are_bounded", &[99], uploads_that_nobody_reads_are_bounded),
    // Bodies that never end are let go by `body_progress`, each by itself.
    of_http2("uploads_that_stop_are_let_go", &[58, 130], |ground| {
        let (app, noted) = noting(watching());
        let server = ground.serve_with(app, |config| {
            config.timeouts(|timeouts| timeouts.body_progress = Some(Duration::from_millis(250)))
        });
        let mut client = server.client();
        client.send(preface());
        for stream in (1..100).step_by(2) {
            let content = frame(kind::DATA, 0, stream, b"abc");
            client.send([headers(stream, 0, &request("POST", "/")), content].concat());
        }
        for _ in 0..50 {
            assert_eq!(noted.seen().body, Err("TimedOut".to_owned()));
        }
        client.send(open(101, "/fine"));
        read_until(&mut client, |frame| frame.stream == 101 && frame.kind == kind::HEADERS);
        assert_eq!(noted.seen().target, "/fine");
    }),
];

const fn of_http2(name: &'static str, rules: &'static [u16], steps: fn(&Ground)) -> Case {
    Case::hosted(name, rules, steps).needs(Capabilities::HTTP2)
}

/// An app whose `/endless` counts the bytes that its body gives, `/small` is small, `/never` never answers.
struct Giving {
    server: Server,
    given: Arc<AtomicUsize>,
    drops: Events<()>,
    outcomes: Events<Outcome>,
}

fn giving(ground: &Ground, change: impl FnOnce(Config) -> Config) -> Giving {
    let (teller, drops) = events();
    let (outcome_teller, outcomes) = events();
    let given = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&given);
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let (counter, held) = (Arc::clone(&counter), teller.on_drop(()));
        let outcome_teller = outcome_teller.clone();
        environ.on_outcome(move |outcome| outcome_teller.tell(outcome.clone()));
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
            Ok(start_response.start(StatusCode::OK, TEXT)?.body(body))
        }
    });
    Giving { server: ground.serve_with(app, change), given, drops, outcomes }
}

fn soon(config: Config) -> Config {
    config.timeouts(|timeouts| timeouts.write = Some(Duration::from_millis(250)))
}

/// Connects with windows of this size, for each stream.
fn connect(server: &Server, window: u32) -> RawClient {
    let mut client = server.client();
    client.send(preface_with(&[(setting::INITIAL_WINDOW_SIZE, window)]));
    client
}

fn open(stream: u32, path: &str) -> Vec<u8> {
    headers(stream, flag::END_STREAM, &request("GET", path))
}

fn uploads_that_nobody_reads_are_bounded(ground: &Ground) {
    let (app, calls) = reads_nothing();
    let server = ground.serve_with(app, |config| {
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

/// An app that never answers and never reads, but on `/small`; and what tells of its calls.
fn reads_nothing() -> (impl App, Events<()>) {
    let (teller, calls) = events();
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let teller = teller.clone();
        async move {
            if environ.path_info() != "/small" {
                teller.tell(());
                std::future::pending::<()>().await;
            }
            Ok(start_response.start(StatusCode::OK, TEXT)?.body("small"))
        }
    });
    (app, calls)
}
