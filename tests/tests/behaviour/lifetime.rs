//! Clients that leave: what the app is told, what is dropped and how often, and what the outcome says.
//!
//! Bodies that break by themselves are in `errors.rs`; clients that are slow in `limits.rs` and `backpressure.rs`.

use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::HalfClose;
use rsgi_core::{Body, Cause, Delivery, Environ, Phase, Stack, StartResponse, app_fn, around, blocking};
use rsgi_tests::bytes::{get, request};
use rsgi_tests::deadline::{Events, Gate, events, until};
use rsgi_tests::probe::{OnDrop, app, tell_outcome, with_outcome};
use rsgi_tests::{Client, On, Server, mount};

/// An async app that never answers; tells that it runs, that its future is dropped, and the outcome.
struct Endless {
    server: Server,
    steps: Events<&'static str>,
    outcomes: Events<rsgi_core::Outcome>,
}

fn endless(on: On, change: impl FnOnce(rsgi_core::server::Config) -> rsgi_core::server::Config) -> Endless {
    let (teller, steps) = events();
    let (outcome_teller, outcomes) = events();
    let app = app_fn(move |environ: Environ, _: StartResponse| {
        let (teller, outcome_teller) = (teller.clone(), outcome_teller.clone());
        async move {
            tell_outcome(&environ, &outcome_teller);
            let _held = OnDrop::new("dropped", &teller);
            teller.tell("running");
            std::future::pending::<()>().await;
            unreachable!("nobody wakes it")
        }
    });
    Endless { server: on.serve_with(app, change), steps, outcomes }
}

/// A client that leaves in this way, with its requests sent and the app running.
fn leaves(on: On, bytes: impl AsRef<[u8]>, leave: impl FnOnce(Client), cause: Cause) {
    let Endless { server, steps, outcomes } = endless(on, |config| config);
    let mut client = server.client();
    client.send(bytes);
    assert_eq!(steps.next("the app"), "running");
    leave(client);
    assert_eq!(steps.next("the drop of the app's future"), "dropped");
    let outcome = outcomes.next("the outcome");
    assert_eq!((outcome.delivery, outcome.phase), (Delivery::Aborted(cause), Phase::App), "{outcome:?}");
    assert_eq!(outcome.status, None);
    drop(server);
    assert!(steps.try_next().is_none(), "dropped twice");
}

/// rule(115, 117)
fn an_async_app_is_dropped_when_its_client_closes(on: On) {
    leaves(on, get("/"), drop, Cause::Closed);
}

/// rule(115, 117): a FIN alone counts as gone, as nothing tells it from a close.
fn an_async_app_is_dropped_when_its_client_half_closes(on: On) {
    let mut kept = None;
    leaves(
        on,
        get("/"),
        |mut client| {
            client.half_close();
            kept = Some(client);
        },
        Cause::Closed,
    );
}

/// rule(115)
fn an_async_app_is_dropped_when_its_client_resets(on: On) {
    leaves(on, get("/"), Client::reset, Cause::Reset);
}

/// rule(115): hyper alone doesn't see a client go while its body is unread; the adapter must.
fn a_client_with_an_unread_body_is_seen_to_leave(on: On) {
    leaves(on, request("POST", "/", &[("content-length", "10")], b"abc"), Client::reset, Cause::Reset);
    leaves(on, request("POST", "/", &[("content-length", "3")], b"abc"), drop, Cause::Closed);
}

/// rule(115): nor with a second request behind the first.
fn a_client_with_a_pipelined_request_is_seen_to_leave(on: On) {
    leaves(on, [get("/"), get("/next")].concat(), Client::reset, Cause::Reset);
}

/// rule(115): blocking code can't be dropped; it polls the token.
fn a_blocking_app_is_told_that_its_client_left(on: On) {
    let (teller, causes) = events();
    let (outcome_teller, outcomes) = events();
    let server = on.serve(blocking(move |environ: Environ, start_response: StartResponse| {
        tell_outcome(&environ, &outcome_teller);
        let client = environ.disconnect();
        teller.tell(None);
        until("the client has gone", || client.is_gone());
        teller.tell(client.cause());
        Ok(start_response.status(StatusCode::OK).body("to nobody"))
    }));
    for (leave, cause) in [(drop as fn(Client), Cause::Closed), (Client::reset, Cause::Reset)] {
        let mut client = server.client();
        client.send(get("/"));
        assert_eq!(causes.next("the app"), None);
        leave(client);
        assert_eq!(causes.next("the cause"), Some(cause));
        let outcome = outcomes.next("the outcome");
        assert_eq!(outcome.delivery, Delivery::Aborted(cause), "{outcome:?}");
    }
}

