//! Blocking and async apps on both kinds of server: law 2 of the contract, and threads that nobody holds.
//!
//! Crowds of connections in processes of their own are in `crowd.rs`.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{
    Body, Capabilities, Environ, Error, Mount, StartResponse, Started, app_fn, blocking, thread_may_block,
};
use rsgi_tests::bytes::{get, request};
use rsgi_tests::deadline::{Gate, events, until};
use rsgi_tests::probe::app;
use rsgi_tests::{Client, On, log, mount};

/// An app of both kinds: `/slow` blocks its thread until the gate opens, `/fast` is async.
fn slow_and_fast(gate: &Gate) -> (Mount, rsgi_tests::deadline::Events<()>) {
    let (teller, inside) = events();
    let held = gate.clone();
    let slow = blocking(move |_: Environ, start_response: StartResponse| {
        teller.tell(());
        held.wait();
        Ok(start_response.status(StatusCode::OK).body("slow"))
    });
    let fast = app(|_, start_response| Ok(start_response.status(StatusCode::OK).body("fast")));
    (Mount::new().at("/slow", slow).at("/fast", fast), inside)
}

/// rule(68): as many blocked handlers as an async server has threads for, or half of a blocking one's, delay nobody.
fn blocked_handlers_do_not_delay_fast_requests(on: On) {
    let gate = Gate::new();
    let (app, inside) = slow_and_fast(&gate);
    let server = on.serve_with(app, |config| config.threads(8));
    let mut slow: Vec<Client> = (0..if on.is_std() { 4 } else { 8 }).map(|_| server.client()).collect();
    for client in &mut slow {
        client.send(get("/slow"));
        inside.next("a handler that blocks");
    }
    let mut fast: Vec<Client> = (0..100).map(|_| server.client()).collect();
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
}

/// rule(130): when every thread is in a handler, the next request waits, and accepting, parsing and clocks go on.
fn with_every_thread_blocked_the_server_goes_on(on: On) {
    let gate = Gate::new();
    let (app, inside) = slow_and_fast(&gate);
    let server = on.serve_with(app, |config| {
        config.threads(2).timeouts(|timeouts| timeouts.head = Some(Duration::from_millis(250)))
    });
    let mut slow: Vec<Client> = (0..2).map(|_| server.client()).collect();
    for client in &mut slow {
        client.send(get("/slow"));
        inside.next("a handler that blocks");
    }
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
    assert_eq!(waiting.answer().text(), "slow");
}

/// rule(122): the time in the queue is told.
fn the_time_in_the_queue_is_told(on: On) {
    let (teller, queued) = events();
    let gate = Gate::new();
    let held = gate.clone();
    let app = blocking(move |environ: Environ, start_response: StartResponse| {
        teller.tell(environ.queued());
        held.wait();
        Ok(start_response.status(StatusCode::OK).body("x"))
    });
    let server = on.serve_with(app, |config| config.threads(1));
    let (mut first, mut second) = (server.client(), server.client());
    first.send(get("/"));
    assert!(queued.next("the first") < Duration::from_secs(5));
    second.send(get("/"));
    second.expect_silence();
    gate.open();
    assert!(
        queued.next("the second") >= Duration::from_millis(90),
        "it waited while the silence was expected"
    );
    assert_eq!((first.answer().text().len(), second.answer().text().len()), (1, 1));
}

/// rule(68, 134): a pending app or body holds no thread.
fn a_thousand_pending_requests_leave_room_for_a_ping(on: On) {
    let (teller, inside) = events();
    let gate = Gate::new();
    let held = gate.clone();
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let (teller, held) = (teller.clone(), held.clone());
        async move {
            let head = start_response.status(StatusCode::OK);
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
    let server = on.serve_with(app, |config| config.threads(8));
    let mut pending: Vec<Client> = (0..1000).map(|_| server.client()).collect();
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
}

/// Waits for a wake that comes from another thread while this poll runs, and eats this thread's park token.
async fn swallow() {
    let mut polls = 0;
    poll_fn(|context| {
        polls += 1;
        if polls > 3 {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        std::thread::spawn(move || waker.wake()).join().unwrap();
        std::thread::park_timeout(Duration::ZERO);
        Poll::Pending
    })
    .await;
}

/// rule(68): whoever waits by parking must not trust the token alone.
fn a_park_token_swallowed_in_a_poll_hangs_nothing(on: On) {
    let server = on.serve(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        swallow().await;
        let whole = environ.input_mut().collect(100).await?;
        swallow().await;
        Ok(start_response.status(StatusCode::OK).body(Body::send(async move |sender| {
            swallow().await;
            sender.send(whole).await?;
            swallow().await;
            sender.send("!").await
        })))
    }));
    let mut client = server.client();
    for _ in 0..20 {
        assert_eq!(client.ask(request("POST", "/", &[("content-length", "5")], b"hello")).text(), "hello!");
    }
}

