//! The named limits of load: connections, requests on one, and requests that wait.
//!
//! The limits of what is sent are in `limits.rs`.

use std::io::Read;
use std::thread;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{Environ, StartResponse, blocking};

use crate::suite::apps::{TEXT, target};
use crate::suite::case::Case;
use crate::wire::RawClient;
use crate::wire::bytes::{get, post, request};
use crate::wire::deadline::{Gate, events};

pub(super) const CASES: &[Case] = &[
    Case::hosted("the_last_request_of_a_connection_closes_it", &[125], |ground| {
        let server = ground
            .serve_with(target(), |config| config.limits(|limits| limits.requests_per_connection = Some(3)));
        let mut client = server.client();
        for turn in 1..=3 {
            assert_eq!(client.ask(get("/")).says_close(), turn == 3, "answer {turn}");
        }
        client.expect_closed();
    }),
    // A connection over the limit waits in the kernel and is served when another goes.
    Case::hosted("connections_over_the_limit_wait", &[130], |ground| {
        let server = ground.serve_with(target(), |config| config.limits(|limits| limits.connections = 2));
        let mut first: Vec<RawClient> = (0..2).map(|_| server.client()).collect();
        for client in &mut first {
            assert_eq!(client.ask(get("/in")).text(), "/in");
        }
        let mut waiting = server.client();
        waiting.send(get("/later")).expect_silence();
        first.pop();
        assert_eq!(waiting.answer().text(), "/later");
        assert_eq!(first[0].ask(get("/still")).text(), "/still");
    }),
    // Over `pending_requests` a refusal comes at once, and no queue grows. A server without such a queue, where only
    // blocking work waits for threads, refuses the setting at the start.
    Case::hosted("requests_over_the_queue_are_503", &[130], |ground| {
        let gate = Gate::new();
        let held = gate.clone();
        let (teller, inside) = events();
        let app = blocking(move |_: Environ, start_response: StartResponse| {
            teller.tell(());
            held.wait();
            Ok(start_response.start(StatusCode::OK, TEXT)?.body("served"))
        });
        let limited = |config: Config| config.threads(1).limits(|limits| limits.pending_requests = Some(2));
        let server = match ground.start(limited(ground.config()), app) {
            Ok(server) => server,
            Err(error) => return assert_eq!(error.setting(), Some("pending_requests"), "{error}"),
        };
        let mut running = server.client();
        running.send(get("/"));
        inside.next("a request inside the app");
        let (teller, answers) = events();
        for _ in 0..6 {
            let (teller, mut client) = (teller.clone(), server.client());
            client.send(get("/"));
            thread::spawn(move || teller.tell(client.answer().status()));
        }
        for _ in 0..4 {
            assert_eq!(answers.next("a refusal while the app is still held"), 503);
        }
        gate.open();
        for _ in 0..2 {
            assert_eq!(answers.next("a queued request"), 200);
        }
        assert_eq!(running.answer().text(), "served");
    }),
    // With it, a slow upload calls no app and so holds no thread.
    Case::hosted("the_request_buffer_keeps_slow_uploads_off_the_app", &[59], |ground| {
        let (teller, called) = events();
        let app = blocking(move |mut environ: Environ, start_response: StartResponse| {
            teller.tell(());
            let mut text = String::new();
            environ.input_mut().read_to_string(&mut text)?;
            Ok(start_response.start(StatusCode::OK, TEXT)?.body(text))
        });
        let small = |config: Config| config.threads(1).limits(|limits| limits.request_buffer = 1000);
        let server = ground.serve_with(app, small);
        let mut slow = server.client();
        slow.send(request("POST", "/", &[("content-length", "6")], b"abc"));
        assert_eq!(called.within(Duration::from_millis(200)), None, "the slow one waits outside");
        assert_eq!(server.client().ask(post("/", b"quick")).text(), "quick");
        called.next("the quick one's call");
        assert!(called.try_next().is_none(), "the slow one still waits outside");
        assert_eq!(slow.send("def").answer().text(), "abcdef");
    }),
];