/// rule(115, 117): whether it looks at the token or not, its answer isn't whole. Of bytes nothing is promised.
fn a_blocking_apps_answer_to_nobody_is_not_whole(on: On) {
    let bodies: [fn() -> Body; 3] = [
        || Body::from("to nobody"),
        || Body::iter(["to ", "nobody"]),
        || Body::iter(std::iter::empty::<&'static str>()),
    ];
    for body in bodies {
        let gate = Gate::new();
        let held = gate.clone();
        let (teller, tokens) = events();
        let (outcome_teller, outcomes) = events();
        let server = on.serve(blocking(move |environ: Environ, start_response: StartResponse| {
            tell_outcome(&environ, &outcome_teller);
            teller.tell(environ.disconnect());
            held.wait();
            Ok(start_response.status(StatusCode::OK).body(body()))
        }));
        let mut client = server.client();
        client.send(get("/"));
        let token = tokens.next("the app");
        client.half_close();
        until("the token fires", || token.cause() == Some(Cause::Closed));
        gate.open();
        let outcome = outcomes.next("the outcome");
        assert_eq!(outcome.delivery, Delivery::Aborted(Cause::Closed), "{outcome:?}");
        client.rest();
    }
}

/// rule(117): a FIN that came with the request is told, too; but an answer made at once may be sent all the same, and
/// the outcome says whether it was.
fn a_fin_behind_the_request_is_no_lie_in_the_outcome(on: On) {
    let (app, outcomes) =
        with_outcome(|_, start_response| Ok(start_response.status(StatusCode::OK).body("at once")));
    let server = on.serve(app);
    for _ in 0..20 {
        let mut client = server.client();
        client.send(get("/")).half_close();
        let outcome = outcomes.next("the outcome");
        let answer = client.try_answer("GET");
        match outcome.delivery {
            Delivery::Whole(_) => assert_eq!(answer.expect("it was sent").text(), "at once"),
            delivery => assert_eq!(delivery, Delivery::Aborted(Cause::Closed)),
        }
    }
}

/// rule(115): async code may await the token beside its work, and whoever keeps it learns of the end.
fn the_token_outlives_the_app(on: On) {
    let (teller, tokens) = events();
    let server = on.serve(app_fn(move |environ: Environ, _: StartResponse| {
        teller.tell(environ.disconnect());
        async { std::future::pending().await }
    }));
    let mut client = server.client();
    client.send(get("/"));
    let token = tokens.next("the app");
    assert_eq!(token.cause(), None);
    drop(client);
    until("the token fires", || token.cause() == Some(Cause::Closed));
}

/// rule(117)
fn with_half_close_the_answer_is_still_sent(on: On) {
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, running) = events();
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let (held, teller) = (held.clone(), teller.clone());
        async move {
            teller.tell(environ.disconnect());
            held.opened().await;
            Ok(start_response.status(StatusCode::OK).body("in time"))
        }
    });
    let server = on.serve_with(app, |config| config.half_close(HalfClose::Answered));
    let mut client = server.client();
    client.send(get("/")).half_close();
    let token = running.next("the app");
    client.expect_silence();
    assert_eq!(token.cause(), None);
    gate.open();
    assert_eq!(client.answer().text(), "in time");
    client.expect_closed();
}

/// rule(117)
fn with_half_close_a_reset_still_counts(on: On) {
    let Endless { server, steps, outcomes } = endless(on, |config| config.half_close(HalfClose::Answered));
    let mut client = server.client();
    client.send(get("/"));
    assert_eq!(steps.next("the app"), "running");
    client.reset();
    assert_eq!(steps.next("the drop of the app's future"), "dropped");
    assert_eq!(outcomes.next("the outcome").delivery, Delivery::Aborted(Cause::Reset));
}

type MakeBody = fn(OnDrop) -> Body;

