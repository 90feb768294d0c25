//! Connections: kept or closed, pipelined, and open in parallel.
//!
//! Timeouts are in `limits.rs`, the end of the server in `shutdown.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Environ, StartResponse, app_fn};
use rsgi_tests::bytes::{get, post, request};
use rsgi_tests::deadline::{Gate, events};
use rsgi_tests::probe::{app, target};
use rsgi_tests::{On, mount};

/// rule(124)
fn a_connection_is_kept_by_default_on_http_1_1(on: On) {
    let server = on.serve(target());
    let mut client = server.client();
    for turn in 0..5 {
        let answer = client.ask(get(&format!("/{turn}")));
        assert_eq!(answer.text(), format!("/{turn}"));
        assert!(!answer.says_close());
    }
}

/// rule(124)
fn the_clients_close_is_honoured(on: On) {
    let server = on.serve(target());
    for value in ["close", "Close", "x-a, close", "keep-alive, close"] {
        let mut client = server.client();
        let answer = client.ask(request("GET", "/", &[("connection", value)], b""));
        assert!(answer.says_close(), "{value}");
        client.expect_closed();
    }
}

/// rule(124)
fn http_1_0_is_kept_only_when_asked(on: On) {
    let server = on.serve(target());
    let mut client = server.client();
    assert_eq!(client.ask("GET /a HTTP/1.0\r\n\r\n").text(), "/a");
    client.expect_closed();
    let mut client = server.client();
    for path in ["/a", "/b"] {
        let answer = client.ask(format!("GET {path} HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"));
        assert_eq!(answer.text(), path);
        assert_eq!(answer.field("connection").map(str::to_ascii_lowercase).as_deref(), Some("keep-alive"));
    }
}

/// rule(125)
fn the_apps_close_is_honoured(on: On) {
    let server = on.serve(app(|_, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).close().body("last"))
    }));
    let mut client = server.client();
    let answer = client.send([get("/"), get("/never")].concat()).answer();
    assert!(answer.says_close());
    let (rest, _) = client.rest();
    assert!(rest.is_empty(), "nothing follows the last answer");
}

/// rule(126)
fn pipelined_requests_are_answered_in_order(on: On) {
    let server = on.serve(app_fn(|environ: Environ, start_response: StartResponse| async move {
        let target = environ.target().into_owned();
        let body = match environ.path_info().len() % 3 {
            0 => Body::from(target),
            1 => Body::iter([target]),
            _ => Body::send(async move |sender| sender.send(target).await),
        };
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let mut client = server.client();
    let targets: Vec<String> = (0..60).map(|number| format!("/{}{number}", "x".repeat(number % 7))).collect();
    let requests: Vec<u8> = targets
        .iter()
        .enumerate()
        .flat_map(|(index, target)| if index % 5 == 0 { post(target, b"some content") } else { get(target) })
        .collect();
    client.send(requests);
    for target in &targets {
        assert_eq!(client.answer().text(), target);
    }
}

/// rule(126): a slow first answer holds back a fast second one.
fn a_pipelined_answer_waits_for_the_one_before(on: On) {
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
    let mut client = server.client();
    client.send([get("/slow"), get("/fast")].concat()).expect_silence();
    gate.open();
    assert_eq!(client.answer().text(), "/slow");
    assert_eq!(client.answer().text(), "/fast");
}

/// rule(128)
fn a_connection_is_usable_behind_every_kind_of_answer(on: On) {
    let server = on.serve(app(|environ: Environ, start_response: StartResponse| {
        let status: u16 = environ.query().unwrap_or("200").parse()?;
        let head = start_response.status(StatusCode::from_u16(status)?);
        Ok(match environ.path_info() {
            "/empty" => head.empty(),
            "/stream" => head.body(Body::iter(["a", "b"])),
            "/nothing" => head.body(Body::iter([""; 0])),
            _ => head.body("text"),
        })
    }));
    let mut client = server.client();
    for _ in 0..2 {
        for method in ["GET", "HEAD", "POST"] {
            for target in
                ["/?204", "/?304", "/empty", "/stream", "/nothing", "/?205", "/?500", "/", "/stream?304"]
            {
                client.ask(request(method, target, &[], b""));
            }
        }
    }
    assert_eq!(client.ask(get("/")).text(), "text");
}

/// rule(134)
fn requests_of_several_connections_run_at_the_same_time(on: On) {
    let (teller, arrived) = events();
    let gate = Gate::new();
    let held = gate.clone();
    let server = on.serve(rsgi_core::blocking(move |_, start_response: StartResponse| {
        teller.tell(());
        held.wait();
        Ok(start_response.status(StatusCode::OK).body("together"))
    }));
    let mut clients: Vec<_> = (0..3).map(|_| server.client()).collect();
    for client in &mut clients {
        client.send(get("/"));
    }
    for _ in 0..3 {
        arrived.next("three requests inside the app at once");
    }
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().text(), "together");
    }
}

/// rule(135)
fn one_thread_runs_one_blocking_request_at_a_time(on: On) {
    let (teller, arrived) = events();
    let gate = Gate::new();
    let held = gate.clone();
    let inside = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let app = rsgi_core::blocking(move |environ: Environ, start_response: StartResponse| {
        let before = inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        teller.tell((before, environ.server().multithread));
        held.wait();
        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        Ok(start_response.status(StatusCode::OK).body("alone"))
    });
    let server = on.serve_with(app, |config| config.threads(1));
    let mut clients: Vec<_> = (0..3).map(|_| server.client()).collect();
    for client in &mut clients {
        client.send(get("/"));
    }
    // hyper's reactors still call async apps in parallel, so it doesn't claim otherwise.
    let multithread = !on.is_std();
    assert_eq!(arrived.next("the first"), (0, multithread));
    assert!(arrived.try_next().is_none());
    gate.open();
    for client in &mut clients {
        assert_eq!(client.answer().text(), "alone");
    }
    let others: Vec<_> = (0..2).map(|_| arrived.next("the others")).collect();
    assert_eq!(others, [(0, multithread), (0, multithread)]);
}

mount!(
    a_connection_is_kept_by_default_on_http_1_1,
    the_clients_close_is_honoured,
    http_1_0_is_kept_only_when_asked,
    the_apps_close_is_honoured,
    pipelined_requests_are_answered_in_order,
    a_pipelined_answer_waits_for_the_one_before,
    a_connection_is_usable_behind_every_kind_of_answer,
    requests_of_several_connections_run_at_the_same_time,
    one_thread_runs_one_blocking_request_at_a_time,
);
