//! Every named limit and clock of the settings: what passes it, and what is told then.
//!
//! The write buffer is in `backpressure.rs`, the write clock in `lifetime.rs`, the graceful one in `shutdown.rs`.

use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, Limits, Timeouts};
use rsgi_core::{Environ, InputErrorKind, StartResponse, app_fn, blocking};
use rsgi_tests::bytes::{chunked_head, chunks, get, noise, post, request};
use rsgi_tests::deadline::{Events, Gate, events};
use rsgi_tests::probe::{Seen, app, target, watching};
use rsgi_tests::{Client, On, Server, mount};

fn limited(on: On, change: impl FnOnce(&mut Limits)) -> (Server, Events<Seen>) {
    let (app, seen) = watching();
    (on.serve_with(app, |config| config.limits(change)), seen)
}

fn timed(on: On, change: impl FnOnce(&mut Timeouts)) -> (Server, Events<Seen>) {
    let (app, seen) = watching();
    (on.serve_with(app, |config| config.timeouts(change)), seen)
}

/// Sends what is over a limit: a server may answer before it has taken everything.
fn refused(server: &Server, bytes: &[u8], status: u16) {
    let mut client = server.client();
    let _cut_short = client.try_send(bytes);
    let answer = client.answer();
    assert_eq!(answer.status(), status);
    client.rest();
}

const SOON: Option<Duration> = Some(Duration::from_millis(250));

/// rule(39)
fn a_target_over_the_limit_is_414(on: On) {
    let (server, seen) = limited(on, |limits| limits.target_bytes = 100);
    let fits = format!("/{}", "t".repeat(99));
    assert_eq!(server.client().ask(get(&fits)).status(), 200);
    assert_eq!(seen.next("the request").target, fits);
    refused(&server, &get(&format!("{fits}t")), 414);
    assert!(seen.try_next().is_none());
}

/// rule(39)
fn too_many_fields_are_431(on: On) {
    let (server, seen) = limited(on, |limits| limits.header_count = 10);
    let fields = |count: usize| vec![("x-a", "1"); count];
    assert_eq!(server.client().ask(request("GET", "/", &fields(9), b"")).status(), 200);
    assert_eq!(seen.next("the request").headers.len(), 10);
    refused(&server, &request("GET", "/", &fields(10), b""), 431);
    assert!(seen.try_next().is_none());
}

/// rule(39)
fn a_field_over_the_limit_is_431(on: On) {
    let (server, seen) = limited(on, |limits| limits.header_bytes = 1000);
    assert_eq!(server.client().ask(request("GET", "/", &[("x-a", &"v".repeat(990))], b"")).status(), 200);
    seen.next("the request");
    refused(&server, &request("GET", "/", &[("x-a", &"v".repeat(1001))], b""), 431);
    assert!(seen.try_next().is_none());
}

/// rule(39)
fn a_head_over_the_limit_is_431(on: On) {
    let (server, seen) = limited(on, |limits| {
        limits.head_bytes = 8192;
        limits.target_bytes = 1000;
        limits.header_bytes = 8192;
    });
    let value = "v".repeat(1000);
    let fields = |count: usize| vec![("x-a", value.as_str()); count];
    assert_eq!(server.client().ask(request("GET", "/", &fields(7), b"")).status(), 200);
    seen.next("the request");
    refused(&server, &request("GET", "/", &fields(9), b""), 431);
    let endless = request("GET", "/", &fields(2000), b"");
    refused(&server, &endless[..endless.len() - 2], 431);
    assert!(seen.try_next().is_none());
}

/// rule(57)
fn a_body_over_the_limit_is_a_typed_error_and_413(on: On) {
    let (server, seen) = limited(on, |limits| limits.body_bytes = Some(1000));
    let (fits, over) = (noise(1000), noise(1001));
    let mut client = server.client();
    assert_eq!(client.ask(post("/", &fits)).status(), 200);
    assert_eq!(client.ask([chunked_head("/"), chunks(&[&fits[..500], &fits[500..]])].concat()).status(), 200);
    for _ in 0..2 {
        assert!(seen.next("the request").body.unwrap() == fits);
    }
    refused(&server, &post("/", &over), 413);
    if let Some(seen) = seen.try_next() {
        assert_eq!(
            seen.body,
            Err(InputErrorKind::Limit),
            "an announced length may be refused without the app"
        );
    }
    refused(&server, &[chunked_head("/"), chunks(&[&over[..500], &over[500..]])].concat(), 413);
    assert_eq!(seen.next("the request").body, Err(InputErrorKind::Limit));
}

