//! Apps that fail or panic, at every point of a request: the client gets a plain answer, the server lives on.

use std::io;
use std::task::Context;

use rsgi_core::http::{Method, Request, StatusCode};
use rsgi_core::{
    App, Environ, Error, Fault, Framing, Input, InputError, InputErrorKind, StartResponse, Started, app_fn,
    blocking, respond,
};

use crate::asking::{Answer, Count, ask, get, plain, request};
use crate::watched::{Bomb, yield_once};

/// A blocking app's and an async app's error, the same.
fn failing(error: fn() -> Error) -> [Answer; 2] {
    [
        ask(&app_fn(move |_, _| async move { Err(error()) }), get()),
        ask(&blocking(move |_, _| Err(error())), get()),
    ]
}

#[test]
fn an_error_becomes_a_500_that_says_nothing_of_it() {
    // rule(110), rule(113)
    for answer in failing(|| "the database's password is 1234".into()) {
        assert_eq!((answer.status.as_u16(), answer.text()), (500, "500 Internal Server Error\n"));
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        assert_eq!((answer.outcome.fault, answer.close), (Some(Fault::Error), false));
    }
}

#[derive(Debug)]
struct Wrapped(Error);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("wrapped")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

#[test]
fn an_inputs_error_gives_its_status_however_it_is_wrapped() {
    // rule(57), rule(58)
    let wraps: [fn(InputError) -> Error; 7] = [
        |error| error.into(),
        |error| Box::new(Wrapped(error.into())),
        |error| io::Error::from(error).into(),
        |error| io::Error::other(io::Error::from(error)).into(),
        |error| io::Error::other(Wrapped(io::Error::from(error).into())).into(),
        |error| Box::new(Wrapped(io::Error::other(io::Error::other(error)).into())),
        |error| InputError::new(InputErrorKind::Other).with_source(error).into(),
    ];
    let statuses = [
        (InputErrorKind::Limit, 413),
        (InputErrorKind::TimedOut, 408),
        (InputErrorKind::Malformed, 400),
        (InputErrorKind::Truncated, 400),
        (InputErrorKind::Disconnected, 400),
    ];
    for (number, wrap) in wraps.into_iter().enumerate() {
        for (kind, status) in statuses {
            let app = app_fn(move |_, _| async move { Err(wrap(InputError::new(kind))) });
            let answer = ask(&app, get());
            // The last is found at its outermost, whose kind is another.
            let status = if number == 6 { 500 } else { status };
            assert_eq!(answer.status.as_u16(), status, "{number} {kind:?}");
            assert!(answer.close, "what is left of a broken input can't be told from a next request");
        }
    }
}

#[test]
fn a_read_on_a_thread_that_must_not_block_is_the_servers_error() {
    for answer in failing(|| InputError::new(InputErrorKind::WouldBlock).into()) {
        assert_eq!((answer.status.as_u16(), answer.outcome.fault), (500, Some(Fault::Error)));
    }
}

#[test]
fn a_panic_in_the_call_or_in_any_poll_becomes_a_500() {
    // rule(111), rule(113)
    fn panics() {
        panic!("secret");
    }
    struct PanicsInCall;
    impl App for PanicsInCall {
        fn call(&self, _: Environ, _: StartResponse) -> impl Future<Output = Result<Started, Error>> + Send {
            panics();
            async { Err("not reached".into()) }
        }
    }
    let first_poll = app_fn(|_, _| async { panic!("secret") });
    let later_poll = app_fn(|_, _| async {
        yield_once().await;
        panic!("{}", String::from("secret"))
    });
    let payload = app_fn(|_, _| async { std::panic::panic_any(7) });
    let in_thread = blocking(|_, _| panic!("secret"));
    let answers = [
        ask(&PanicsInCall, get()),
        ask(&first_poll, get()),
        ask(&later_poll, get()),
        ask(&payload, get()),
        ask(&in_thread, get()),
    ];
    for answer in answers {
        assert_eq!((answer.status.as_u16(), answer.text()), (500, "500 Internal Server Error\n"));
        assert_eq!((answer.outcome.fault, answer.close), (Some(Fault::Panic), false));
    }
}

#[test]
fn a_panic_when_the_request_is_cancelled_goes_no_further() {
    let app = app_fn(|_, start_response: StartResponse| async move {
        let _bomb = Bomb;
        std::future::pending::<()>().await;
        Ok(start_response.status(StatusCode::OK).empty())
    });
    let (_, waker) = Count::new();
    let mut answer = Box::pin(respond(&app, Environ::on_server(get(), plain())));
    assert!(answer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(answer);
}

#[test]
fn the_servers_own_answer_obeys_the_same_rules() {
    // rule(84), rule(87)
    let failing = app_fn(|_, _| async { Err::<Started, Error>("broken".into()) });
    let head = ask(&failing, request("HEAD", "/"));
    assert_eq!((head.framing, head.text(), head.header("content-length")), (Framing::None, "", Some("26")));
    let connect = Request::builder().method(Method::CONNECT).uri("a:1").body(Input::empty()).unwrap();
    assert_eq!(ask(&failing, connect).framing, Framing::Length(26));
}
