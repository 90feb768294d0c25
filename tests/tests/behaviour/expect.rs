//! `Expect: 100-continue`: sent when the app first reads, and only then (RFC 9110 section 10.1.1).
//!
//! Informational responses that the app asks for are in `informational.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{Environ, StartResponse, app_fn, blocking};
use rsgi_tests::bytes::{chunks, get, request};
use rsgi_tests::deadline::Gate;
use rsgi_tests::probe::{app, watching};
use rsgi_tests::{On, Server, mount};

const EXPECT: [(&str, &str); 2] = [("content-length", "5"), ("expect", "100-continue")];

fn echo(on: On) -> Server {
    on.serve(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let whole = environ.input_mut().collect(100).await?;
        Ok(start_response.status(StatusCode::OK).body(whole))
    }))
}

/// rule(62)
fn continue_comes_when_the_app_first_reads(on: On) {
    let gate = Gate::new();
    let held = gate.clone();
    let server = on.serve(app_fn(move |mut environ: Environ, start_response: StartResponse| {
        let held = held.clone();
        async move {
            held.opened().await;
            let whole = environ.input_mut().collect(100).await?;
            Ok(start_response.status(StatusCode::OK).body(whole))
        }
    }));
    let mut client = server.client();
    client.send(request("POST", "/", &EXPECT, b""));
    client.expect_silence();
    gate.open();
    assert_eq!(client.head().status, 100);
    let answer = client.send("hello").answer();
    assert_eq!((answer.status(), answer.text()), (200, "hello"));
    assert!(answer.informational.is_empty(), "once is enough");
    assert_eq!(client.ask(get("/")).status(), 200);
}

/// rule(62): the same for an app that blocks, and for chunks.
fn continue_comes_for_blocking_apps_and_for_chunks(on: On) {
    let server = on.serve(blocking(|mut environ: Environ, start_response: StartResponse| {
        let mut text = String::new();
        std::io::Read::read_to_string(environ.input_mut(), &mut text)?;
        Ok(start_response.status(StatusCode::OK).body(text))
    }));
    let mut client = server.client();
    let fields = [("transfer-encoding", "chunked"), ("Expect", "100-Continue")];
    client.send(request("POST", "/", &fields, b""));
    assert_eq!(client.head().status, 100);
    assert_eq!(client.send(chunks(&[b"he", b"llo"])).answer().text(), "hello");
}

/// rule(63)
fn no_continue_when_the_app_answers_without_reading(on: On) {
    let server = on.serve(app(|_, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::FORBIDDEN).body("no"))
    }));
    let mut client = server.client();
    let answer = client.ask(request("POST", "/", &EXPECT, b""));
    assert_eq!((answer.status(), answer.text()), (403, "no"));
    assert!(answer.informational.is_empty());
    // The client may send its content or leave it, and the server can't know which: so it says that it closes.
    if answer.says_close() {
        client.half_close();
        client.expect_closed();
    } else {
        assert_eq!(client.send("hello").ask(get("/")).status(), 403);
    }
}

/// rule(64)
fn no_continue_for_http_1_0_nor_without_a_body(on: On) {
    let server = echo(on);
    let old = "POST / HTTP/1.0\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\nhello";
    let answer = server.client().ask(old);
    assert_eq!((answer.text(), answer.informational.len()), ("hello", 0));
    let answer = server.client().ask(request("GET", "/", &[("expect", "100-continue")], b""));
    assert_eq!((answer.status(), answer.informational.len()), (200, 0));
    let none = [("expect", "100-continue"), ("content-length", "0")];
    let answer = server.client().ask(request("POST", "/", &none, b""));
    assert_eq!((answer.status(), answer.informational.len()), (200, 0));
}

/// rule(62): content that is there already needs no asking for, but may get it.
fn content_sent_without_waiting_is_read(on: On) {
    let answer = echo(on).client().ask(request("POST", "/", &EXPECT, b"hello"));
    assert_eq!((answer.status(), answer.text()), (200, "hello"));
    assert!(answer.informational.len() <= 1);
}

/// rule(65): rsgi-std refuses what it can't meet; hyper ignores it.
fn another_expectation_is_handled_by_policy(on: On) {
    let (app, _seen) = watching();
    let server = on.serve(app);
    let answer = server.client().ask(request("GET", "/", &[("expect", "the-unexpected")], b""));
    assert_eq!(answer.status(), if on.is_std() { 417 } else { 200 });
}

/// rule(62): a server that reads small bodies ahead doesn't do so here, as that would be a promise of the app's.
fn the_request_buffer_does_not_touch_an_expectation(on: On) {
    let server = on.serve_with(
        app(|_, start_response: StartResponse| Ok(start_response.status(StatusCode::FORBIDDEN).body("no"))),
        |config| config.limits(|limits| limits.request_buffer = 1024),
    );
    let answer = server.client().ask(request("POST", "/", &EXPECT, b""));
    assert_eq!((answer.status(), answer.informational.len()), (403, 0));
}

mount!(
    continue_comes_when_the_app_first_reads,
    continue_comes_for_blocking_apps_and_for_chunks,
    no_continue_when_the_app_answers_without_reading,
    no_continue_for_http_1_0_nor_without_a_body,
    content_sent_without_waiting_is_read,
    another_expectation_is_handled_by_policy,
    the_request_buffer_does_not_touch_an_expectation,
);