/// rule(57): an app that handles the error itself answers as it likes.
fn an_app_may_answer_a_body_over_the_limit_itself(on: On) {
    let app = app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let kind = environ.input_mut().collect(u64::MAX).await.unwrap_err().kind();
        Ok(start_response.status(StatusCode::UNPROCESSABLE_ENTITY).body(format!("{kind:?}")))
    });
    let server = on.serve_with(app, |config| config.limits(|limits| limits.body_bytes = Some(10)));
    let answer = server.client().ask([chunked_head("/"), chunks(&[b"0123456789", b"x"])].concat());
    assert_eq!((answer.status(), answer.text()), (422, "Limit"));
}

/// rule(57): an app may set another limit for its request.
fn an_app_may_allow_itself_less(on: On) {
    let app = app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        environ.input_mut().set_limit(5);
        let whole = environ.input_mut().collect(u64::MAX).await?;
        Ok(start_response.status(StatusCode::OK).body(whole))
    });
    let server = on.serve(app);
    assert_eq!(server.client().ask(post("/", b"12345")).text(), "12345");
    refused(&server, &post("/", b"123456"), 413);
}

/// rule(49): what is thrown away is bounded too.
fn chunk_extensions_are_bounded(on: On) {
    let (server, seen) = limited(on, |limits| limits.chunk_extension_bytes = 1000);
    let extended = |count: usize| {
        let mut bytes = chunked_head("/");
        (0..count).for_each(|_| bytes.extend_from_slice(format!("1;{}\r\nx\r\n", "e".repeat(99)).as_bytes()));
        [bytes, b"0\r\n\r\n".to_vec()].concat()
    };
    assert_eq!(server.client().ask(extended(9)).status(), 200);
    assert_eq!(seen.next("the request").text(), "x".repeat(9));
    // hyper has a bound of its own, 16 KiB a body, that isn't a setting: see `docs/differences.md`.
    refused(&server, &extended(if on.is_std() { 11 } else { 200 }), 400);
    assert!(seen.next("the request").body.is_err());
}

/// rule(66)
fn trailers_are_bounded(on: On) {
    let (server, seen) = limited(on, |limits| limits.trailer_bytes = 500);
    let with_trailer = |size: usize| {
        [chunked_head("/"), format!("1\r\nx\r\n0\r\nx-t: {}\r\n\r\n", "t".repeat(size)).into()].concat()
    };
    assert_eq!(server.client().ask(with_trailer(400)).status(), 200);
    assert_eq!(seen.next("the request").trailers.len(), 1);
    // hyper's own bound is 16 KiB.
    refused(&server, &with_trailer(if on.is_std() { 600 } else { 20_000 }), 400);
    assert!(seen.next("the request").body.is_err());
}

/// rule(125)
fn the_last_request_of_a_connection_closes_it(on: On) {
    let server =
        on.serve_with(target(), |config| config.limits(|limits| limits.requests_per_connection = Some(3)));
    let mut client = server.client();
    for turn in 1..=3 {
        assert_eq!(client.ask(get("/")).says_close(), turn == 3, "answer {turn}");
    }
    client.expect_closed();
}

/// rule(130): a connection over the limit waits in the kernel and is served when another goes.
fn connections_over_the_limit_wait(on: On) {
    let server = on.serve_with(target(), |config| config.limits(|limits| limits.connections = 2));
    let mut first: Vec<Client> = (0..2).map(|_| server.client()).collect();
    for client in &mut first {
        assert_eq!(client.ask(get("/in")).text(), "/in");
    }
    let mut waiting = server.client();
    waiting.send(get("/later")).expect_silence();
    first.pop();
    assert_eq!(waiting.answer().text(), "/later");
    assert_eq!(first[0].ask(get("/still")).text(), "/still");
}

