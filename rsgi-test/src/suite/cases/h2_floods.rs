//! HTTP/2 as an attack: frames in masses, heads without an end, streams opened to be reset.
//!
//! Each case names the limit that bounds it, and asks a second connection meanwhile. What a client holds back by its
//! windows is in `h2_windows.rs`; single malformed requests are in `h2_wire.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, Limits};
use rsgi_core::{BoxApp, Capabilities, Environ, StartResponse, app_fn, blocking};

use crate::suite::apps::{TEXT, target, watching};
use crate::suite::case::Case;
use crate::suite::ground::{Ground, Server};
use crate::suite::notes::Notes;
use crate::suite::noting::{Noted, noting};
use crate::suite::talk::Talk;
use crate::wire::RawClient;
use crate::wire::bytes::get;
use crate::wire::deadline::{Gate, events, until};
use crate::wire::frames::{
    Frame, NEWEST, all, block, code, flag, frame, headers, indexing, kind, ping, preface, preface_with,
    priority, read_until, request, reset, setting, settings, window_update,
};

pub(super) const CASES: &[Case] = &[
    // `http2.pending_reset_streams` ends the connection (CVE-2023-44487), and nothing else.
    Case::frames("rapid_resets_leave_no_app_behind", &[118, 130], endless, |talk| {
        let mut client = connect(talk);
        let settings = read_until(&mut client, |frame| frame.kind == kind::SETTINGS);
        let most = settings.setting(setting::MAX_CONCURRENT_STREAMS).unwrap_or(u32::MAX) as usize;
        let mut streams = (1..100_000).step_by(2);
        loop {
            let burst = streams.by_ref().take(100);
            let burst =
                burst.flat_map(|stream| [open(talk, stream, "/"), reset(stream, code::CANCEL)].concat());
            let burst: Vec<u8> = burst.collect();
            assert!(!burst.is_empty(), "the connection goes on");
            if client.try_send(burst).is_err() {
                break;
            }
            let running = running(talk);
            assert!(running <= most, "{running} apps, and no more than {most} streams at once");
        }
        until("no app goes on", || running(talk) == 0);
    })
    .parallel(),
    // Resets that wait for their app are no more than cancelled requests: nothing is left of one.
    Case::frames("resets_behind_the_apps_start_leave_nothing", &[118], endless, |talk| {
        let mut client = connect(talk);
        for stream in (1..1000).step_by(2) {
            client.send(open(talk, stream, "/"));
            talk.happened("running");
            client.send(reset(stream, code::CANCEL));
            talk.happened("left");
        }
        assert_eq!(running(talk), 0);
        client.send(open(talk, 1001, "/fine"));
        read_until(&mut client, |frame| frame.stream == 1001 && frame.kind == kind::HEADERS);
    })
    .parallel(),
    // A blocking call goes on behind its stream's reset; `http2.concurrent_streams` bounds these, too.
    of_http2("resets_buy_no_endless_blocking_calls", &[118, 130], resets_buy_no_endless_blocking_calls),
    // `http2.error_reset_streams` (CVE-2025-8671): a client can have the server reset its streams, too.
    of_http2("resets_that_the_client_provokes_are_bounded", &[130], |ground| {
        for (number, provoke) in PROVOCATIONS.into_iter().enumerate() {
            let (server, _noted) = limited(ground, |limits| limits.http2.error_reset_streams = 50);
            let mut client = connected(&server);
            let mut sent = 0;
            for stream in (1..4000).step_by(2) {
                if client.try_send([opened(stream), provoke(stream)].concat()).is_err() {
                    break;
                }
                sent += 1;
            }
            assert!(running_on(&server) <= 100, "more apps than streams at once");
            let told = told(&mut client);
            let ended = told != Some(0) && (told.is_some() || sent < 1999);
            assert!(ended, "provocation {number}: {told:?}, {sent} sent");
            until("no app goes on", || running_on(&server) == 0);
        }
    }),
    // `http2.concurrent_streams`; who goes on beyond it is bounded by `http2.error_reset_streams`.
    of_http2("streams_beyond_the_limit_are_refused", &[130], |ground| {
        let (server, noted) = limited(ground, |limits| {
            (limits.http2.concurrent_streams, limits.http2.error_reset_streams) = (5, 50);
        });
        let mut client = connected(&server);
        client.send((1..40).step_by(2).flat_map(opened).collect::<Vec<_>>());
        for stream in (11..40).step_by(2) {
            let refused = read_until(&mut client, |frame| frame.kind == kind::RST_STREAM);
            assert_eq!((refused.stream, refused.error_code()), (stream, code::REFUSED_STREAM));
        }
        for _ in 0..5 {
            noted.note::<()>("running");
        }
        noted.nothing("running");
        assert_eq!(running_on(&server), 5, "a refused stream has no app");
        let _ended = client.try_send((41..400).step_by(2).flat_map(opened).collect::<Vec<_>>());
        assert_eq!(told(&mut client), Some(code::ENHANCE_YOUR_CALM));
        until("no app goes on", || running_on(&server) == 0);
    }),
    // `head_bytes` (CVE-2024-27316), with the bytes or with nothing in them.
    Case::frames("a_head_that_never_ends_is_refused", &[39, 130], watching, |talk| {
        let path = talk.at("/");
        let value = "v".repeat(16_000);
        let pieces = [block(&[("x-a", &value)]), Vec::new(), vec![NEWEST; 16_000], block(&[("x-a", "1")])];
        for (number, piece) in pieces.into_iter().enumerate() {
            let mut client = connect(talk);
            let first = [&request("GET", &path)[..], &[talk.field()]].concat();
            let first = [block(&first), indexing("x-b", "1")].concat();
            client.send(frame(kind::HEADERS, flag::END_STREAM, 1, &first));
            let more = frame(kind::CONTINUATION, 0, 1, &piece).repeat(10);
            let taken = flood(&mut client, &more, 256 << 20);
            assert!(taken < 256 << 20, "{number}: {taken} bytes of a head were taken");
            assert!(matches!(told(&mut client), Some(1..) | None), "{number}: it ends by an error");
            talk.unseen();
            assert_eq!(talk.raw().ask(talk.raw_get("/fine")).status(), 200);
            assert_eq!(talk.seen().path_info, "/fine");
        }
    }),
    // A head that stops in the middle is let go by `head`, and on a used connection by `keep_alive`.
    of_http2("a_head_that_stops_is_let_go", &[130], |ground| {
        let server = ground.serve_with(target(), soon);
        let half = frame(kind::HEADERS, flag::END_STREAM, 3, &block(&request("GET", "/")));
        let first = headers(1, flag::END_STREAM, &request("GET", "/fine"));
        let inside = &preface_with(&[(setting::INITIAL_WINDOW_SIZE, 1000)])[..30];
        for start in [inside.to_vec(), [preface(), half.clone()].concat(), [preface(), first, half].concat()]
        {
            server.client().send(start).rest();
        }
        others_are_served(&server);
    }),
    // `head_bytes` counts fields as they are unpacked; nor need the client have acknowledged any setting.
    of_http2("header_lists_over_the_limit_are_refused", &[39], header_lists_over_the_limit_are_refused),
    // The server's table of fields stays at the usual 4,096 bytes, whatever a client allows.
    Case::frames("a_huge_header_table_is_not_used", &[130], target, |talk| {
        let mut client = talk.raw();
        client.send(preface_with(&[(setting::HEADER_TABLE_SIZE, u32::MAX)]));
        client.send(open(talk, 1, "/fine"));
        let head = read_until(&mut client, |frame| frame.kind == kind::HEADERS);
        // A table of another size is announced first, by a byte of the form 001xxxxx (RFC 7541 section 6.3).
        assert_ne!(head.payload[0] & 0xe0, 0x20, "the table's size changes: {:?}", head.payload);
    }),
    // What must be answered isn't read on while the client reads no answers; `write` ends it.
    of_http2("answers_to_floods_do_not_pile_up", &[99, 130], |ground| {
        let server = ground.serve_with(target(), soon);
        let settings = settings(&[(setting::INITIAL_WINDOW_SIZE, 70_000)]);
        for (name, one) in [("ping", ping()), ("settings", settings)] {
            let mut client = connected(&server);
            let taken = client.stuff(&one.repeat(1000), 1 << 30);
            assert!(taken < 64 << 20, "{name}: {taken} bytes were taken");
            others_are_served(&server);
            client.rest();
        }
    }),
    // Frames that ask for nothing don't keep a connection: `head` runs until there is a request.
    of_http2("floods_without_a_request_are_let_go", &[130], |ground| {
        let server = ground.serve_with(target(), soon);
        for (name, one) in [
            ("priority", priority(1, 0)),
            ("window", window_update(0, 1)),
            ("unknown", frame(0x42, 0, 0, b"what is this?")),
            ("ping", ping()),
        ] {
            let mut client = connected(&server);
            let burst = one.repeat(100);
            until(name, || client.try_send(&burst).is_err());
            others_are_served(&server);
        }
    }),
    // Nor do empty pieces of a body count as its progress for ever.
    Case::frames("empty_data_in_masses_ends_the_connection", &[130], watching, |talk| {
        let path = talk.at("/");
        let mut client = connect(talk);
        client.send(headers(1, 0, &[&request("POST", &path)[..], &[talk.field()]].concat()));
        let taken = flood(&mut client, &frame(kind::DATA, 0, 1, b"").repeat(100), 64 << 20);
        assert!(taken < 64 << 20, "{taken} bytes were taken");
        assert!(matches!(told(&mut client), Some(code::ENHANCE_YOUR_CALM) | None));
        assert_eq!(talk.raw().ask(talk.raw_get("/fine")).status(), 200);
        // The app of the one was told of its client's end, or dropped.
        let seen = talk.seen();
        let seen = if seen.body.is_err() { talk.seen() } else { seen };
        assert_eq!(seen.path_info, "/fine", "a body that never ended was whole");
    }),
];

