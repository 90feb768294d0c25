//! How much is taken: content, variables, connections, requests; and what a web server is told that sends more.

use std::io::Read as _;
use std::sync::mpsc::channel;

use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{App, Environ, Error, InputError, InputErrorKind, StartResponse, Started, app_fn, blocking};

use crate::served::{Host, Served, next};
use crate::wire::{FastCgi, Request, Wire, begin, get_values, params, record};

fn reads(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut content = Vec::new();
    environ.input_mut().read_to_end(&mut content)?;
    Ok(start_response.status(StatusCode::OK).body(content.len().to_string()))
}

fn content_over_the_limit_is_answered_with_413<H: Host, W: Wire>() {
    let config = Config::new().limits(|limits| limits.body_bytes = Some(100_000));
    let served = Served::<H, W>::with(config, blocking(reads));
    let exact = served.connect().whole(&Request::post("/", 100_000), &vec![0; 100_000]).answer();
    assert_eq!((exact.status, exact.text()), (200, "100000"));
    let mut client = served.connect();
    client.whole(&Request::post("/", 100_001), &vec![0; 100_001]);
    assert_eq!(client.answer().status, 413);
    served.end();
}

/// Where no length was told, what comes is counted.
fn content_of_no_told_length_is_counted<H: Host>() {
    let config = Config::new().limits(|limits| limits.body_bytes = Some(100_000));
    let (found, kinds) = channel();
    let served = Served::<H, FastCgi>::with(
        config,
        blocking(move |mut environ: Environ, _: StartResponse| {
            let mut content = Vec::new();
            let error = environ.input_mut().read_to_end(&mut content).unwrap_err();
            found.send(InputError::find(&error).map(InputError::kind))?;
            Err(error.into())
        }),
    );
    let request = Request::post("/", 0).with("CONTENT_LENGTH", "");
    let mut client = served.connect();
    client.whole(&request, &vec![0; 150_000]);
    assert_eq!(client.answer().status, 413);
    assert_eq!(next(&kinds), Some(InputErrorKind::Limit));
    served.end();
}

fn variables_over_the_limits_are_answered_with_431<H: Host, W: Wire>() {
    let config = Config::new().limits(|limits| {
        limits.head_bytes = 8_000;
        limits.target_bytes = 1_000;
        limits.header_bytes = 4_000;
        limits.header_count = 30;
    });
    let served = Served::<H, W>::with(config, blocking(reads));
    let long = Request::get("/").with("HTTP_X_LONG", &"a".repeat(5_000));
    let mut many = Request::get("/");
    for number in 0..31 {
        many = many.with(&format!("HTTP_X_{number}"), "a");
    }
    let mut large = Request::get("/");
    for number in 0..20 {
        large = large.with(&format!("SOME_{number}"), &"a".repeat(1_000));
    }
    for request in [long, many, large] {
        assert_eq!(served.connect().whole(&request, b"").answer().status, 431);
    }
    assert_eq!(served.connect().get("/").answer().status, 200);
    served.end();
}

fn a_target_over_the_limit_is_answered_with_414<H: Host, W: Wire>() {
    let config = Config::new().limits(|limits| limits.target_bytes = 100);
    let served = Served::<H, W>::with(config, blocking(reads));
    let path = format!("/{}", "a".repeat(200));
    assert_eq!(served.connect().get(&path).answer().status, 414);
    served.end();
}

/// An app that is pending until the test says so.
pub(crate) fn pending() -> (tokio::sync::watch::Sender<bool>, std::sync::mpsc::Receiver<()>, impl App) {
    let (open, gate) = tokio::sync::watch::channel(false);
    let (begun, begins) = channel();
    let app = app_fn(move |_: Environ, start_response: StartResponse| {
        let (mut gate, begun) = (gate.clone(), begun.clone());
        async move {
            begun.send(())?;
            gate.wait_for(|open| *open).await?;
            Ok(start_response.status(StatusCode::OK).body("done"))
        }
    });
    (open, begins, app)
}

