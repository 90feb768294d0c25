//! What a server owes of the call itself, and what it says at the end.

use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};

use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, Body, Capabilities, Environ, Error, Exchange, Input, StartResponse, Started, app_fn, blocking,
    requiring, respond,
};
use rsgi_test::lint::{checks, lint};

use crate::asking::{WHOLE, able, ask, call, drive, environ, found_in, get, none, once, only};

async fn nothing(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.status(StatusCode::NO_CONTENT).empty())
}

fn again(exchange: &Arc<Exchange>) -> Environ {
    let (head, input) = get("/").body(Input::empty()).unwrap().into_parts();
    Environ::new(head, input, Arc::clone(exchange))
}

#[test]
fn an_exchange_that_was_answered_is_no_new_request() {
    let app = lint(nothing);
    let first = environ();
    let mut exchange = Arc::clone(first.exchange());
    ask(&app, first);
    ask(&app, again(&exchange));
    only(&checks::STALE_EXCHANGE, &app.findings().take());
    Exchange::begin(&mut exchange, std::time::Instant::now());
    ask(&app, again(&exchange));
    none(&app.findings());
}

#[test]
fn a_call_that_is_ready_is_polled_no_more() {
    let app = lint(nothing);
    let mut future = pin!(app.call(environ(), StartResponse::new()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(future.as_mut().poll(&mut context), Poll::Ready(Ok(_))));
    assert!(future.as_mut().poll(&mut context).is_pending());
    only(&checks::POLLED_AGAIN, &app.findings().take());
}

/// One request is inside the app while another enters it, on threads of their own.
fn two_at_once(multithread: bool) -> Vec<rsgi_test::lint::Finding> {
    let (inside, entered) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let (inside, left) = (Mutex::new(inside), Mutex::new(Some(left)));
    let app = Arc::new(lint(blocking(move |_, start_response| {
        let mine = left.lock().unwrap().take();
        inside.lock().unwrap().send(()).unwrap();
        if let Some(left) = mine {
            left.recv().unwrap();
        }
        Ok(start_response.status(StatusCode::NO_CONTENT).empty())
    })));
    let environ = move || {
        let mut server = able(Capabilities::NONE);
        server.multithread = multithread;
        Environ::on_server(get("/").body(Input::empty()).unwrap(), server)
    };
    let first = std::thread::spawn({
        let app = Arc::clone(&app);
        move || ask(&app, environ())
    });
    entered.recv().unwrap();
    ask(&app, environ());
    leave.send(()).unwrap();
    first.join().unwrap();
    app.findings().take()
}

#[test]
fn an_app_runs_on_two_threads_only_where_the_server_says_so() {
    only(&checks::CONCURRENT, &two_at_once(false));
    assert!(two_at_once(true).is_empty());
}

#[test]
fn a_server_without_what_the_app_requires_does_not_call_it() {
    let needs = || lint(requiring(Capabilities::TRAILERS, nothing));
    let app = needs();
    assert_eq!(app.requires(), Capabilities::TRAILERS);
    ask(&app, environ());
    assert_eq!(only(&checks::REQUIRES_IGNORED, &app.findings().take()).value, "trailers");
    let app = needs();
    ask(&app, Environ::on_server(get("/").body(Input::empty()).unwrap(), able(Capabilities::TRAILERS)));
    none(&app.findings());
}

#[test]
fn an_answer_is_whole_when_its_body_has_ended() {
    let app = lint(once(|start_response| {
        let head = start_response.start(StatusCode::OK, [("content-type", "text/plain")])?;
        Ok(head.body(Body::iter(["one", "two"])))
    }));
    let environ = environ();
    let exchange = Arc::clone(environ.exchange());
    let (_, mut outgoing) = call(&app, environ).into_parts();
    exchange.tell(WHOLE);
    assert!(drive(&mut outgoing, &mut crate::asking::Taken::default()));
    only(&checks::OUTCOME, &app.findings().take());
}

#[test]
fn an_outcome_before_the_app_answered_is_not_whole() {
    let app = lint(app_fn(|_, _| std::future::pending::<Result<Started, Error>>()));
    let environ = environ();
    let exchange = Arc::clone(environ.exchange());
    let mut future = pin!(respond(&app, environ));
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    exchange.tell(WHOLE);
    only(&checks::OUTCOME, &app.findings().take());
}

#[test]
fn a_client_that_goes_away_is_nobodys_fault() {
    let app = lint(once(|start_response| {
        let head = start_response.start(StatusCode::OK, [("content-type", "text/plain")])?;
        Ok(head.body(Body::iter(["one", "two"])))
    }));
    let environ = environ();
    let exchange = Arc::clone(environ.exchange());
    drop(call(&app, environ));
    exchange.tell(rsgi_core::Delivery::Aborted(rsgi_core::Cause::Reset));
    none(&app.findings());
}

#[test]
fn an_app_answers_its_own_errors() {
    let found = found_in(environ(), |_| Err("no database".into()));
    assert_eq!(only(&checks::OWN_ERROR, &found).value, "no database");
    let found = found_in(environ(), |_| panic!("a panic of an app"));
    assert_eq!(only(&checks::OWN_ERROR, &found).value, "panic");
}

#[test]
fn what_the_client_did_to_the_input_is_not_the_apps_error() {
    let kind = rsgi_core::InputErrorKind::Truncated;
    let found = found_in(environ(), move |_| Err(rsgi_core::InputError::new(kind).into()));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn an_app_that_fails_without_a_capability_requires_it() {
    let ask_for_it = || {
        app_fn(|environ: Environ, start_response: StartResponse| async move {
            environ.informational()?;
            Ok(start_response.status(StatusCode::NO_CONTENT).empty())
        })
    };
    let app = lint(ask_for_it());
    ask(&app, environ());
    assert_eq!(only(&checks::UNDECLARED_NEED, &app.findings().take()).value, "informational");
}
