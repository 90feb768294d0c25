//! HTTP/2, on rsgi-hyper alone: the same environ and the same answers, and streams that don't touch each other.
//!
//! What breaks the protocol is in `h2_wire.rs`.

use rsgi_core::http::{HeaderMap, HeaderName, StatusCode};
use rsgi_core::{
    AcceptedBy, Body, Capabilities, Cause, Delivery, Environ, Fault, Outcome, StartResponse, Trailers,
    UpgradeKind, app_fn,
};
use rsgi_tests::bytes::{noise, request as http1};
use rsgi_tests::deadline::{Gate, events, settled};
use rsgi_tests::h2::{Http2, get, piece, request};
use rsgi_tests::probe::{OnDrop, Seen, app, target, tell_outcome, watching, with_outcome};
use rsgi_tests::{On, mount_only};

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// rule(16, 154)
fn the_environ_is_that_of_http_1_but_for_the_version(on: On) {
    let (app, seen) = watching();
    let server = on.serve(app);
    let mut http2 = Http2::connect(server.address());
    let fields = [("x-a", "1"), ("x-b", "2"), ("x-a", "3"), ("content-length", "5"), ("cookie", "a=1; b=2")];
    for (method, target) in [("POST", "/a%20b//c?q=1"), ("PURGE", "/%2541/%ff"), ("PUT", "/?")] {
        assert_eq!(server.client().ask(http1(method, target, &fields, b"hello")).status(), 200);
        assert_eq!(http2.ask(request(method, target, &fields), b"hello").status, 200);
        let (one, two) = (seen.next("over HTTP/1"), seen.next("over HTTP/2"));
        assert_eq!((one.version.as_str(), two.version.as_str()), ("HTTP/1.1", "HTTP/2.0"));
        let facts = |seen: &Seen| {
            let mut headers = seen.headers.clone();
            headers.retain(|(name, _)| name != "host");
            headers.sort();
            let texts = [&seen.method, &seen.target, &seen.path_info, &seen.url, &seen.server_name];
            let texts = texts.map(Clone::clone);
            (texts, seen.query.clone(), seen.host.clone(), headers, seen.input_length, seen.body.clone())
        };
        assert_eq!(facts(&one), facts(&two));
        let mut vars = two.vars.clone();
        assert_eq!(vars.remove("SERVER_PROTOCOL").as_deref(), Some(b"HTTP/2.0".as_slice()));
        assert_eq!((one.scheme, one.local), (two.scheme, two.local));
    }
}

/// rule(31)
fn cookie_crumbs_are_joined(on: On) {
    let (app, seen) = watching();
    let server = on.serve(app);
    let fields = [("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2"), ("cookie", "c=3")];
    Http2::connect(server.address()).ask(request("GET", "/", &fields), b"");
    assert_eq!(seen.next("the request").all("cookie"), ["a=1; b=2; c=3"]);
}

/// rule(82, 84, 85): what hyper's HTTP/2 leaves to its adapter.
fn head_and_statuses_without_content_have_none(on: On) {
    let (app, outcomes) = with_outcome(|environ, start_response| {
        let status: u16 = environ.query().unwrap_or("200").parse()?;
        let body = if environ.path_info() == "/stream" {
            Body::iter(["hel", "lo"]).with_length(5)
        } else {
            Body::from("hello")
        };
        Ok(start_response.status(StatusCode::from_u16(status)?).body(body))
    });
    let server = on.serve(app);
    let mut client = Http2::connect(server.address());
    for target in ["/", "/stream"] {
        let got = client.ask(get(target), b"");
        assert_eq!((got.text(), got.field("content-length")), ("hello", Some("5")), "{target}");
        let head = client.ask(request("HEAD", target, &[]), b"");
        assert_eq!(
            (head.status, head.text(), head.field("content-length")),
            (200, "", Some("5")),
            "{target}"
        );
        for status in [204, 304, 205] {
            let answer = client.ask(get(&format!("{target}?{status}")), b"");
            assert_eq!((answer.status, answer.text()), (status, ""), "{target}");
            assert_eq!(answer.field("content-length"), (status == 205).then_some("0"), "{target} {status}");
        }
        for _ in 0..5 {
            assert!(outcomes.next("an outcome").is_whole());
        }
    }
}