/// Endless bodies of every kind.
const BODIES: [(&str, MakeBody); 4] = [
    ("iterator", |held| {
        Body::iter(std::iter::repeat_with(move || if format!("{held:?}").is_empty() { "" } else { "x" }))
    }),
    ("reader", |held| {
        struct Endless(OnDrop);
        impl std::io::Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                assert!(!format!("{:?}", self.0).is_empty());
                buffer.fill(b'x');
                Ok(buffer.len())
            }
        }
        Body::reader(Endless(held))
    }),
    ("push", |held| {
        Body::push(move |writer| {
            let _held = held;
            loop {
                writer.write_bytes("x".repeat(1000))?;
            }
        })
    }),
    ("async", |held| {
        Body::send(async move |sender| {
            let _held = held;
            loop {
                sender.send("x".repeat(1000)).await?;
            }
        })
    }),
];

/// rule(116, 119)
fn a_body_stops_once_when_its_client_leaves(on: On) {
    for (kind, make) in BODIES {
        for leave in [drop as fn(Client), Client::reset] {
            let (teller, drops) = events();
            let (app, outcomes) = with_outcome(move |_, start_response| {
                Ok(start_response.status(StatusCode::OK).body(make(OnDrop::new("body", &teller))))
            });
            let server = on.serve(app);
            let mut client = server.client();
            client.send(get("/")).head();
            client.bytes(100);
            leave(client);
            assert_eq!(drops.next(&format!("the {kind}'s drop")), "body");
            let outcome = outcomes.next("the outcome");
            assert!(matches!(outcome.delivery, Delivery::Aborted(_)), "{kind}: {outcome:?}");
            assert_eq!(outcome.phase, Phase::Body);
            server.stop();
            assert!(drops.try_next().is_none(), "{kind}: dropped twice");
        }
    }
}

