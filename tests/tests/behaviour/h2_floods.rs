//! HTTP/2 as an attack: frames in masses, heads without an end, streams opened to be reset.
//!
//! Each case names the limit that bounds it, and asks a second connection meanwhile. What a client holds back by its
//! windows is in `h2_windows.rs`; single malformed requests are in `h2_wire.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{App, Environ, StartResponse, app_fn, blocking};
use rsgi_tests::bytes::get;
use rsgi_tests::deadline::{Events, Gate, events, until};
use rsgi_tests::frames::{
    Frame, NEWEST, all, block, code, flag, frame, headers, indexing, kind, ping, preface, preface_with,
    priority, read_until, request, reset, setting, settings, window_update,
};
use rsgi_tests::probe::{target, watching};
use rsgi_tests::{Client, On, Server};

/// An app that never answers but on `/fine`, and the number of its calls that go on now.
fn endless() -> (impl App, Events<()>, Arc<AtomicUsize>) {
    struct Leaves(Arc<AtomicUsize>);
    impl Drop for Leaves {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let running = Arc::new(AtomicUsize::new(0));
    let (teller, calls) = events();
    let count = Arc::clone(&running);
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let (teller, count) = (teller.clone(), Arc::clone(&count));
        async move {
            if environ.path_info() != "/fine" {
                count.fetch_add(1, Ordering::SeqCst);
                let _leaves = Leaves(count);
                teller.tell(());
                std::future::pending::<()>().await;
            }
            Ok(start_response.status(StatusCode::OK).body("/fine"))
        }
    });
    (app, calls, running)
}

fn connect(server: &Server) -> Client {
    let mut client = server.client();
    client.send(preface());
    client
}

/// Other connections are served while this one misbehaves.
fn others_are_served(server: &Server) {
    assert_eq!(server.client().ask(get("/fine")).text(), "/fine");
}

fn open(stream: u32) -> Vec<u8> {
    headers(stream, flag::END_STREAM, &request("GET", "/"))
}

/// Reads to the server's end of the connection, and gives the error that it told.
fn told(client: &mut Client) -> Option<u32> {
    let (bytes, _) = client.rest();
    let frames = all(&bytes);
    frames.iter().rev().find(|frame| frame.kind == kind::GOAWAY).map(Frame::error_code)
}

fn soon(config: Config) -> Config {
    let soon = Some(Duration::from_millis(250));
    config.timeouts(|timeouts| {
        (timeouts.head, timeouts.write, timeouts.keep_alive, timeouts.linger) = (soon, soon, soon, soon);
    })
}

/// rule(118, 130): `http2.pending_reset_streams` ends the connection (CVE-2023-44487), and nothing else.
fn rapid_resets_leave_no_app_behind(on: On) {
    let (app, _calls, running) = endless();
    let server = on.serve(app);
    let mut client = connect(&server);
    let mut streams = (1..100_000).step_by(2);
    loop {
        let burst = streams
            .by_ref()
            .take(100)
            .flat_map(|stream| [open(stream), reset(stream, code::CANCEL)].concat());
        let burst: Vec<u8> = burst.collect();
        assert!(!burst.is_empty(), "the connection goes on");
        if client.try_send(burst).is_err() {
            break;
        }
        assert!(running.load(Ordering::SeqCst) <= 100, "more apps than streams at once");
    }
    others_are_served(&server);
    until("no app goes on", || running.load(Ordering::SeqCst) == 0);
}

/// rule(118): resets that wait for their app are no more than cancelled requests: nothing is left of one.
fn resets_behind_the_apps_start_leave_nothing(on: On) {
    let (app, calls, running) = endless();
    let server = on.serve(app);
    let mut client = connect(&server);
    for stream in (1..1000).step_by(2) {
        client.send(open(stream));
        calls.next("the app");
        client.send(reset(stream, code::CANCEL));
        until("the app is dropped", || running.load(Ordering::SeqCst) == 0);
    }
    others_are_served(&server);
    client.send(headers(1001, flag::END_STREAM, &request("GET", "/fine")));
    read_until(&mut client, |frame| frame.stream == 1001 && frame.kind == kind::HEADERS);
}

/// rule(118, 130): a blocking call goes on behind its stream's reset; `http2.concurrent_streams` bounds these, too.
fn resets_buy_no_endless_blocking_calls(on: On) {
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, calls) = events();
    let app = blocking(move |environ: Environ, start_response: StartResponse| {
        if environ.path_info() != "/fine" {
            teller.tell(());
            held.wait();
        }
        Ok(start_response.status(StatusCode::OK).body("/fine"))
    });
    let server =
        on.serve_with(app, |config| config.threads(32).limits(|limits| limits.http2.concurrent_streams = 4));
    let mut client = connect(&server);
    let mut count = 0;
    for stream in (1..).step_by(2) {
        if client.try_send(open(stream)).is_err() || calls.within(Duration::from_secs(1)).is_none() {
            break;
        }
        count += 1;
        assert!(count <= 6, "{count} calls at once");
        if client.try_send(reset(stream, code::CANCEL)).is_err() {
            break;
        }
    }
    assert!(count >= 4, "as many as there may be streams");
    client.rest();
    others_are_served(&server);
    gate.open();
}