/// rule(152, 78)
fn no_connection_field_is_sent(on: On) {
    let server = on.serve(app(|_, start_response: StartResponse| {
        let response = rsgi_core::http::Response::builder()
            .header("connection", "close")
            .header("keep-alive", "timeout=5")
            .header("transfer-encoding", "chunked")
            .body(Body::iter(["a", "b"]))?;
        Ok(start_response.respond(response)?)
    }));
    let answer = Http2::connect(server.address()).ask(get("/"), b"");
    assert_eq!(answer.text(), "ab");
    for name in ["connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection"] {
        assert_eq!(answer.field(name), None);
    }
    assert!(answer.field("date").is_some());
}

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

/// rule(93): surplus is cut, the stream ends whole for the client, and the fault is told.
fn surplus_bytes_are_not_sent(on: On) {
    let (app, outcomes) = with_outcome(|_, start_response| {
        let head = start_response.start(StatusCode::OK, [("content-length", "5")])?;
        Ok(head.body(Body::iter(["abc", "defgh"])))
    });
    let server = on.serve(app);
    assert_eq!(Http2::connect(server.address()).ask(get("/"), b"").text(), "abcde");
    assert_eq!(outcomes.next("the outcome").fault, Some(Fault::Surplus));
}

/// rule(110, 111, 113)
fn failures_before_the_head_are_500(on: On) {
    let server = on.serve(app_fn(|environ: Environ, start_response: StartResponse| async move {
        match environ.path_info() {
            "/panic" => panic!("secret"),
            "/error" => Err("secret".into()),
            _ => Ok(start_response.status(StatusCode::OK).body("fine")),
        }
    }));
    let mut client = Http2::connect(server.address());
    for path in ["/panic", "/error"] {
        let answer = client.ask(get(path), b"");
        assert_eq!(answer.status, 500);
        assert!(!answer.text().contains("secret"));
    }
    assert_eq!(client.ask(get("/fine"), b"").text(), "fine");
}

/// rule(66, 105, 106)
fn trailers_go_both_ways(on: On) {
    let (teller, seen) = events();
    let (outcome_teller, outcomes) = events::<Outcome>();
    let server = on.serve(app_fn(move |mut environ: Environ, start_response: StartResponse| {
        let (teller, outcome_teller) = (teller.clone(), outcome_teller.clone());
        async move {
            tell_outcome(&environ, &outcome_teller);
            let whole = environ.input_mut().collect(100).await?;
            teller.tell(environ.input_mut().trailers().cloned());
            let body = Body::iter([whole]).with_trailers([HeaderName::from_static("x-sum")], || {
                HeaderMap::from_iter([(HeaderName::from_static("x-sum"), "42".parse().unwrap())])
            });
            Ok(start_response.status(StatusCode::OK).body(body))
        }
    }));
    let mut client = Http2::connect(server.address());
    let (answer, mut stream) = client.send(request("POST", "/", &[]), false);
    stream.send_data("hello".into(), false).unwrap();
    let trailers = [("x-up", "1"), ("content-length", "9")];
    let trailers = trailers.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    stream.send_trailers(HeaderMap::from_iter(trailers)).unwrap();
    let answer = client.answer(answer);
    assert_eq!(answer.text(), "hello");
    assert_eq!(answer.trailers.unwrap()["x-sum"], "42");
    let up = seen.next("the request's trailers").unwrap();
    assert_eq!((up["x-up"].as_bytes(), up.len()), (b"1".as_slice(), 1), "none that is forbidden");
    assert_eq!(outcomes.next("the outcome").trailers, Trailers::Sent);
}