/// Over the limit they wait in the kernel, and are served when there is room.
fn connections_over_the_limit_wait<H: Host, W: Wire>() {
    let (open, begins, app) = pending();
    let served = Served::<H, W>::with(Config::new().limits(|limits| limits.connections = 2), app);
    let mut clients: Vec<_> = (0..5).map(|_| served.connect()).collect();
    for client in &mut clients {
        client.get("/");
    }
    next(&begins);
    next(&begins);
    assert_eq!(served.load().connections, 2);
    open.send(true).unwrap();
    for mut client in clients {
        assert_eq!(client.answer().text(), "done");
    }
    assert_eq!(served.until(|load| load.connections == 0).accepted, 5);
    served.end();
}

/// What a full server doesn't accept, others of its kind do.
fn a_server_with_enough_requests_accepts_no_more_connections<H: Host, W: Wire>() {
    let (open, begins, app) = pending();
    let config = Config::new().limits(|limits| limits.running_requests = Some(2));
    let served = Served::<H, W>::with(config, app);
    let mut clients = Vec::new();
    for _ in 0..2 {
        clients.push(served.connect());
        clients.last_mut().unwrap().get("/");
        next(&begins);
    }
    served.until(|load| load.running == 2);
    clients.push(served.connect());
    clients[2].get("/");
    // Nothing tells of what isn't accepted; an answer on a kept connection comes after it would have been.
    assert_eq!(served.load().accepted, 2);
    assert!(begins.try_recv().is_err());
    open.send(true).unwrap();
    for mut client in clients {
        assert_eq!(client.answer().text(), "done");
    }
    served.end();
}

/// FastCGI's own refusal, which web servers pass to another server.
fn requests_over_the_limit_of_a_connection_are_refused<H: Host>() {
    let (open, begins, app) = pending();
    let config = Config::new().limits(|limits| limits.http2.concurrent_streams = 3);
    let served = Served::<H, FastCgi>::with(config, app);
    let mut client = served.connect();
    for id in 1..=4 {
        let request = Request::get("/");
        client.send(&[begin(id, true), params(id, &request.variables), record(5, id, b"")].concat());
    }
    // FCGI_OVERLOADED
    assert_eq!(client.until(4, |stream| stream.end.is_some()).end, Some((0, 2)));
    for _ in 1..=3 {
        next(&begins);
    }
    open.send(true).unwrap();
    for id in 1..=3 {
        assert_eq!(client.answer_of(id).text(), "done");
    }
    served.end();
}

/// The last answer of a connection closes it, by the setting.
fn a_connection_has_so_many_requests<H: Host>() {
    let config = Config::new().limits(|limits| limits.requests_per_connection = Some(3));
    let served = Served::<H, FastCgi>::with(config, blocking(reads));
    let mut client = served.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/").answer().status, 200);
    }
    assert_eq!(client.closed(), crate::wire::End::Closed);
    served.end();
}

fn a_web_server_that_asks_is_told_the_limits<H: Host>() {
    let config = Config::new().limits(|limits| limits.http2.concurrent_streams = 7);
    let served = Served::<H, FastCgi>::with(config, blocking(reads));
    let mut client = served.connect();
    client.send(&get_values(&["FCGI_MAX_REQS", "FCGI_MPXS_CONNS", "FCGI_NONSENSE"]));
    let values = client.until(0, |stream| !stream.out.is_empty());
    let text = values.out.escape_ascii().to_string();
    assert!(text.contains("FCGI_MPXS_CONNS1") && !text.contains("NONSENSE"), "{text}");
    assert_eq!(client.get("/").answer().status, 200);
    served.end();
}

everywhere!(
    content_over_the_limit_is_answered_with_413,
    variables_over_the_limits_are_answered_with_431,
    a_target_over_the_limit_is_answered_with_414,
    connections_over_the_limit_wait,
    a_server_with_enough_requests_accepts_no_more_connections,
);
on_both!(
    content_of_no_told_length_is_counted,
    requests_over_the_limit_of_a_connection_are_refused,
    a_connection_has_so_many_requests,
    a_web_server_that_asks_is_told_the_limits,
);