/// rule(68): wakes inside a poll, twice, too late, and for what is over.
fn odd_wakes_hurt_nobody(on: On) {
    let kept: Arc<Mutex<Vec<Waker>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let server = on.serve(app_fn(move |_, start_response: StartResponse| {
        let keep = Arc::clone(&keep);
        async move {
            let mut polls = 0;
            poll_fn(|context| {
                polls += 1;
                keep.lock().unwrap().push(context.waker().clone());
                context.waker().wake_by_ref();
                context.waker().wake_by_ref();
                if polls < 5 { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            Ok(start_response.status(StatusCode::OK).body("woken"))
        }
    }));
    let mut client = server.client();
    for _ in 0..5 {
        assert_eq!(client.ask(get("/")).text(), "woken");
        kept.lock().unwrap().iter().for_each(Waker::wake_by_ref);
    }
    server.stop();
    kept.lock().unwrap().drain(..).for_each(Waker::wake);
}

/// rule(68): the call, each pull and the drop of a blocking app and body run where blocking is allowed.
fn blocking_code_runs_where_it_may_block(on: On) {
    struct Checked(rsgi_tests::deadline::Teller<(&'static str, bool)>, &'static str);
    impl Drop for Checked {
        fn drop(&mut self) {
            self.0.tell((self.1, thread_may_block()));
        }
    }
    let (teller, may) = events();
    let server = on.serve(blocking(move |environ: Environ, start_response: StartResponse| {
        teller.tell(("call", thread_may_block()));
        let held = Checked(teller.clone(), "drop");
        let body = match environ.path_info() {
            "/iter" => Body::iter((0..2).map(move |_| {
                held.0.tell(("pull", thread_may_block()));
                "x"
            })),
            "/push" => Body::push(move |writer| {
                held.0.tell(("pull", thread_may_block()));
                writer.write_bytes("x")?;
                held.0.tell(("pull", thread_may_block()));
                drop(held);
                Ok(())
            }),
            _ => {
                return Ok(start_response.status(StatusCode::NO_CONTENT).body(Body::iter((0..2).map(
                    move |_| {
                        held.0.tell(("pull", false));
                        "never pulled"
                    },
                ))));
            }
        };
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    for (path, steps) in [
        ("/iter", ["call", "pull", "pull", "drop"].as_slice()),
        ("/push", &["call", "pull", "pull", "drop"]),
        ("/discarded", &["call", "drop"]),
    ] {
        server.client().ask(get(path));
        for step in steps {
            assert_eq!(may.next("a step"), (*step, true), "{path}");
        }
    }
}

/// rule(68): an async app hands blocking work over by the environ.
fn the_offload_runs_work_where_it_may_block(on: On) {
    let server = on.serve(app_fn(|environ: Environ, start_response: StartResponse| async move {
        let may = environ.offload().run(thread_may_block).await;
        Ok(start_response.status(StatusCode::OK).body(may.to_string()))
    }));
    assert_eq!(server.client().ask(get("/")).text(), "true");
}

async fn with_timers(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        sender.send("channel")
    });
    let text = receiver.await?;
    Ok(start_response.status(StatusCode::OK).body(Body::send(async move |sender| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        sender.send(text).await
    })))
}

/// rule(68): with the feature `tokio` (rsgi-hyper always has it) timers, tasks and channels work in app and body;
/// without it, tokio's panic is a 500 whose log line says what to do.
fn an_app_that_needs_tokio_works_or_is_told_what_it_needs(on: On) {
    log::catch();
    let (teller, capabilities) = events();
    let server = on.serve(app_fn(move |environ: Environ, start_response: StartResponse| {
        teller.tell(environ.server().capabilities);
        with_timers(environ, start_response)
    }));
    let mut client = server.client();
    let answer = client.ask(get("/"));
    if capabilities.next("the request").contains(Capabilities::TOKIO) {
        assert_eq!((answer.status(), answer.text()), (200, "channel"));
    } else {
        assert!(on.is_std());
        assert_eq!(answer.status(), 500);
        log::line_with(&["feature `tokio`"]);
    }
    assert!(matches!(client.ask(get("/")).status(), 200 | 500), "the connection lives");
}

/// rule(68, 115): a blocking app whose client left is not waited for by others.
fn a_blocking_app_without_its_client_holds_nobody_up(on: On) {
    let gate = Gate::new();
    let (app, inside) = slow_and_fast(&gate);
    let server = on.serve(app);
    for _ in 0..3 {
        let mut client = server.client();
        client.send(get("/slow"));
        inside.next("a handler that blocks");
        drop(client);
    }
    until("the fast one is answered", || server.client().ask(get("/fast")).text() == "fast");
    gate.open();
}

mount!(
    blocked_handlers_do_not_delay_fast_requests,
    with_every_thread_blocked_the_server_goes_on,
    the_time_in_the_queue_is_told,
    a_thousand_pending_requests_leave_room_for_a_ping,
    a_park_token_swallowed_in_a_poll_hangs_nothing,
    odd_wakes_hurt_nobody,
    blocking_code_runs_where_it_may_block,
    the_offload_runs_work_where_it_may_block,
    an_app_that_needs_tokio_works_or_is_told_what_it_needs,
    a_blocking_app_without_its_client_holds_nobody_up,
);