/// rule(144, 145)
fn extended_connect_is_an_upgrade(on: On) {
    let server = on.serve(app(|mut environ: Environ, start_response: StartResponse| {
        let Some(upgrade) = environ.upgrade()? else {
            return Ok(start_response.status(StatusCode::OK).body("no offer"));
        };
        assert_eq!(
            (upgrade.kind(), upgrade.protocols()),
            (UpgradeKind::ExtendedConnect, &["echo".to_owned()][..])
        );
        let body = Body::duplex(environ.take_input(), async |mut input, sender| {
            while let Some(piece) = input.piece().await {
                sender.send(piece?).await?;
            }
            sender.send("bye").await
        });
        Ok(start_response.upgrade(upgrade, "echo")?.body(body))
    }));
    let mut client = Http2::connect(server.address());
    assert_eq!(client.ask(get("/"), b"").text(), "no offer");
    assert!(client.allows_extended_connect(), "SETTINGS_ENABLE_CONNECT_PROTOCOL");
    let mut connect = request("CONNECT", "/chat", &[]);
    connect.extensions_mut().insert(h2::ext::Protocol::from_static("echo"));
    let (answer, mut outbound) = client.send(connect, false);
    let response = client.wait(answer).unwrap();
    assert_eq!(response.status(), 200);
    for name in ["content-length", "upgrade", "connection", "sec-websocket-accept"] {
        assert!(!response.headers().contains_key(name), "{name}");
    }
    let mut inbound = response.into_body();
    for text in ["ping", "pong"] {
        outbound.send_data(text.into(), false).unwrap();
        assert_eq!(client.wait(piece(&mut inbound)).unwrap().unwrap(), text);
    }
    outbound.send_data("".into(), true).unwrap();
    assert_eq!(client.wait(piece(&mut inbound)).unwrap().unwrap(), "bye");
    assert!(client.wait(piece(&mut inbound)).is_none());
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

/// rule(100)
fn an_answer_may_start_before_the_request_ends(on: On) {
    let server = on.serve(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let body = Body::duplex(environ.take_input(), async |mut input, sender| {
            while let Some(piece) = input.piece().await {
                sender.send(piece?).await?;
            }
            Ok(())
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let mut client = Http2::connect(server.address());
    let (answer, mut outbound) = client.send(request("POST", "/", &[]), false);
    let mut inbound = client.wait(answer).unwrap().into_body();
    for text in ["a", "bc", "def"] {
        outbound.send_data(text.into(), false).unwrap();
        assert_eq!(client.wait(piece(&mut inbound)).unwrap().unwrap(), text);
    }
    outbound.send_data("".into(), true).unwrap();
    assert!(client.wait(piece(&mut inbound)).is_none());
}

/// rule(121)
fn a_whole_answer_was_accepted_by_the_protocol(on: On) {
    let (app, outcomes) =
        with_outcome(|_, start_response| Ok(start_response.status(StatusCode::OK).body("hello")));
    let server = on.serve(app);
    Http2::connect(server.address()).ask(get("/"), b"");
    let outcome = outcomes.next("the outcome");
    assert_eq!(outcome.delivery, Delivery::Whole(AcceptedBy::Protocol));
    assert_eq!(outcome.body_bytes, 5);
}

/// rule(147): hyper can't send 1xx on HTTP/2, and says so.
fn informational_responses_are_not_supported(on: On) {
    let server = on.serve(app(|environ: Environ, start_response: StartResponse| {
        let missing = environ.informational().map(|_| ()).unwrap_err().missing();
        assert_eq!(missing, Capabilities::INFORMATIONAL);
        Ok(start_response.status(StatusCode::OK).body("told"))
    }));
    assert_eq!(Http2::connect(server.address()).ask(get("/"), b"").text(), "told");
}

/// rule(56, 98)
fn large_bodies_go_both_ways(on: On) {
    let server = on.serve(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let whole = environ.input_mut().collect(u64::MAX).await?;
        Ok(start_response.status(StatusCode::OK).body(whole))
    }));
    let content = noise(2 << 20);
    let answer = Http2::connect(server.address()).ask(request("POST", "/", &[]), &content);
    assert!(answer.body == content);
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

macro_rules! mount_http2 {
    ($($case:ident),* $(,)?) => {
        mount_only!(on_hyper, HYPER: $($case),*);
        mount_only!(on_hyper_separate, HYPER_SEPARATE: $($case),*);
    };
}

mount_http2!(
    the_environ_is_that_of_http_1_but_for_the_version,
    cookie_crumbs_are_joined,
    head_and_statuses_without_content_have_none,
    no_connection_field_is_sent,
    streams_do_not_wait_for_each_other,
    a_reset_ends_one_request_and_no_other,
    a_reset_ends_a_body,
    an_error_behind_the_head_resets_the_stream_and_no_other,
    surplus_bytes_are_not_sent,
    failures_before_the_head_are_500,
    trailers_go_both_ways,
    extended_connect_is_an_upgrade,
    a_graceful_end_tells_by_goaway_and_finishes,
    a_body_over_the_limit_is_413,
    a_head_over_the_limit_is_refused,
    a_stream_that_is_not_read_is_held_back,
    an_answer_may_start_before_the_request_ends,
    a_whole_answer_was_accepted_by_the_protocol,
    informational_responses_are_not_supported,
    large_bodies_go_both_ways,
    the_last_request_of_a_connection_ends_it,
    an_idle_connection_is_ended,
);
