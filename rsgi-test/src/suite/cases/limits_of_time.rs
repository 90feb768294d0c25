//! The clocks of the settings: what a slow client is told, and what the app is.
//!
//! The write clock is in `lifetime_of_bodies.rs`, the graceful one in `shutdown.rs`, the handshake's in `tls.rs`.

use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::Timeouts;
use rsgi_core::{Environ, StartResponse, app_fn};

use crate::suite::apps::{TEXT, target, watching};
use crate::suite::case::Case;
use crate::suite::ground::{Ground, Server};
use crate::suite::noting::{Noted, noting};
use crate::wire::RawClient;
use crate::wire::answer::{Answer, Break};
use crate::wire::bytes::{chunked_head, get, post, request};
use crate::wire::deadline::{Gate, events, patience, until};

pub(super) const CASES: &[Case] = &[
    // Slowloris.
    Case::hosted("a_slow_head_is_408", &[130, 122], |ground| {
        for start in ["G", "GET / HTTP/1.1\r\nhost: te"] {
            let (server, noted) = timed(ground, |timeouts| timeouts.head = SOON);
            let mut client = server.client();
            client.send(start);
            assert_eq!(client.answer().status(), 408);
            client.expect_end();
            noted.unseen();
        }
    }),
    // A byte now and then doesn't wind the head's clock, which bounds the whole head, the first on a connection or not.
    Case::hosted("a_head_byte_by_byte_is_408", &[130, 122], |ground| {
        let server = lets_go_soon(ground);
        let head = format!("GET / HTTP/1.1\r\nhost: test\r\nx-slow: {}", "v".repeat(1000));
        for earlier in [0, 1] {
            let mut client = used(&server, earlier);
            assert_eq!(drip(&mut client, head.as_bytes()).status(), 408, "behind {earlier} requests");
            client.expect_end();
            assert_eq!(server.client().ask(get("/fine")).text(), "/fine");
        }
    }),
    // So are empty lines, which a server may skip (RFC 9112 section 2.2), in whatever masses they come.
    Case::hosted("empty_lines_without_end_are_let_go", &[130, 38], |ground| {
        let server = lets_go_soon(ground);
        for earlier in [0, 1] {
            let mut client = used(&server, earlier);
            let lines = b"\r\n".repeat(1000);
            until("the connection is let go", || client.try_send(&lines).is_err());
            assert_eq!(server.client().ask(get("/fine")).text(), "/fine", "behind {earlier} requests");
        }
    }),
    // A client that connects and says nothing holds nothing for long; there is no request to answer.
    Case::hosted("a_client_that_says_nothing_is_let_go", &[130], |ground| {
        let (server, _noted) = timed(ground, |timeouts| timeouts.head = SOON);
        let (rest, _) = server.client().rest();
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408 "), "{rest:?}");
    }),
    // On a kept connection the head's clock starts with its first byte, so idleness doesn't count.
    Case::hosted("idle_time_is_no_part_of_a_heads_time", &[130], |ground| {
        let (server, _noted) = timed(ground, |timeouts| timeouts.head = SOON);
        let mut client = server.client();
        assert_eq!(client.ask(get("/")).status(), 200);
        stays_silent(&mut client);
        assert_eq!(client.ask(get("/")).status(), 200);
        client.send("GET /");
        assert_eq!(client.answer().status(), 408);
    }),
    Case::hosted("a_slow_body_is_a_typed_error_and_408", &[58, 122], |ground| {
        let (server, noted) = timed(ground, |timeouts| timeouts.body_progress = SOON);
        for start in [
            request("POST", "/", &[("content-length", "10")], b"abc"),
            [chunked_head("/"), b"5\r\nabc".to_vec()].concat(),
            chunked_head("/"),
        ] {
            let mut client = server.client();
            client.send(start);
            assert_eq!(client.answer().status(), 408);
            assert_eq!(noted.seen().body, Err("TimedOut".to_owned()));
            client.expect_end();
        }
    }),
    // The body's clock runs only while somebody waits for the client.
    Case::hosted("an_app_that_reads_late_is_not_the_clients_fault", &[58], |ground| {
        let gate = Gate::new();
        let held = gate.clone();
        let app = app_fn(move |mut environ: Environ, start_response: StartResponse| {
            let held = held.clone();
            async move {
                held.opened().await;
                let whole = environ.input_mut().collect(100).await?;
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(whole))
            }
        });
        let server =
            ground.serve_with(app, |config| config.timeouts(|timeouts| timeouts.body_progress = SOON));
        let mut client = server.client();
        client.send(post("/", b"hello"));
        stays_silent(&mut client);
        gate.open();
        assert_eq!(client.answer().text(), "hello");
    }),
    // Each byte winds it: a slow upload that goes on is none that stands still.
    Case::hosted("a_body_that_trickles_is_read_to_its_end", &[58], |ground| {
        let (server, noted) =
            timed(ground, |timeouts| timeouts.body_progress = Some(Duration::from_millis(500)));
        let (mut client, (_teller, pause)) = (server.client(), events::<()>());
        client.send(request("POST", "/", &[("content-length", "10")], b""));
        for byte in b"0123456789".chunks(1) {
            pause.within(Duration::from_millis(100));
            client.send(byte);
        }
        assert_eq!(client.answer().status(), 200);
        assert_eq!(noted.seen().text(), "0123456789");
    }),
    Case::hosted("an_idle_connection_is_closed", &[130], |ground| {
        let (server, _noted) = timed(ground, |timeouts| timeouts.keep_alive = SOON);
        let mut client = server.client();
        for _ in 0..2 {
            assert_eq!(client.ask(get("/")).status(), 200);
        }
        client.expect_closed();
    }),
    Case::hosted("keep_alive_of_zero_closes_after_each_answer", &[130], |ground| {
        let (server, _noted) = timed(ground, |timeouts| timeouts.keep_alive = Some(Duration::ZERO));
        let mut client = server.client();
        assert!(client.ask(get("/")).says_close());
        client.expect_closed();
    }),
    // A client that never ends is ended by one of them, whatever phase it stops in.
    Case::hosted("every_clock_has_a_default", &[130], |ground| {
        let Timeouts { handshake, head, body_progress, write, keep_alive, linger, graceful, .. } =
            ground.config().timeouts;
        for clock in [handshake, head, body_progress, write, keep_alive, linger, graceful] {
            assert!(clock.is_some_and(|time| time <= Duration::from_mins(2)), "{clock:?}");
        }
    }),
];

