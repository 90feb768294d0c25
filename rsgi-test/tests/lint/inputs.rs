//! What an input owes its length and its end, and what an app owes the input.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::StatusCode;
use rsgi_core::http_body::Frame;
use rsgi_core::{
    Body, Capabilities, Cause, Delivery, Environ, Input, InputError, InputErrorKind, InputLength,
    InputSource, app_fn, wait,
};
use rsgi_test::lint::{Finding, checks, lint};

use crate::asking::{able, ask, call, get, none, only, server};

/// Gives what it was told to; `None` is an end, which may not be the last.
struct Script(Vec<Option<Result<&'static str, InputErrorKind>>>);

impl InputSource for Script {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        let next = if self.0.is_empty() { None } else { self.0.remove(0) };
        Poll::Ready(next.map(|piece| match piece {
            Ok(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
            Err(kind) => Err(InputError::new(kind)),
        }))
    }
}

fn environ(length: InputLength, pieces: Vec<Option<Result<&'static str, InputErrorKind>>>) -> Environ {
    let input = Input::new(Script(pieces), length, None);
    Environ::on_server(get("/").body(input).unwrap(), server())
}

/// What is found when an app reads the input to its end, twice.
fn found(environ: Environ) -> Vec<Finding> {
    let app = lint(app_fn(|mut environ: Environ, start_response: rsgi_core::StartResponse| async move {
        for _ in 0..2 {
            while let Some(Ok(_)) = environ.input_mut().piece().await {}
        }
        Ok(start_response.status(StatusCode::NO_CONTENT).empty())
    }));
    ask(&app, environ);
    app.findings().take()
}

#[test]
fn content_length_is_the_inputs_length() {
    let with_field = |declared: &str, input| {
        let request = get("/").header("content-length", declared).body(input).unwrap();
        found(Environ::on_server(request, server()))
    };
    let finding = only(&checks::INPUT_LENGTH, &with_field("5", Input::from_bytes("abc".into())));
    assert_eq!(finding.value, "\"5\" and Known(3)");
    only(&checks::INPUT_LENGTH, &with_field("5", Input::empty()));
    only(&checks::INPUT_LENGTH, &with_field("-3", Input::from_bytes("abc".into())));
    assert!(with_field("3", Input::from_bytes("abc".into())).is_empty());
    assert!(with_field("0", Input::empty()).is_empty());
}

#[test]
fn an_input_that_ends_early_says_so() {
    let short = environ(InputLength::Known(5), vec![Some(Ok("abc"))]);
    assert_eq!(only(&checks::INPUT_SHORT, &found(short)).value, "3 of 5");
    let truncated = vec![Some(Ok("abc")), Some(Err(InputErrorKind::Truncated))];
    assert!(found(environ(InputLength::Known(5), truncated)).is_empty());
}

#[test]
fn an_input_ends_at_its_length() {
    let long = environ(InputLength::Known(3), vec![Some(Ok("abc")), Some(Ok("de"))]);
    assert_eq!(only(&checks::INPUT_LONG, &found(long)).value, "5 of 3");
}

#[test]
fn an_input_that_has_ended_gives_the_end_again() {
    let resumed = environ(InputLength::Unknown, vec![Some(Ok("abc")), None, Some(Ok("de"))]);
    assert_eq!(only(&checks::INPUT_RESUMED, &found(resumed)).value, "2 bytes");
    assert!(found(environ(InputLength::Unknown, vec![Some(Ok("abc"))])).is_empty());
}

#[test]
fn an_input_goes_on_after_an_upgrade() {
    let script = Script(vec![Some(Ok("abc")), None, Some(Ok("de"))]);
    let input = Input::new(script, InputLength::Known(3), None);
    let request = get("/").header("connection", "upgrade").header("upgrade", "echo").body(input).unwrap();
    let app = lint(app_fn(|mut environ: Environ, start_response: rsgi_core::StartResponse| async move {
        let offer = environ.upgrade()?.ok_or("no offer")?;
        let stream = Body::duplex(environ.take_input(), async |mut input, sender| {
            for _ in 0..3 {
                sender.send(input.piece().await.transpose()?.unwrap_or_default()).await?;
            }
            Ok(())
        });
        Ok(start_response.upgrade(offer, "echo")?.body(stream))
    }));
    let answer = ask(&app, Environ::on_server(request, able(Capabilities::UPGRADE)));
    assert_eq!(answer.body, b"abcde");
    none(&app.findings());
}

#[test]
fn an_input_is_not_read_after_the_answer() {
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let app = lint(app_fn(move |mut environ: Environ, start_response: rsgi_core::StartResponse| {
        *keep.lock().unwrap() = Some(environ.take_input());
        async move { Ok(start_response.status(StatusCode::NO_CONTENT).empty()) }
    }));
    ask(&app, environ(InputLength::Unknown, vec![Some(Ok("abc"))]));
    none(&app.findings());
    let mut input = kept.lock().unwrap().take().unwrap();
    assert_eq!(wait(input.piece()).unwrap().unwrap(), "abc");
    only(&checks::INPUT_LATE, &app.findings().take());
}

#[test]
fn an_input_may_be_read_after_a_client_has_gone() {
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let app = lint(app_fn(move |mut environ: Environ, start_response: rsgi_core::StartResponse| {
        *keep.lock().unwrap() = Some(environ.take_input());
        async move { Ok(start_response.status(StatusCode::NO_CONTENT).empty()) }
    }));
    let environ = environ(InputLength::Unknown, vec![Some(Ok("abc"))]);
    let exchange = Arc::clone(environ.exchange());
    drop(call(&app, environ));
    exchange.tell(Delivery::Aborted(Cause::Reset));
    let mut input = kept.lock().unwrap().take().unwrap();
    assert_eq!(wait(input.piece()).unwrap().unwrap(), "abc");
    none(&app.findings());
}

#[test]
fn an_input_left_unread_is_fine() {
    let app = lint(app_fn(|_: Environ, start_response: rsgi_core::StartResponse| async move {
        Ok(start_response.status(StatusCode::NO_CONTENT).empty())
    }));
    ask(&app, environ(InputLength::Known(5), vec![Some(Ok("abcde"))]));
    none(&app.findings());
}
