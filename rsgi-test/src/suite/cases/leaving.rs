//! Leaving: one of several processes goes, and no client notices.
//!
//! The end of a whole service is in `shutdown.rs`. Servers that share a listener are two in this process here, each with a
//! descriptor of its own of one socket, as workers have them.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::IntoRawFd;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Bind, Config};
use rsgi_core::{Body, Capabilities, Environ, StartResponse, app_fn};

use crate::suite::apps::{plain, target, text};
use crate::suite::case::Case;
use crate::suite::ground::{Ground, Server};
use crate::wire::RawClient;
use crate::wire::bytes::get;
use crate::wire::deadline::{Events, Gate, events, pause, until};
use crate::wire::http2::{self, Http2};

pub(super) const CASES: &[Case] = &[
    case("who_leaves_answers_a_kept_connection_once_more", who_leaves_answers_a_kept_connection_once_more),
    case("who_leaves_answers_a_fresh_connection_once", who_leaves_answers_a_fresh_connection_once),
    case("who_leaves_finishes_what_is_in_flight", who_leaves_finishes_what_is_in_flight),
    case("who_leaves_lets_the_others_accept", who_leaves_lets_the_others_accept),
    case("who_leaves_leaves_what_is_queued_to_the_others", who_leaves_leaves_what_is_queued_to_the_others),
    case("who_leaves_serves_what_only_it_has_queued", who_leaves_serves_what_only_it_has_queued),
    case("who_leaves_ends_with_the_keep_alive_time", who_leaves_ends_with_the_keep_alive_time),
    case("who_leaves_ends_at_its_limit", who_leaves_ends_at_its_limit),
    case("who_leaves_without_connections_ends_at_once", who_leaves_without_connections_ends_at_once),
    case("who_leaves_is_hurried_by_a_stop", who_leaves_is_hurried_by_a_stop),
    case("who_leaves_tells_the_apps", who_leaves_tells_the_apps),
    case(
        "who_leaves_says_so_to_http2_and_ends_its_streams",
        who_leaves_says_so_to_http2_and_ends_its_streams,
    )
    .needs(Capabilities::HTTP2),
];

const fn case(name: &'static str, steps: fn(&Ground)) -> Case {
    Case::hosted(name, &[159], steps).of_a_worker()
}

/// A listener as a parent process opens it, and the settings of a worker that has inherited it.
pub(super) struct Inherited(TcpListener);

impl Inherited {
    pub(super) fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(super) fn config(&self) -> Config {
        let descriptor = self.0.try_clone().unwrap().into_raw_fd();
        Config::new().listen(Bind::Fd(descriptor)).threads(4)
    }

    pub(super) fn client(&self) -> RawClient {
        RawClient::tcp(self.address())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}

/// A server whose app waits at a gate at `/held`; tells when a request is inside.
pub(super) fn gated(ground: &Ground, change: impl FnOnce(Config) -> Config) -> (Server, Gate, Events<()>) {
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, inside) = events();
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let (held, teller) = (held.clone(), teller.clone());
        async move {
            if environ.path_info() == "/held" {
                teller.tell(());
                // Pending once, whatever has happened by now: the connection looks round before it polls again.
                pause().await;
                held.opened().await;
            }
            let target = environ.target().into_owned();
            Ok(start_response.status(StatusCode::OK).body(target))
        }
    });
    (ground.serve_with(app, change), gate, inside)
}

/// Its answer says so, and the server ends with it.
fn who_leaves_answers_a_kept_connection_once_more(ground: &Ground) {
    let server = ground.serve(target());
    let mut client = server.client();
    assert!(!client.ask(get("/kept")).says_close());
    server.leaver().stop();
    client.expect_silence();
    let last = client.ask(get("/last"));
    assert_eq!((last.text(), last.says_close()), ("/last", true));
    client.expect_closed();
    server.wait().unwrap();
}

fn who_leaves_answers_a_fresh_connection_once(ground: &Ground) {
    let server = ground.serve(target());
    let mut fresh = server.client();
    // The fresh one is known to be accepted once a later one was served.
    server.client().ask(get("/"));
    server.leaver().stop();
    fresh.expect_silence();
    assert!(fresh.ask(get("/only")).says_close());
    fresh.expect_closed();
    server.wait().unwrap();
}

fn who_leaves_finishes_what_is_in_flight(ground: &Ground) {
    let (server, gate, inside) = gated(ground, |config| config);
    let mut client = server.client();
    client.send(get("/held"));
    inside.next("the request");
    server.leaver().stop();
    gate.open();
    let answer = client.answer();
    assert_eq!((answer.text(), answer.says_close()), ("/held", true));
    client.expect_closed();
    server.wait().unwrap();
}