/// Soon enough to wait for.
pub(super) const SOON: Option<Duration> = Some(Duration::from_millis(250));

/// A server with clocks changed, whose app tells what it saw.
fn timed(ground: &Ground, change: impl FnOnce(&mut Timeouts)) -> (Server, Noted) {
    let (app, noted) = noting(watching());
    (ground.serve_with(app, |config| config.timeouts(change)), noted)
}

/// A server that waits for a head, and for the rest behind its refusal, only briefly.
fn lets_go_soon(ground: &Ground) -> Server {
    ground.serve_with(target(), |config| {
        config.timeouts(|timeouts| (timeouts.head, timeouts.linger) = (SOON, SOON))
    })
}

/// A connection on which so many requests were answered.
fn used(server: &Server, earlier: usize) -> RawClient {
    let mut client = server.client();
    for _ in 0..earlier {
        assert_eq!(client.ask(get("/")).status(), 200);
    }
    client
}

/// Sends a byte every few milliseconds until the server answers.
fn drip(client: &mut RawClient, bytes: &[u8]) -> Answer {
    client.patience(Duration::from_millis(20));
    for byte in bytes.chunks(1) {
        let _ended = client.try_send(byte);
        match client.try_answer("GET") {
            Ok(answer) => {
                client.patience(patience());
                return answer;
            }
            Err(broken) => assert!(matches!(broken.cause, Break::Silent), "{broken}"),
        }
    }
    panic!("the head was waited for to its end");
}

/// Expects that nothing comes for more than twice [`SOON`].
fn stays_silent(client: &mut RawClient) {
    client.patience(Duration::from_millis(600));
    assert!(client.try_answer("GET").is_err_and(|broken| matches!(broken.cause, Break::Silent)));
    client.patience(patience());
}
