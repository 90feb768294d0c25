//! Threads: what goes on while handlers block some of a server's threads, or all of them.
//!
//! How an app is run on a server of the other kind is in `mixing.rs`.

use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Environ, Mount, StartResponse, app_fn, blocking};

use crate::suite::apps::{TEXT, text};
use crate::suite::case::Case;
use crate::wire::RawClient;
use crate::wire::bytes::get;
use crate::wire::deadline::{Events, Gate, events, until};

pub(super) const CASES: &[Case] = &[
    // As many blocked handlers as half of the threads delay nobody.
    Case::hosted("blocked_handlers_do_not_delay_fast_requests", &[68], |ground| {
        let gate = Gate::new();
        let (app, inside) = slow_and_fast(&gate);
        let server = ground.serve_with(app, |config| config.threads(8));
        let mut slow: Vec<RawClient> = (0..4).map(|_| server.client()).collect();
        for client in &mut slow {
            client.send(get("/slow"));
            inside.next("a handler that blocks");
        }
        let mut fast: Vec<RawClient> = (0..100).map(|_| server.client()).collect();
        for client in &mut fast {
            client.send(get("/fast"));
        }
        for client in &mut fast {
            assert_eq!(client.answer().text(), "fast", "while the slow ones are still inside");
        }
        gate.open();
        for client in &mut slow {
            assert_eq!(client.answer().text(), "slow");
        }
    })
    .parallel(),
    // When every thread is in a handler, the next request waits, and accepting, parsing and clocks go on.
    Case::hosted("with_every_thread_blocked_the_server_goes_on", &[130, 39], |ground| {
        let gate = Gate::new();
        let (app, inside) = slow_and_fast(&gate);
        let server = ground.serve_with(app, |config| {
            config.threads(2).timeouts(|timeouts| timeouts.head = Some(Duration::from_millis(250)))
        });
        // Each connects when it has something to send: the time for its head runs from there.
        let enter = |_| {
            let mut client = server.client();
            client.send(get("/slow"));
            inside.next("a handler that blocks");
            client
        };
        let mut slow: Vec<RawClient> = (0..2).map(enter).collect();
        let mut waiting = server.client();
        waiting.send(get("/slow"));
        let mut slowloris = server.client();
        slowloris.send("GET / HT");
        assert_eq!(slowloris.answer().status(), 408);
        let mut malformed = server.client();
        assert_eq!(malformed.ask("nonsense\r\n\r\n").status(), 400);
        waiting.expect_silence();
        assert!(inside.try_next().is_none());
        gate.open();
        for client in slow.iter_mut().chain([&mut waiting]) {
            assert_eq!(client.answer().text(), "slow");
        }
    })
    .parallel(),
    Case::hosted("the_time_in_the_queue_is_told", &[122], |ground| {
        let (teller, queued) = events();
        let gate = Gate::new();
        let held = gate.clone();
        let app = blocking(move |environ: Environ, start_response: StartResponse| {
            teller.tell(environ.queued());
            held.wait();
            Ok(start_response.start(StatusCode::OK, TEXT)?.body("x"))
        });
        let server = ground.serve_with(app, |config| config.threads(1));
        let (mut first, mut second) = (server.client(), server.client());
        first.send(get("/"));
        assert!(queued.next("the first") < Duration::from_secs(5));
        second.send(get("/"));
        assert!(queued.within(Duration::from_millis(500)).is_none(), "the only thread is taken");
        gate.open();
        let waited = queued.next("the second");
        assert!(waited >= Duration::from_millis(100), "{waited:?} of half a second");
        assert_eq!((first.answer().text().len(), second.answer().text().len()), (1, 1));
    }),
    // A pending app or body holds no thread.
    Case::hosted("a_thousand_pending_requests_leave_room_for_a_ping", &[68, 134], |ground| {
        let (teller, inside) = events();
        let gate = Gate::new();
        let held = gate.clone();
        let app = app_fn(move |environ: Environ, start_response: StartResponse| {
            let (teller, held) = (teller.clone(), held.clone());
            async move {
                let head = start_response.start(StatusCode::OK, TEXT)?;
                match environ.path_info() {
                    "/app" => {
                        teller.tell(());
                        held.opened().await;
                        Ok(head.body("late"))
                    }
                    "/body" => Ok(head.body(Body::send(async move |sender| {
                        teller.tell(());
                        held.opened().await;
                        sender.send("late").await
                    }))),
                    _ => Ok(head.body("pong")),
                }
            }
        });
        let server = ground.serve_with(app, |config| config.threads(8));
        let mut pending: Vec<RawClient> = (0..1000).map(|_| server.client()).collect();
        for (index, client) in pending.iter_mut().enumerate() {
            client.send(get(if index % 2 == 0 { "/app" } else { "/body" }));
        }
        for _ in 0..1000 {
            inside.next("a thousand requests inside");
        }
        let mut client = server.client();
        for _ in 0..10 {
            assert_eq!(client.ask(get("/ping")).text(), "pong");
        }
        gate.open();
        for client in &mut pending {
            assert_eq!(client.answer().text(), "late");
        }
    })
    .parallel(),
    // A blocking app whose client left is not waited for by others.
    Case::hosted("a_blocking_app_without_its_client_holds_nobody_up", &[68, 115], |ground| {
        let gate = Gate::new();
        let (app, inside) = slow_and_fast(&gate);
        let server = ground.serve(app);
        for _ in 0..3 {
            let mut client = server.client();
            client.send(get("/slow"));
            inside.next("a handler that blocks");
            drop(client);
        }
        until("the fast one is answered", || server.client().ask(get("/fast")).text() == "fast");
        gate.open();
    })
    .parallel(),
];

/// An app of both kinds: `/slow` blocks its thread until the gate opens, `/fast` is async.
fn slow_and_fast(gate: &Gate) -> (Mount, Events<()>) {
    let (teller, inside) = events();
    let held = gate.clone();
    let slow = blocking(move |_: Environ, start_response: StartResponse| {
        teller.tell(());
        held.wait();
        Ok(start_response.start(StatusCode::OK, TEXT)?.body("slow"))
    });
    (Mount::new().at("/slow", slow).at("/fast", text("fast")), inside)
}