const fn of_http2(name: &'static str, rules: &'static [u16], steps: fn(&Ground)) -> Case {
    Case::hosted(name, rules, steps).needs(Capabilities::HTTP2)
}

/// An app that never answers but on `/fine`, and on `/running`: there it says how many of its calls go on. Tells when
/// one begins and ends.
fn endless() -> BoxApp {
    struct Leaves(Notes, Arc<AtomicUsize>);
    impl Drop for Leaves {
        fn drop(&mut self) {
            self.1.fetch_sub(1, Ordering::SeqCst);
            self.0.tell("left", &());
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    BoxApp::new(app_fn(move |environ: Environ, start_response: StartResponse| {
        let count = Arc::clone(&count);
        async move {
            let text = match environ.path_info() {
                "/fine" => "/fine".to_owned(),
                "/running" => count.load(Ordering::SeqCst).to_string(),
                _ => {
                    count.fetch_add(1, Ordering::SeqCst);
                    let leaves = Leaves(Notes::of(&environ), count);
                    leaves.0.tell("running", &());
                    std::future::pending().await
                }
            };
            Ok(start_response.start(StatusCode::OK, TEXT)?.body(text))
        }
    }))
}

/// Such an app on a server with limits changed.
fn limited(ground: &Ground, change: impl FnOnce(&mut Limits)) -> (Server, Noted) {
    let (app, noted) = noting(endless());
    (ground.serve_with(app, |config| config.limits(change)), noted)
}

/// How many calls of the endless app go on; asked on another connection, which must be served meanwhile.
fn running(talk: &Talk) -> usize {
    talk.raw().ask(talk.raw_get("/running")).text().parse().unwrap()
}

fn running_on(server: &Server) -> usize {
    server.client().ask(get("/running")).text().parse().unwrap()
}

/// Other connections are served while this one misbehaves.
fn others_are_served(server: &Server) {
    assert_eq!(server.client().ask(get("/fine")).text(), "/fine");
}

fn connect(talk: &Talk) -> RawClient {
    let mut client = talk.raw();
    client.send(preface());
    client
}

fn connected(server: &Server) -> RawClient {
    let mut client = server.client();
    client.send(preface());
    client
}

/// A request without content to the case's app.
fn open(talk: &Talk, stream: u32, target: &str) -> Vec<u8> {
    let target = talk.at(target);
    headers(stream, flag::END_STREAM, &[&request("GET", &target)[..], &[talk.field()]].concat())
}

/// A request without content to the app of a server.
fn opened(stream: u32) -> Vec<u8> {
    headers(stream, flag::END_STREAM, &request("GET", "/"))
}

/// Sends until the server ends it, and tells how much was taken.
fn flood(client: &mut RawClient, burst: &[u8], most: usize) -> usize {
    let mut taken = 0;
    while taken < most && client.try_send(burst).is_ok() {
        taken += burst.len();
    }
    taken
}

/// Reads to the server's end of the connection, and gives the error that it told.
fn told(client: &mut RawClient) -> Option<u32> {
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

/// What has a server reset an open stream whose request has ended.
const PROVOCATIONS: [fn(u32) -> Vec<u8>; 4] = [
    |stream| window_update(stream, 0),
    |stream| window_update(stream, 0x7fff_ffff),
    |stream| frame(kind::DATA, 0, stream, b"behind the end"),
    |stream| priority(stream, stream),
];

fn resets_buy_no_endless_blocking_calls(ground: &Ground) {
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, calls) = events();
    let app = blocking(move |environ: Environ, start_response: StartResponse| {
        if environ.path_info() != "/fine" {
            teller.tell(());
            held.wait();
        }
        Ok(start_response.start(StatusCode::OK, TEXT)?.body("/fine"))
    });
    let server = ground
        .serve_with(app, |config| config.threads(32).limits(|limits| limits.http2.concurrent_streams = 4));
    let mut client = connected(&server);
    let mut count = 0;
    for stream in (1..).step_by(2) {
        if client.try_send(opened(stream)).is_err() || calls.within(Duration::from_secs(1)).is_none() {
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

fn header_lists_over_the_limit_are_refused(ground: &Ground) {
    let (app, noted) = noting(watching());
    let server = ground.serve_with(app, |config| config.limits(|limits| limits.head_bytes = 32 << 10));
    let start = block(&request("GET", "/"));
    let value = "v".repeat(14_000);
    let bomb = [indexing("x-bomb", &"b".repeat(3900)), vec![NEWEST; 10_000]].concat();
    let small = block(&[("x-a", "1")]).repeat(1000);
    let lists = [("big", block(&[("x-a", &value)]), 4), ("many", small, 3), ("bomb", bomb, 1)];
    for (name, list, times) in lists {
        let mut client = connected(&server);
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
        noted.unseen();
    }
    assert_eq!(server.client().ask(get("/fine")).status(), 200);
}
