//! HTTP/2's streams beside each other: none waits for another, a reset ends one, limits and the end concern all.
//!
//! Whole requests and answers are in `h2.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Cause, Delivery, Environ, StartResponse, app_fn};
use rsgi_tests::On;
use rsgi_tests::bytes::noise;
use rsgi_tests::deadline::{Gate, events, settled};
use rsgi_tests::h2::{Http2, get, piece, request};
use rsgi_tests::probe::{OnDrop, app, target, tell_outcome, watching, with_outcome};

/// rule(127)
fn streams_do_not_wait_for_each_other(on: On) {
    let gate = Gate::new();
    let held = gate.clone();
    let server = on.serve(app_fn(move |environ: Environ, start_response: StartResponse| {
        let held = held.clone();
        async move {
            if environ.path_info() == "/slow" {
                held.opened().await;
            }
            let target = environ.target().into_owned();
            Ok(start_response.status(StatusCode::OK).body(target))
        }
    }));
    let mut client = Http2::connect(server.address());
    let (slow, _) = client.send(get("/slow"), true);
    for number in 0..30 {
        let target = format!("/{number}");
        assert_eq!(client.ask(get(&target), b"").text(), target);
    }
    gate.open();
    assert_eq!(client.answer(slow).text(), "/slow");
}

/// rule(118, 119)
fn a_reset_ends_one_request_and_no_other(on: On) {
    let (teller, steps) = events();
    let (outcome_teller, outcomes) = events();
    let gate = Gate::new();
    let opened = gate.clone();
    let server = on.serve(app_fn(move |environ: Environ, start_response: StartResponse| {
        let (teller, outcome_teller, opened) = (teller.clone(), outcome_teller.clone(), opened.clone());
        async move {
            if environ.path_info() == "/reset" {
                tell_outcome(&environ, &outcome_teller);
                let _held = OnDrop::new("dropped", &teller);
                teller.tell("running");
                std::future::pending::<()>().await;
            }
            teller.tell("other");
            opened.opened().await;
            Ok(start_response.status(StatusCode::OK).body("goes on"))
        }
    }));
    let mut client = Http2::connect(server.address());
    let (other, _) = client.send(get("/other"), true);
    assert_eq!(steps.next("the other app"), "other");
    let (_answer, mut stream) = client.send(get("/reset"), true);
    assert_eq!(steps.next("the app"), "running");
    stream.send_reset(h2::Reason::CANCEL);
    assert_eq!(steps.next("the drop of the app's future"), "dropped");
    assert_eq!(outcomes.next("the outcome").delivery, Delivery::Aborted(Cause::Reset));
    gate.open();
    assert_eq!(client.answer(other).text(), "goes on");
}

/// rule(121, 127): what streams share of their connection keeps their outcomes apart: one each, when its answer is sent.
fn two_open_streams_have_an_outcome_each(on: On) {
    let (teller, inside) = events();
    let (outcome_teller, outcomes) = events();
    let gates = [Gate::new(), Gate::new()];
    let held = gates.clone();
    let server = on.serve(app_fn(move |environ: Environ, start_response: StartResponse| {
        let (first, second) = (held[0].opened(), held[1].opened());
        tell_outcome(&environ, &outcome_teller);
        teller.tell(());
        async move {
            let status = if environ.path_info() == "/first" {
                first.await;
                StatusCode::OK
            } else {
                second.await;
                StatusCode::NOT_FOUND
            };
            Ok(start_response.status(status).body("text"))
        }
    }));
    let mut client = Http2::connect(server.address());
    let (first, _) = client.send(get("/first"), true);
    let (second, _) = client.send(get("/second"), true);
    for _ in 0..2 {
        inside.next("an app");
    }
    for (gate, answer, status) in [(&gates[1], second, 404), (&gates[0], first, 200)] {
        assert!(outcomes.try_next().is_none(), "told before it was made");
        gate.open();
        assert_eq!(client.answer(answer).status, status);
        let outcome = outcomes.next("the outcome");
        assert!(outcome.is_whole(), "{outcome:?}");
        assert_eq!((outcome.status.map(|status| status.as_u16()), outcome.body_bytes), (Some(status), 4));
    }
    drop(server);
    assert!(outcomes.to_the_end("the outcomes").is_empty(), "told twice");
}

