//! Slow clients of HTTP/1 that never quite stop: their whole heads, not only their pauses, are bounded.
//!
//! Clients that stop altogether are in `limits.rs`, those that take no answer in `lifetime.rs`, ten thousand idle ones
//! in `crowd.rs`.

use std::time::{Duration, Instant};

use rsgi_tests::answer::Break;
use rsgi_tests::bytes::get;
use rsgi_tests::deadline::PATIENCE;
use rsgi_tests::probe::target;
use rsgi_tests::{Answer, Client, On, Server, mount};

fn serve(on: On) -> Server {
    let soon = Some(Duration::from_millis(300));
    on.serve_with(target(), |config| {
        config.timeouts(|timeouts| (timeouts.head, timeouts.linger) = (soon, soon))
    })
}

/// Sends a byte every few milliseconds until the server answers.
fn drip(client: &mut Client, bytes: impl Iterator<Item = u8>) -> Answer {
    client.patience(Duration::from_millis(20));
    for byte in bytes {
        let _ended = client.try_send([byte]);
        match client.try_answer("GET") {
            Ok(answer) => {
                client.patience(PATIENCE);
                return answer;
            }
            Err(broken) => assert!(matches!(broken.cause, Break::Silent), "{broken}"),
        }
    }
    panic!("the head was waited for to its end");
}

/// rule(130): slowloris, a byte now and then: `head` bounds the whole head, on a new connection and a kept one.
fn a_head_byte_by_byte_is_408(on: On) {
    let server = serve(on);
    let head =
        || format!("GET / HTTP/1.1\r\nhost: test\r\nx-slow: {}", "v".repeat(1000)).into_bytes().into_iter();
    for earlier in [0, 1] {
        let mut client = server.client();
        for _ in 0..earlier {
            assert_eq!(client.ask(get("/")).status(), 200);
        }
        assert_eq!(drip(&mut client, head()).status(), 408, "behind {earlier} requests");
        client.expect_end();
        assert_eq!(server.client().ask(get("/fine")).text(), "/fine");
    }
}

/// rule(130): so are empty lines, which a server may skip (RFC 9112 section 2.2), in whatever masses they come.
fn empty_lines_without_end_are_let_go(on: On) {
    let server = serve(on);
    for earlier in [0, 1] {
        let mut client = server.client();
        for _ in 0..earlier {
            assert_eq!(client.ask(get("/")).status(), 200);
        }
        let (lines, end) = (b"\r\n".repeat(1000), Instant::now() + PATIENCE);
        while client.try_send(&lines).is_ok() {
            assert!(Instant::now() < end, "still there, behind {earlier} requests");
        }
        assert_eq!(server.client().ask(get("/fine")).text(), "/fine");
    }
}

mount!(a_head_byte_by_byte_is_408, empty_lines_without_end_are_let_go);