/// rule(130): over `pending_requests` a refusal comes at once, and no queue grows. rsgi-hyper, where only blocking work
/// waits for threads, has no such queue and says so at the start.
fn requests_over_the_queue_are_503(on: On) {
    let limited = |config: Config| config.threads(1).limits(|limits| limits.pending_requests = Some(2));
    if !on.is_std() {
        let error = on.start(limited(on.config()), target()).unwrap_err();
        assert_eq!(error.setting(), Some("pending_requests"), "{error}");
        return;
    }
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, inside) = events();
    let app = blocking(move |_: Environ, start_response: StartResponse| {
        teller.tell(());
        held.wait();
        Ok(start_response.status(StatusCode::OK).body("served"))
    });
    let server =
        on.serve_with(app, |config| config.threads(1).limits(|limits| limits.pending_requests = Some(2)));
    let mut running = server.client();
    running.send(get("/"));
    inside.next("a request inside the app");
    let mut others: Vec<Client> = (0..6).map(|_| server.client()).collect();
    let (teller, answers) = events();
    for mut client in others.drain(..) {
        client.send(get("/"));
        let teller = teller.clone();
        std::thread::spawn(move || teller.tell(client.answer().status()));
    }
    for _ in 0..4 {
        assert_eq!(answers.next("a refusal while the app is still held"), 503);
    }
    gate.open();
    for _ in 0..2 {
        assert_eq!(answers.next("a queued request"), 200);
    }
    assert_eq!(running.answer().text(), "served");
}

/// rule(59): how much of an unread body is read for the next request's sake is bounded.
fn a_large_unread_body_is_not_read_to_its_end(on: On) {
    let app =
        app(|_, start_response: StartResponse| Ok(start_response.status(StatusCode::OK).body("enough")));
    let server = on.serve_with(app, |config| {
        config
            .limits(|limits| {
                limits.discard_bytes = 10_000;
                limits.body_bytes = None;
            })
            .timeouts(|timeouts| timeouts.linger = SOON)
    });
    let mut client = server.client();
    client.send(request("POST", "/", &[("content-length", "1000000000000")], b""));
    assert_eq!(client.answer().text(), "enough");
    let taken = client.stuff(&[b'x'; 10_000], 1 << 30);
    assert!(taken < 64 << 20, "{taken} bytes were taken");
    client.rest();
}

/// rule(130): slowloris.
fn a_slow_head_is_408(on: On) {
    for start in ["G", "GET / HTTP/1.1\r\nhost: te"] {
        let (server, seen) = timed(on, |timeouts| timeouts.head = SOON);
        let mut client = server.client();
        client.send(start);
        let answer = client.answer();
        assert_eq!(answer.status(), 408);
        client.expect_end();
        assert!(seen.try_next().is_none());
    }
}

/// rule(130): a client that connects and says nothing holds nothing for long; there is no request to answer.
fn a_client_that_says_nothing_is_let_go(on: On) {
    let (server, _seen) = timed(on, |timeouts| timeouts.head = SOON);
    let (rest, _) = server.client().rest();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408 "), "{:?}", String::from_utf8_lossy(&rest));
}

/// rule(130): on a kept connection the head's clock starts with its first byte, so idleness doesn't count.
fn idle_time_is_no_part_of_a_heads_time(on: On) {
    let (server, _seen) = timed(on, |timeouts| timeouts.head = SOON);
    let mut client = server.client();
    assert_eq!(client.ask(get("/")).status(), 200);
    client.patience(Duration::from_millis(600));
    assert!(
        client
            .try_answer("GET")
            .is_err_and(|broken| matches!(broken.cause, rsgi_tests::answer::Break::Silent))
    );
    client.patience(rsgi_tests::deadline::PATIENCE);
    assert_eq!(client.ask(get("/")).status(), 200);
    client.send("GET /");
    assert_eq!(client.answer().status(), 408);
}

/// rule(58, 122)
fn a_slow_body_is_a_typed_error_and_408(on: On) {
    let (server, seen) = timed(on, |timeouts| timeouts.body_progress = SOON);
    for start in [
        request("POST", "/", &[("content-length", "10")], b"abc"),
        [chunked_head("/"), b"5\r\nabc".to_vec()].concat(),
        chunked_head("/"),
    ] {
        let mut client = server.client();
        client.send(start);
        assert_eq!(client.answer().status(), 408);
        assert_eq!(seen.next("the request").body, Err(InputErrorKind::TimedOut));
        client.expect_end();
    }
}

