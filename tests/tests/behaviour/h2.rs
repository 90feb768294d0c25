//! HTTP/2, on rsgi-hyper alone: the same environ and the same answers as on HTTP/1.
//!
//! How streams live beside each other is in `h2_streams.rs`, what breaks the protocol in `h2_wire.rs`.

use rsgi_core::http::{HeaderMap, HeaderName, StatusCode};
use rsgi_core::{
    AcceptedBy, Body, Capabilities, Delivery, Environ, Fault, Outcome, StartResponse, Trailers, UpgradeKind,
    app_fn,
};
use rsgi_tests::On;
use rsgi_tests::bytes::{noise, request as http1};
use rsgi_tests::deadline::events;
use rsgi_tests::h2::{Http2, get, piece, request};
use rsgi_tests::probe::{Seen, app, tell_outcome, watching, with_outcome};

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

mount_http2!(
    the_environ_is_that_of_http_1_but_for_the_version,
    cookie_crumbs_are_joined,
    head_and_statuses_without_content_have_none,
    no_connection_field_is_sent,
    surplus_bytes_are_not_sent,
    failures_before_the_head_are_500,
    trailers_go_both_ways,
    extended_connect_is_an_upgrade,
    an_answer_may_start_before_the_request_ends,
    a_whole_answer_was_accepted_by_the_protocol,
    informational_responses_are_not_supported,
    large_bodies_go_both_ways,
);