/// rule(130): `http2.error_reset_streams` (CVE-2025-8671): a client can have the server reset its streams, too.
fn resets_that_the_client_provokes_are_bounded(on: On) {
    let provocations: [fn(u32) -> Vec<u8>; 4] = [
        |stream| window_update(stream, 0),
        |stream| window_update(stream, 0x7fff_ffff),
        |stream| frame(kind::DATA, 0, stream, b"behind the end"),
        |stream| priority(stream, stream),
    ];
    for (number, provoke) in provocations.into_iter().enumerate() {
        let (app, _calls, running) = endless();
        let server =
            on.serve_with(app, |config| config.limits(|limits| limits.http2.error_reset_streams = 50));
        let mut client = connect(&server);
        let mut sent = 0;
        for stream in (1..4000).step_by(2) {
            if client.try_send([open(stream), provoke(stream)].concat()).is_err() {
                break;
            }
            sent += 1;
            assert!(running.load(Ordering::SeqCst) <= 100, "more apps than streams at once");
        }
        let told = told(&mut client);
        assert!(
            told != Some(0) && (told.is_some() || sent < 1999),
            "provocation {number}: {told:?}, {sent} sent"
        );
        others_are_served(&server);
        until("no app goes on", || running.load(Ordering::SeqCst) == 0);
    }
}

/// rule(130): `http2.concurrent_streams`; who goes on beyond it is bounded by `http2.error_reset_streams`.
fn streams_beyond_the_limit_are_refused(on: On) {
    let (app, calls, running) = endless();
    let server = on.serve_with(app, |config| {
        config.limits(|limits| (limits.http2.concurrent_streams, limits.http2.error_reset_streams) = (5, 50))
    });
    let mut client = connect(&server);
    client.send((1..40).step_by(2).flat_map(open).collect::<Vec<_>>());
    for stream in (11..40).step_by(2) {
        let refused = read_until(&mut client, |frame| frame.kind == kind::RST_STREAM);
        assert_eq!((refused.stream, refused.error_code()), (stream, code::REFUSED_STREAM));
    }
    for _ in 0..5 {
        calls.next("an app");
    }
    assert!(calls.try_next().is_none(), "a refused stream has no app");
    assert_eq!(running.load(Ordering::SeqCst), 5);
    let _ended = client.try_send((41..400).step_by(2).flat_map(open).collect::<Vec<_>>());
    assert_eq!(told(&mut client), Some(code::ENHANCE_YOUR_CALM));
    others_are_served(&server);
    until("no app goes on", || running.load(Ordering::SeqCst) == 0);
}

/// rule(39, 130): `head_bytes` (CVE-2024-27316), with the bytes or with nothing in them.
fn a_head_that_never_ends_is_refused(on: On) {
    let (app, seen) = watching();
    let server = on.serve(app);
    let value = "v".repeat(16_000);
    let pieces = [block(&[("x-a", &value)]), Vec::new(), vec![NEWEST; 16_000], block(&[("x-a", "1")])];
    for (number, piece) in pieces.into_iter().enumerate() {
        let mut client = connect(&server);
        let first = [block(&request("GET", "/")), indexing("x-b", "1")].concat();
        client.send(frame(kind::HEADERS, flag::END_STREAM, 1, &first));
        let more = frame(kind::CONTINUATION, 0, 1, &piece).repeat(10);
        let mut taken = 0;
        while taken < 256 << 20 && client.try_send(&more).is_ok() {
            taken += more.len();
        }
        assert!(taken < 256 << 20, "{number}: {taken} bytes of a head were taken");
        assert!(matches!(told(&mut client), Some(1..) | None), "{number}: it ends by an error");
        assert_eq!(server.client().ask(get("/fine")).status(), 200);
        assert_eq!(seen.next("the other request").target, "/fine");
    }
    assert!(seen.try_next().is_none());
}

/// rule(130): a head that stops in the middle is let go by `head`, and on a used connection by `keep_alive`.
fn a_head_that_stops_is_let_go(on: On) {
    let server = on.serve_with(target(), soon);
    let half = frame(kind::HEADERS, flag::END_STREAM, 3, &block(&request("GET", "/")));
    let first = headers(1, flag::END_STREAM, &request("GET", "/fine"));
    let inside = &preface_with(&[(setting::INITIAL_WINDOW_SIZE, 1000)])[..30];
    for start in [inside.to_vec(), [preface(), half.clone()].concat(), [preface(), first, half].concat()] {
        server.client().send(start).rest();
    }
    others_are_served(&server);
}