/// rule(58): the body's clock runs only while somebody waits for the client.
fn an_app_that_reads_late_is_not_the_clients_fault(on: On) {
    let gate = Gate::new();
    let held = gate.clone();
    let app = app_fn(move |mut environ: Environ, start_response: StartResponse| {
        let held = held.clone();
        async move {
            held.opened().await;
            let whole = environ.input_mut().collect(100).await?;
            Ok(start_response.status(StatusCode::OK).body(whole))
        }
    });
    let server = on.serve_with(app, |config| config.timeouts(|timeouts| timeouts.body_progress = SOON));
    let mut client = server.client();
    client.send(post("/", b"hello"));
    client.patience(Duration::from_millis(600));
    assert!(
        client
            .try_answer("GET")
            .is_err_and(|broken| matches!(broken.cause, rsgi_tests::answer::Break::Silent))
    );
    client.patience(rsgi_tests::deadline::PATIENCE);
    gate.open();
    assert_eq!(client.answer().text(), "hello");
}

/// rule(130)
fn an_idle_connection_is_closed(on: On) {
    let (server, _seen) = timed(on, |timeouts| timeouts.keep_alive = SOON);
    let mut client = server.client();
    for _ in 0..2 {
        assert_eq!(client.ask(get("/")).status(), 200);
    }
    client.expect_closed();
}

/// rule(130)
fn keep_alive_of_zero_closes_after_each_answer(on: On) {
    let (server, _seen) = timed(on, |timeouts| timeouts.keep_alive = Some(Duration::ZERO));
    let mut client = server.client();
    assert!(client.ask(get("/")).says_close());
    client.expect_closed();
}

/// rule(39, 59): a body read ahead is the same body.
fn the_request_buffer_changes_nothing_an_app_sees(on: On) {
    let (server, seen) = limited(on, |limits| limits.request_buffer = 1000);
    for size in [0, 1, 999, 1000, 1001, 50_000] {
        let content = noise(size);
        let mut client = server.client();
        let request = post("/", &content);
        let half = request.len() / 2;
        client.send(&request[..half]).send(&request[half..]);
        assert_eq!(client.answer().status(), 200);
        assert!(seen.next("the request").body.unwrap() == content, "{size}");
        assert_eq!(client.ask([chunked_head("/"), chunks(&[b"ab", b"c"])].concat()).status(), 200);
        assert_eq!(seen.next("the request").text(), "abc");
    }
}

/// rule(59): with it, a slow upload calls no app and so holds no thread.
fn the_request_buffer_keeps_slow_uploads_off_the_app(on: On) {
    if !on.is_std() {
        return; // A waiting upload holds no thread there in the first place, and the app may start as it likes.
    }
    let (teller, called) = events();
    let app = blocking(move |mut environ: Environ, start_response: StartResponse| {
        teller.tell(());
        let mut text = String::new();
        std::io::Read::read_to_string(environ.input_mut(), &mut text)?;
        Ok(start_response.status(StatusCode::OK).body(text))
    });
    let small = |config: Config| config.threads(1).limits(|limits| limits.request_buffer = 1000);
    let server = on.serve_with(app, small);
    let mut slow = server.client();
    slow.send(request("POST", "/", &[("content-length", "6")], b"abc"));
    assert_eq!(server.client().ask(post("/", b"quick")).text(), "quick");
    called.next("the quick one's call");
    assert!(called.try_next().is_none(), "the slow one waits outside");
    assert_eq!(slow.send("def").answer().text(), "abcdef");
}

mount!(
    connections_over_the_limit_wait,
    a_target_over_the_limit_is_414,
    too_many_fields_are_431,
    a_field_over_the_limit_is_431,
    a_head_over_the_limit_is_431,
    a_body_over_the_limit_is_a_typed_error_and_413,
    an_app_may_answer_a_body_over_the_limit_itself,
    an_app_may_allow_itself_less,
    chunk_extensions_are_bounded,
    trailers_are_bounded,
    the_last_request_of_a_connection_closes_it,
    a_slow_head_is_408,
    a_client_that_says_nothing_is_let_go,
    idle_time_is_no_part_of_a_heads_time,
    a_slow_body_is_a_typed_error_and_408,
    an_app_that_reads_late_is_not_the_clients_fault,
    an_idle_connection_is_closed,
    keep_alive_of_zero_closes_after_each_answer,
    the_request_buffer_changes_nothing_an_app_sees,
    the_request_buffer_keeps_slow_uploads_off_the_app,
    a_large_unread_body_is_not_read_to_its_end,
    requests_over_the_queue_are_503,
);