fn who_leaves_lets_the_others_accept(ground: &Ground) {
    let inherited = Inherited::open();
    let first = ground.start(inherited.config(), text("first")).unwrap();
    let mut kept = inherited.client();
    assert_eq!(kept.ask(get("/")).text(), "first");
    let second = ground.start(inherited.config(), text("second")).unwrap();
    first.leaver().stop();
    // What it was about to accept when it was told is still its own.
    let is_the_others = |_| inherited.client().ask(get("/")).text() == "second";
    until("all connections are the other's", || (0..20).all(is_the_others));
    let last = kept.ask(get("/"));
    assert_eq!((last.text(), last.says_close()), ("first", true));
    first.wait().unwrap();
    assert_eq!(inherited.client().ask(get("/")).text(), "second", "the listener is still open");
    second.stop();
}

/// Nobody has accepted them when the first one goes.
fn who_leaves_leaves_what_is_queued_to_the_others(ground: &Ground) {
    let inherited = Inherited::open();
    let narrow = inherited.config().limits(|limits| limits.connections = 1);
    let first = ground.start(narrow, text("first")).unwrap();
    let mut kept = inherited.client();
    kept.ask(get("/"));
    // Some may be accepted ahead of their room; the others are the kernel's.
    let mut queued: Vec<RawClient> = (0..6).map(|_| inherited.client()).collect();
    for client in &mut queued {
        client.send(get("/"));
    }
    first.leaver().stop();
    kept.ask(get("/"));
    first.wait().unwrap();
    let second = ground.start(inherited.config(), text("second")).unwrap();
    let answered = queued.iter_mut().map(|client| client.answer().text().to_owned());
    let by_second = answered.filter(|text| text == "second").count();
    assert!(by_second >= 4, "{by_second} of 6 by the one that goes on");
    second.stop();
}

fn who_leaves_serves_what_only_it_has_queued(ground: &Ground) {
    let (server, gate, inside) = gated(ground, |config| config.limits(|limits| limits.connections = 1));
    let mut first = server.client();
    first.send(get("/held"));
    inside.next("the request");
    let mut queued: Vec<RawClient> = (0..3).map(|_| server.client()).collect();
    for client in &mut queued {
        client.send(get("/queued"));
    }
    server.leaver().stop();
    gate.open();
    assert_eq!(first.answer().text(), "/held");
    for client in &mut queued {
        assert_eq!(client.answer().text(), "/queued");
        client.expect_closed();
    }
    server.wait().unwrap();
}

fn who_leaves_ends_with_the_keep_alive_time(ground: &Ground) {
    let server = ground.serve_with(text("x"), |config| {
        config.timeouts(|timeouts| timeouts.keep_alive = Some(Duration::from_millis(300)))
    });
    let mut client = server.client();
    client.ask(get("/"));
    server.leaver().stop_within(Duration::from_hours(1));
    client.expect_silence();
    client.expect_closed();
    server.wait().unwrap();
}

fn who_leaves_ends_at_its_limit(ground: &Ground) {
    let (server, _gate, inside) = gated(ground, |config| config);
    let (mut held, mut idle) = (server.client(), server.client());
    idle.ask(get("/"));
    held.send(get("/held"));
    inside.next("the request");
    server.leaver().stop_within(Duration::from_millis(300));
    server.wait().unwrap();
    held.rest();
    idle.rest();
}

fn who_leaves_without_connections_ends_at_once(ground: &Ground) {
    let server = ground.serve(text("x"));
    let mut client = server.client();
    client.ask("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    client.expect_closed();
    server.leaver().stop_within(Duration::from_hours(1));
    server.wait().unwrap();
}

fn who_leaves_is_hurried_by_a_stop(ground: &Ground) {
    let server = ground.serve(text("x"));
    let mut idle = server.client();
    idle.ask(get("/"));
    server.leaver().stop_within(Duration::from_hours(1));
    idle.expect_silence();
    server.stopper().stop();
    idle.expect_closed();
    server.wait().unwrap();
}

/// An event stream ends itself, so that its client goes on elsewhere.
fn who_leaves_tells_the_apps(ground: &Ground) {
    let server = ground.serve(plain(|environ: Environ, start_response: StartResponse| {
        let drain = environ.drain();
        let body = Body::send(async move |sender| {
            sender.send("event\n").await?;
            drain.begun().await;
            sender.send("bye\n").await
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let mut client = server.client();
    client.send(get("/")).head();
    assert_eq!(client.bytes(11), b"6\r\nevent\n\r\n".as_slice());
    server.leaver().stop();
    assert_eq!(client.bytes(14), b"4\r\nbye\n\r\n0\r\n\r\n".as_slice());
    // Its head was sent before; the next answer says that it is the last.
    assert!(client.send(get("/")).head().field("connection").is_some_and(|field| field == "close"));
    client.rest();
    server.wait().unwrap();
}

fn who_leaves_says_so_to_http2_and_ends_its_streams(ground: &Ground) {
    let (server, gate, inside) = gated(ground, |config| config);
    let mut idle = Http2::connect(server.address());
    assert_eq!(idle.ask(http2::get("/"), b"").text(), "/");
    let mut busy = Http2::connect(server.address());
    let (held, _) = busy.send(http2::get("/held"), true);
    inside.next("the request");
    server.leaver().stop();
    idle.ended().unwrap();
    gate.open();
    assert_eq!(busy.answer(held).text(), "/held");
    busy.ended().unwrap();
    server.wait().unwrap();
}
