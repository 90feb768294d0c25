//! Middleware whose work depends on the server, on each adapter: what waits, and on which thread.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Cause, Environ, Error, Middleware, StartResponse, Started, app_fn, blocking};
use rsgi_middleware::{Cascade, MethodOverride, Timeout};
use rsgi_test::suite::Ground;
use rsgi_test::wire::bytes::get;

const SOON: Duration = Duration::from_millis(5);

/// An app that waits for ever, on any server.
fn an_async_app_that_is_late_is_answered_for(ground: &Ground) {
    let app = app_fn(|_, _| std::future::pending::<Result<Started, Error>>());
    let server = ground.serve(Timeout::after(SOON).wrap(app));
    let mut client = server.client();
    assert_eq!(client.ask(get("/")).status(), 504);
    assert_eq!(client.ask(get("/")).status(), 504, "the connection goes on");
}

/// A blocking app, on its server's thread or in a pool: it hears of it, and the client too. A job that no thread has taken
/// yet when time is up is forgotten, so the time is stretched until one has begun.
fn a_blocking_app_that_is_late_hears_of_it(ground: &Ground) {
    let (teller, told) = mpsc::channel();
    let app = Arc::new(blocking(move |environ: Environ, _| {
        let _sent = teller.send(None);
        let client = environ.disconnect();
        while client.cause().is_none() {
            thread::yield_now();
        }
        let _sent = teller.send(client.cause());
        Err::<Started, Error>("gave up".into())
    }));
    let begun = (0..12).any(|times| {
        let server = ground.serve(Timeout::after(SOON * (1 << times)).wrap(Arc::clone(&app)));
        assert_eq!(server.client().ask(get("/")).status(), 504);
        told.try_recv().is_ok()
    });
    assert!(begun, "no thread took the job");
    assert_eq!(told.recv(), Ok(Some(Cause::TimedOut)));
}

/// The head is out: the break is visible.
fn a_late_piece_breaks_the_answer_off(ground: &Ground) {
    let app = app_fn(|_, start_response: StartResponse| async move {
        let body = Body::send(async |sender| {
            sender.send("first").await?;
            std::future::pending().await
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    });
    let server = ground.serve(Timeout::default().between_pieces(SOON).wrap(app));
    let mut client = server.client();
    client.send(get("/"));
    assert_eq!(client.head().status, 200);
    assert_eq!(client.bytes(10), b"5\r\nfirst\r\n".as_slice());
    client.expect_closed();
}

/// The form is read by async code, the rest by blocking code, and the cascade hands on what nobody read.
fn a_form_reaches_a_blocking_app_behind_others(ground: &Ground) {
    let app = blocking(|mut environ: Environ, start_response: StartResponse| {
        let form = environ.input_mut().read_whole(1000)?;
        let told = format!("{} {}", environ.method(), String::from_utf8_lossy(&form));
        Ok(start_response.status(StatusCode::OK).body(told))
    });
    let nowhere = blocking(|_, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::NOT_FOUND).body(Body::iter(["not ", "here"])))
    });
    let cascade = Cascade::new().then(nowhere).then(app);
    let server = ground.serve(MethodOverride::new().wrap(cascade));
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                   Content-Length: 15\r\n\r\na=1&_method=PUT";
    assert_eq!(server.client().ask(request).text(), "PUT a=1&_method=PUT");
}

rsgi_tests::mount!(
    an_async_app_that_is_late_is_answered_for,
    a_blocking_app_that_is_late_hears_of_it,
    a_late_piece_breaks_the_answer_off,
    a_form_reaches_a_blocking_app_behind_others,
);