/// rule(116): a body that waits for something of its own is dropped too, and needs no piece to fail first.
fn a_waiting_body_is_dropped_when_its_client_leaves(on: On) {
    let (teller, drops) = events();
    let (app, outcomes) = with_outcome(move |_, start_response| {
        let held = OnDrop::new("body", &teller);
        let body = Body::send(async move |sender| {
            sender.send("x").await?;
            std::future::pending::<()>().await;
            drop(held);
            Ok(())
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let server = on.serve(app);
    let mut client = server.client();
    client.send(get("/")).head();
    client.bytes(1);
    drop(client);
    assert_eq!(drops.next("the body's drop"), "body");
    assert_eq!(outcomes.next("the outcome").delivery, Delivery::Aborted(Cause::Closed));
}

/// rule(107, 119)
fn a_body_is_dropped_exactly_once_whatever_becomes_of_it(on: On) {
    let (teller, drops) = events();
    let server = on.serve(app(move |environ: Environ, start_response: StartResponse| {
        let held = OnDrop::new("body", &teller);
        let body =
            Body::iter(["a", "b"].into_iter().inspect(move |_| assert!(!format!("{held:?}").is_empty())));
        let status: u16 = environ.query().unwrap_or("200").parse()?;
        if environ.path_info() == "/error" {
            return Err(format!("with a body in hand: {body:?}").into());
        }
        let head = start_response.status(StatusCode::from_u16(status)?);
        if environ.path_info() == "/refused" {
            return Ok(head.header("content-length", "7")?.body(body.with_length(2)));
        }
        Ok(head.body(body))
    }));
    let mut client = server.client();
    for (method, target) in [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/?204"),
        ("GET", "/?304"),
        ("GET", "/?205"),
        ("GET", "/error"),
        ("GET", "/refused"),
    ] {
        client.ask(request(method, target, &[], b""));
        assert_eq!(drops.next(&format!("the drop for {method} {target}")), "body");
    }
    server.stop();
    assert!(drops.try_next().is_none(), "dropped twice");
}

/// rule(109): middleware that puts another body in place drops the one that was there, before anything is sent.
fn a_body_that_middleware_replaces_is_dropped(on: On) {
    let (teller, drops) = events();
    let inner = app(move |_, start_response: StartResponse| {
        let held = OnDrop::new("inner", &teller);
        let pieces = ["in", "ner"].into_iter().inspect(move |_| assert!(!format!("{held:?}").is_empty()));
        Ok(start_response.status(StatusCode::OK).body(Body::iter(pieces)))
    });
    let replace = around(|environ, start_response, next| async move {
        let started = next.call(environ, start_response).await?;
        Ok(started.map_body(|_inner| Body::from("outer")))
    });
    let server = on.serve(Stack::new().then(replace).app(inner));
    assert_eq!(server.client().ask(get("/")).text(), "outer");
    assert_eq!(drops.next("the inner body's drop"), "inner");
    server.stop();
    assert!(drops.try_next().is_none(), "dropped twice");
}

/// rule(121): what the system took is whole, though the client never reads it and then resets.
fn a_small_answer_that_nobody_reads_is_whole(on: On) {
    let (app, outcomes) =
        with_outcome(|_, start_response| Ok(start_response.status(StatusCode::OK).body("small")));
    let server = on.serve(app);
    let mut client = server.client();
    client.send(get("/"));
    let outcome = outcomes.next("the outcome");
    client.reset();
    assert!(outcome.is_whole(), "{outcome:?}");
}

/// rule(121, 122): a client that never reads a large answer is timed out, and the answer isn't whole.
fn a_large_answer_that_nobody_reads_times_out(on: On) {
    let bodies: [fn() -> Body; 2] =
        [|| Body::from(vec![b'x'; 64 << 20]), || Body::iter(std::iter::repeat_n("x".repeat(10_000), 10_000))];
    for body in bodies {
        let (app, outcomes) =
            with_outcome(move |_, start_response| Ok(start_response.status(StatusCode::OK).body(body())));
        let server = on.serve_with(app, |config| {
            config.timeouts(|timeouts| timeouts.write = Some(Duration::from_millis(300)))
        });
        let mut client = server.client();
        client.send(get("/"));
        let outcome = outcomes.next("the outcome");
        assert_eq!(outcome.delivery, Delivery::TimedOut, "{outcome:?}");
        client.rest();
    }
}

/// rule(121): nor is an answer whole whose client left in its middle.
fn a_large_answer_whose_client_leaves_is_aborted(on: On) {
    let (app, outcomes) = with_outcome(|_, start_response| {
        Ok(start_response.status(StatusCode::OK).body(vec![b'x'; 64 << 20]))
    });
    let server = on.serve(app);
    let mut client = server.client();
    client.send(get("/")).bytes(1000);
    client.reset();
    let outcome = outcomes.next("the outcome");
    assert!(matches!(outcome.delivery, Delivery::Aborted(Cause::Reset | Cause::Closed)), "{outcome:?}");
}

/// rule(115): a client that leaves before its head is complete, or before it sends anything, disturbs nobody.
fn clients_that_leave_early_disturb_nobody(on: On) {
    let (app, _seen) = rsgi_tests::probe::watching();
    let server = on.serve(app);
    for leave in [drop as fn(Client), Client::reset] {
        for start in [
            "",
            "GET / HT",
            "GET / HTTP/1.1\r\nhost: te",
            "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nab",
        ] {
            let mut client = server.client();
            client.send(start);
            leave(client);
        }
        assert_eq!(server.client().ask(get("/")).text(), "seen");
    }
}

mount!(
    an_async_app_is_dropped_when_its_client_closes,
    an_async_app_is_dropped_when_its_client_half_closes,
    an_async_app_is_dropped_when_its_client_resets,
    a_client_with_an_unread_body_is_seen_to_leave,
    a_client_with_a_pipelined_request_is_seen_to_leave,
    a_blocking_app_is_told_that_its_client_left,
    a_blocking_apps_answer_to_nobody_is_not_whole,
    a_fin_behind_the_request_is_no_lie_in_the_outcome,
    the_token_outlives_the_app,
    with_half_close_the_answer_is_still_sent,
    with_half_close_a_reset_still_counts,
    a_body_stops_once_when_its_client_leaves,
    a_waiting_body_is_dropped_when_its_client_leaves,
    a_body_is_dropped_exactly_once_whatever_becomes_of_it,
    a_body_that_middleware_replaces_is_dropped,
    a_small_answer_that_nobody_reads_is_whole,
    a_large_answer_that_nobody_reads_times_out,
    a_large_answer_whose_client_leaves_is_aborted,
    clients_that_leave_early_disturb_nobody,
);