/// rule(116, 118)
fn a_reset_ends_a_body(on: On) {
    let (teller, drops) = events();
    let (app, outcomes) = with_outcome(move |_, start_response| {
        let held = OnDrop::new("body", &teller);
        Ok(start_response.status(StatusCode::OK).body(Body::push(move |writer| {
            let _held = held;
            loop {
                writer.write_bytes("x".repeat(1000))?;
            }
        })))
    });
    let server = on.serve(app);
    let mut client = Http2::connect(server.address());
    let (answer, mut stream) = client.send(get("/"), true);
    let body = client.wait(async { answer.await.unwrap().into_body() });
    stream.send_reset(h2::Reason::CANCEL);
    assert_eq!(drops.next("the body's drop"), "body");
    assert!(matches!(outcomes.next("the outcome").delivery, Delivery::Aborted(_)));
    drop(body);
}

/// rule(112, 94)
fn an_error_behind_the_head_resets_the_stream_and_no_other(on: On) {
    let (app, outcomes) = with_outcome(|environ, start_response| {
        let pieces: [Result<&'static str, &'static str>; 3] = [Ok("one "), Ok("two "), Err("no three")];
        let body = match environ.path_info() {
            "/error" => Body::iter(pieces),
            "/missing" => Body::iter(["one ", "two "]).with_length(100),
            "/panic" => Body::send(async |sender| {
                sender.send("one ").await?;
                sender.send("two ").await?;
                panic!("no three")
            }),
            _ => Body::from("fine"),
        };
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let server = on.serve(app);
    let mut client = Http2::connect(server.address());
    for path in ["/error", "/missing", "/panic"] {
        let (answer, _) = client.send(get(path), true);
        let broken = client.try_answer(answer).unwrap_err();
        assert_eq!((broken.status, broken.body.as_slice()), (Some(200), b"one two ".as_slice()), "{path}");
        assert!(broken.error.is_reset(), "{path}: {:?}", broken.error);
        assert_eq!(outcomes.next("the outcome").delivery, Delivery::Failed, "{path}");
        assert_eq!(client.ask(get("/fine"), b"").text(), "fine");
        assert!(outcomes.next("the outcome").is_whole());
    }
}

/// rule(131)
fn a_graceful_end_tells_by_goaway_and_finishes(on: On) {
    let (teller, inside) = events();
    let gate = Gate::new();
    let held = gate.clone();
    let server = on.serve(app_fn(move |_, start_response: StartResponse| {
        let (teller, held) = (teller.clone(), held.clone());
        async move {
            teller.tell(());
            held.opened().await;
            Ok(start_response.status(StatusCode::OK).body("finished"))
        }
    }));
    let mut client = Http2::connect(server.address());
    let (answer, _) = client.send(get("/"), true);
    inside.next("the request");
    let mut idle = Http2::connect(server.address());
    server.stopper().stop();
    idle.ended().unwrap();
    gate.open();
    assert_eq!(client.answer(answer).text(), "finished");
    client.ended().unwrap();
    server.wait().unwrap();
}

/// rule(57)
fn a_body_over_the_limit_is_413(on: On) {
    let (app, seen) = watching();
    let server = on.serve_with(app, |config| config.limits(|limits| limits.body_bytes = Some(1000)));
    let mut client = Http2::connect(server.address());
    assert_eq!(client.ask(request("POST", "/", &[]), &noise(1000)).status, 200);
    assert!(seen.next("the request").body.is_ok());
    assert_eq!(client.ask(request("POST", "/", &[]), &noise(1001)).status, 413);
    assert_eq!(client.ask(get("/"), b"").status, 200, "the connection lives");
}

/// rule(39)
fn a_head_over_the_limit_is_refused(on: On) {
    let (app, seen) = watching();
    let server = on.serve_with(app, |config| {
        config.limits(|limits| {
            limits.head_bytes = 8192;
            limits.target_bytes = 1000;
            limits.header_bytes = 8192;
            limits.header_count = 20;
        })
    });
    let mut client = Http2::connect(server.address());
    let long = "v".repeat(1500);
    assert_eq!(client.ask(request("GET", "/", &[("x-a", "1"); 30]), b"").status, 431);
    assert_eq!(client.ask(get(&format!("/{long}")), b"").status, 414);
    assert_eq!(client.ask(request("GET", "/", &[("x-a", long.as_str()); 10]), b"").status, 431);
    assert!(seen.try_next().is_none());
    assert_eq!(client.ask(get("/"), b"").status, 200, "the connection lives");
}

/// rule(99)
fn a_stream_that_is_not_read_is_held_back(on: On) {
    let given = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&given);
    let app = app(move |environ: Environ, start_response: StartResponse| {
        let counter = Arc::clone(&counter);
        let body = Body::push(move |writer| {
            loop {
                writer.write_bytes("x".repeat(4096))?;
                counter.fetch_add(4096, Ordering::Relaxed);
            }
        });
        let body = if environ.path_info() == "/" { body } else { Body::from("other") };
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let server = on.serve_with(app, |config| config.limits(|limits| limits.write_buffer = 32 << 10));
    // A window for the connection that the stream alone can't use up.
    let mut settings = h2::client::Builder::new();
    settings.initial_window_size(64 << 10).initial_connection_window_size(1 << 20);
    let mut client = Http2::connect_with(server.address(), &settings);
    let (answer, _) = client.send(get("/"), true);
    let held = settled("the body is held back", || given.load(Ordering::Relaxed));
    // The client's window of 64 KiB, the write buffer, and the queue between the app's thread and the reactor.
    assert!(held <= (64 << 10) + (32 << 10) + (64 << 10) + (16 << 10), "{held} bytes");
    assert_eq!(client.ask(get("/other"), b"").text(), "other", "other streams go on");
    let mut body = client.wait(answer).unwrap().into_body();
    let mut read = 0;
    while read < 2 * held {
        read += client.wait(piece(&mut body)).unwrap().unwrap().len();
    }
}

/// rule(125): the limit of requests ends the connection, by GOAWAY and behind the last answer.
fn the_last_request_of_a_connection_ends_it(on: On) {
    let server =
        on.serve_with(target(), |config| config.limits(|limits| limits.requests_per_connection = Some(3)));
    let mut client = Http2::connect(server.address());
    for turn in 1..=3 {
        let target = format!("/{turn}");
        assert_eq!(client.ask(get(&target), b"").text(), target);
    }
    client.ended().unwrap();
}

/// rule(130)
fn an_idle_connection_is_ended(on: On) {
    let soon = Some(std::time::Duration::from_millis(250));
    let server = on.serve_with(target(), |config| config.timeouts(|timeouts| timeouts.keep_alive = soon));
    let mut client = Http2::connect(server.address());
    assert_eq!(client.ask(get("/a"), b"").text(), "/a");
    client.ended().unwrap();
}

mount_http2!(
    streams_do_not_wait_for_each_other,
    a_reset_ends_one_request_and_no_other,
    two_open_streams_have_an_outcome_each,
    a_reset_ends_a_body,
    an_error_behind_the_head_resets_the_stream_and_no_other,
    a_graceful_end_tells_by_goaway_and_finishes,
    a_body_over_the_limit_is_413,
    a_head_over_the_limit_is_refused,
    a_stream_that_is_not_read_is_held_back,
    the_last_request_of_a_connection_ends_it,
    an_idle_connection_is_ended,
);
