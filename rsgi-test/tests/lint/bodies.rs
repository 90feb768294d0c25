//! What a body must not do: give more or less than declared, hint what isn't so, fail late, block, panic when dropped.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::StatusCode;
use rsgi_core::http_body::{self, Frame, SizeHint};
use rsgi_core::{Body, Error, StartResponse, Started, respond, wait};
use rsgi_test::lint::{Finding, Lint, checks, lint};

use crate::asking::{call, environ, found_in, none, once, only, poll};

fn started(start_response: StartResponse, body: Body) -> Result<Started, Error> {
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(body))
}

fn found(body: Body) -> Vec<Finding> {
    found_in(environ(), move |start_response| started(start_response, body))
}

fn with_body(body: Body) -> Lint<impl rsgi_core::App> {
    lint(once(move |start_response| started(start_response, body)))
}

#[test]
fn a_body_gives_no_more_than_declared() {
    assert_eq!(
        only(&checks::LENGTH_SURPLUS, &found(Body::iter(["abc", "d"]).with_length(3))).value,
        "4 of 3"
    );
    let sent = Body::send(async |sender| sender.send("abcd").await).with_length(3);
    only(&checks::LENGTH_SURPLUS, &found(sent));
    let by_field = found_in(environ(), |start_response| {
        let head = start_response.start(StatusCode::OK, [("content-type", "text/plain")])?;
        Ok(head.header("content-length", 3_u64)?.body(Body::iter(["abcd"])))
    });
    only(&checks::LENGTH_SURPLUS, &by_field);
}

#[test]
fn a_body_gives_no_less_than_declared() {
    assert_eq!(only(&checks::LENGTH_MISSING, &found(Body::iter(["abc"]).with_length(4))).value, "3 of 4");
    let sent = Body::send(async |sender| sender.send("abc").await).with_length(4);
    only(&checks::LENGTH_MISSING, &found(sent));
}

/// Gives one piece, whatever it says of itself.
struct Hinting {
    piece: Option<&'static str>,
    hint: SizeHint,
}

impl Hinting {
    fn new(lower: u64, upper: u64) -> Self {
        let mut hint = SizeHint::new();
        hint.set_upper(upper);
        hint.set_lower(lower);
        Self { piece: Some("abc"), hint }
    }
}

impl http_body::Body for Hinting {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.hint = SizeHint::default();
        Poll::Ready(self.piece.take().map(|piece| Ok(Frame::data(piece.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// Pieces that come with a claim to be the last.
struct Over(Vec<&'static str>, usize);

impl http_body::Body for Over {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.pop();
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.len() <= self.1
    }
}

#[test]
fn hints_bound_what_is_given() {
    assert_eq!(only(&checks::HINT, &found(Body::http(Hinting::new(0, 2)))).value, "at most 2, gave 3");
    assert_eq!(only(&checks::HINT, &found(Body::http(Hinting::new(4, 9)))).value, "at least 4, gave 3");
    assert!(found(Body::http(Hinting::new(1, 3))).is_empty());
    // An exact hint is the body's length, which has a clause of its own.
    only(&checks::LENGTH_MISSING, &found(Body::http(Hinting::new(4, 4))));
}

#[test]
fn a_body_that_says_it_is_over_gives_no_more() {
    let finding = only(&checks::HINT, &found(Body::http(Over(vec!["c", "b", "a"], 1))));
    assert_eq!(finding.value, "at its end, gave 1 bytes");
    assert!(found(Body::http(Over(vec!["c", "b", "a"], 0))).is_empty());
}

#[test]
fn an_error_comes_before_the_declared_end() {
    let late = || Body::iter([Ok("abc"), Err("too late")]).with_length(3);
    assert_eq!(only(&checks::ERROR_LATE, &found(late())).value, "too late");
    assert!(found(Body::iter([Ok("abc"), Err("in time")]).with_length(4)).is_empty());
}

/// An iterator whose drop panics.
struct Exploding;

impl Iterator for Exploding {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        Some("a")
    }
}

impl Drop for Exploding {
    fn drop(&mut self) {
        panic!("a panic of a body's drop");
    }
}

#[test]
fn a_body_may_be_dropped_at_any_piece() {
    let app = with_body(Body::iter(Exploding));
    drop(call(&app, environ()));
    assert_eq!(only(&checks::DROP_PANIC, &app.findings().take()).value, "after 0 bytes");
    let app = with_body(Body::iter(["a", "b"]));
    drop(call(&app, environ()));
    none(&app.findings());
}

#[test]
fn a_body_that_blocks_is_pulled_where_blocking_is_allowed() {
    let app = with_body(Body::iter(["a"]));
    poll(&mut call(&app, environ()).into_body());
    only(&checks::UNMARKED_THREAD, &app.findings().take());
}

#[test]
fn a_poll_does_not_hold_up_its_thread() {
    // Any poll takes longer than nothing.
    let app = with_body(Body::empty()).threshold(Duration::ZERO);
    wait(respond(&app, environ()));
    assert!(only(&checks::BLOCKED, &app.findings().take()).value.starts_with("call: "));

    let app = with_body(Body::send(async |sender| sender.send("a").await)).threshold(Duration::ZERO);
    let mut outgoing = call(&app, environ()).into_body();
    none(&app.findings());
    poll(&mut outgoing);
    assert!(only(&checks::BLOCKED, &app.findings().take()).value.starts_with("body: "));
}

#[test]
fn a_thread_that_may_block_is_nobody_elses() {
    let app = with_body(Body::iter(["a"])).threshold(Duration::ZERO);
    crate::asking::ask(&app, environ());
    none(&app.findings());
}