/// rule(39): `head_bytes` counts fields as they are unpacked; nor need the client have acknowledged any setting.
fn header_lists_over_the_limit_are_refused(on: On) {
    let (app, seen) = watching();
    let server = on.serve_with(app, |config| config.limits(|limits| limits.head_bytes = 32 << 10));
    let start = block(&request("GET", "/"));
    let value = "v".repeat(14_000);
    let bomb = [indexing("x-bomb", &"b".repeat(3900)), vec![NEWEST; 10_000]].concat();
    let small = block(&[("x-a", "1")]).repeat(1000);
    let lists = [("big", block(&[("x-a", &value)]), 4), ("many", small, 3), ("bomb", bomb, 1)];
    for (name, list, times) in lists {
        let mut client = connect(&server);
        let mut bytes = frame(kind::HEADERS, flag::END_STREAM, 1, &start);
        for turn in 1..=times {
            let flags = if turn == times { flag::END_HEADERS } else { 0 };
            bytes.extend_from_slice(&frame(kind::CONTINUATION, flags, 1, &list));
        }
        client.send(bytes);
        let ends = |frame: &Frame| frame.stream == 1 || frame.kind == kind::GOAWAY;
        let end = read_until(&mut client, ends);
        // An answer, which can only be the 431: the app was never called.
        assert!(end.kind == kind::HEADERS || end.error_code() == code::ENHANCE_YOUR_CALM, "{name}: {end:?}");
        assert!(seen.try_next().is_none(), "{name}");
    }
    assert_eq!(server.client().ask(get("/fine")).status(), 200);
}

/// rule(130): the server's table of fields stays at the usual 4,096 bytes, whatever a client allows.
fn a_huge_header_table_is_not_used(on: On) {
    let server = on.serve(target());
    let mut client = server.client();
    client.send(preface_with(&[(setting::HEADER_TABLE_SIZE, u32::MAX)]));
    client.send(headers(1, flag::END_STREAM, &request("GET", "/fine")));
    let head = read_until(&mut client, |frame| frame.kind == kind::HEADERS);
    // A table of another size is announced first, by a byte of the form 001xxxxx (RFC 7541 section 6.3).
    assert_ne!(head.payload[0] & 0xe0, 0x20, "the table's size changes: {:?}", head.payload);
}

/// rule(99, 130): what must be answered isn't read on while the client reads no answers; `write` ends it.
fn answers_to_floods_do_not_pile_up(on: On) {
    let server = on.serve_with(target(), soon);
    for (name, one) in [("ping", ping()), ("settings", settings(&[(setting::INITIAL_WINDOW_SIZE, 70_000)]))] {
        let mut client = connect(&server);
        let taken = client.stuff(&one.repeat(1000), 1 << 30);
        assert!(taken < 64 << 20, "{name}: {taken} bytes were taken");
        others_are_served(&server);
        client.rest();
    }
}

/// rule(130): frames that ask for nothing don't keep a connection: `head` runs until there is a request.
fn floods_without_a_request_are_let_go(on: On) {
    let server = on.serve_with(target(), soon);
    let unknown = frame(0x42, 0, 0, b"what is this?");
    for (name, one) in [
        ("priority", priority(1, 0)),
        ("window", window_update(0, 1)),
        ("unknown", unknown),
        ("ping", ping()),
    ] {
        let mut client = connect(&server);
        let burst = one.repeat(100);
        let end = std::time::Instant::now() + rsgi_tests::deadline::PATIENCE;
        while client.try_send(&burst).is_ok() {
            assert!(std::time::Instant::now() < end, "{name}: still there");
        }
        others_are_served(&server);
    }
}

/// rule(130): nor do empty pieces of a body count as its progress for ever: h2 takes a hundred of them.
fn empty_data_in_masses_ends_the_connection(on: On) {
    let (app, _seen) = watching();
    let server = on.serve(app);
    let mut client = connect(&server);
    client.send(headers(1, 0, &request("POST", "/")));
    let burst = frame(kind::DATA, 0, 1, b"").repeat(100);
    let mut taken = 0;
    while taken < 64 << 20 && client.try_send(&burst).is_ok() {
        taken += burst.len();
    }
    assert!(taken < 64 << 20, "{taken} bytes were taken");
    assert!(matches!(told(&mut client), Some(code::ENHANCE_YOUR_CALM) | None));
    assert_eq!(server.client().ask(get("/fine")).status(), 200);
}

mount_http2!(
    rapid_resets_leave_no_app_behind,
    resets_behind_the_apps_start_leave_nothing,
    resets_buy_no_endless_blocking_calls,
    resets_that_the_client_provokes_are_bounded,
    streams_beyond_the_limit_are_refused,
    a_head_that_never_ends_is_refused,
    a_head_that_stops_is_let_go,
    header_lists_over_the_limit_are_refused,
    a_huge_header_table_is_not_used,
    answers_to_floods_do_not_pile_up,
    floods_without_a_request_are_let_go,
    empty_data_in_masses_ends_the_connection,
);
