//! One HTTP/1 request as hyper gives it, and the answer as hyper takes it.
//!
//! The app's future is made before anything is polled and borrows the app, which the connection's task owns: a
//! request costs no reference count for it. What hyper needs beside core's finished answer (whether to close, what
//! HTTP/1.0 expects) is added here. Big values are moved once: copying them is what costs (benches, `instructions`).
//!
//! Invariant: the answer reaches hyper only after every informational head before it is written.

use std::convert::Infallible;
use std::future::Future;
use std::mem::{forget, replace};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use pin_project_lite::pin_project;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{self, HeaderValue};
use rsgi_core::http::request::Parts;
use rsgi_core::http::{Extensions, Request, Response, StatusCode, Version};
use rsgi_core::http_body::Body;
use rsgi_core::{App, Environ, Error, Framing, Input, Respond, Started, respond};
use tokio::sync::mpsc::Sender;

use super::body_out::{Http1Body, LARGE, PIECE};
use super::framing;
use super::wire::Wire;
use crate::body_in::Before;
use crate::request::{self, refused};
use crate::setting::{self, Setting};
use crate::upgrade::{self, Slot};

/// What the requests of a connection share beside the app.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) upgrade: &'a Slot,
    pub(crate) setting: &'a Setting,
}

/// Begins to answer a request.
#[inline(always)]
pub(crate) fn answer<'a, A: App>(
    app: &'a A,
    shared: &'a Shared<'a>,
    request: Request<Incoming>,
) -> Answer<'a, impl Future<Output = Result<Started, Error>> + Send + use<'a, A>> {
    let exchange = shared.wire.begin();
    let is_rare = !request.body().is_end_stream()
        || request.version() != Version::HTTP_11
        || !request.extensions().is_empty();
    let (Parts { method, uri, version, headers, extensions, .. }, body) = request.into_parts();
    let mut environ = Environ::filled(Input::empty(), exchange, |head| {
        head.version = version;
        // What an empty head holds owns nothing; to drop it would still cost 80 instructions.
        forget(replace(&mut head.method, method));
        forget(replace(&mut head.uri, uri));
        forget(replace(&mut head.headers, headers));
    });
    let rare = if is_rare {
        match fill(&mut environ, extensions, body, shared) {
            Ok(rare) => Some(rare),
            Err(status) => return refuse(environ, status, shared),
        }
    } else {
        // Nothing is left in them, and to find that out would cost as much as copying them.
        forget((extensions, body));
        None
    };
    if let Err(status) = request::check(&mut environ, shared.wire, &shared.setting.head) {
        return refuse(environ, status, shared);
    }
    Answer { future: Some(respond(app, environ)), shared, rare }
}

/// Answers a request that no app is to see.
#[cold]
#[inline(never)]
fn refuse<'a, F>(environ: Environ, status: StatusCode, shared: &'a Shared<'a>) -> Answer<'a, F> {
    let mut response = refused(environ, status).map(Http1Body::from);
    let mut rare = Box::default();
    finish(&mut response, shared, &mut rare);
    rare.response = Some(response);
    Answer { future: None, shared, rare: Some(rare) }
}

/// Fills the environ of a request with a body, or of HTTP/1.0, or of one that may take over the stream; the error is the
/// status to refuse it with.
#[inline(never)]
fn fill(
    environ: &mut Environ,
    mut extensions: Extensions,
    body: Incoming,
    shared: &Shared<'_>,
) -> Result<Box<Rare>, StatusCode> {
    let framing = framing::check(environ.method(), environ.headers(), &body);
    let is_old = environ.version() < Version::HTTP_11;
    let mut rare = Box::new(Rare {
        is_old,
        wants_kept: is_old && request::wants_keep_alive(environ.headers()),
        ..Rare::default()
    });
    // A client that waits to be told to send isn't told so only for its content to be thrown away.
    let expects = |environ: &Environ| environ.headers().contains_key(header::EXPECT);
    let expect_body =
        |environ: &Environ| shared.wire.expect_body((!expects(environ)).then_some(shared.setting.discard));
    if framing.is_ok() && extensions.remove::<OnUpgrade>().is_some() {
        let (raw, receiver) = upgrade::channel();
        rare.input = Some(raw);
        let exchange = Arc::clone(environ.exchange());
        let unread = expect_body(environ);
        let (input, before) = shared.setting.body.upgradable(body, unread, exchange, receiver);
        rare.before = Some(before);
        environ.set_input(input);
    } else if !body.is_end_stream() {
        let unread = expect_body(environ);
        environ.set_input(shared.setting.body.input(body, unread));
    }
    if framing.is_err() {
        // What is wrong with the fields comes first, as on rsgi-std.
        request::check_fields(environ, shared.wire, &shared.setting.head).and(framing)?;
    }
    Ok(rare)
}

/// What only some requests have; boxed, so that the others don't carry it along.
#[derive(Debug, Default)]
struct Rare {
    /// Where the raw bytes go if the app takes the stream over.
    input: Option<Sender<Bytes>>,
    /// The request's own content, before those.
    before: Option<Before>,
    /// The request is of HTTP/1.0.
    is_old: bool,
    /// Its client asked to keep the connection.
    wants_kept: bool,
    /// An answer that was refused, or that waits until the informational heads before it are written.
    response: Option<Response<Http1Body>>,
}

pin_project! {
    /// The future of [`answer`].
    pub(crate) struct Answer<'a, F> {
        // `None` if there is an answer without the app.
        #[pin]
        future: Option<Respond<F>>,
        shared: &'a Shared<'a>,
        rare: Option<Box<Rare>>,
    }
}

impl<F> Future for Answer<'_, F>
where
    F: Future<Output = Result<Started, Error>>,
{
    type Output = Result<Response<Http1Body>, Infallible>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (shared, rare) = (*this.shared, this.rare);
        let mut future = match this.future.as_pin_mut() {
            Some(future) if rare.as_ref().is_none_or(|rare| rare.response.is_none()) => future,
            _ => return poll_held(shared, rare, context),
        };
        // Changed where it lies, which spares copies of an answer.
        let mut polled = Poll::Pending;
        future.as_mut().poll_into(context, Http1Body::from, &mut polled);
        let Poll::Ready(Ok(response)) = &mut polled else {
            shared.wire.heads.watch(context);
            return Poll::Pending;
        };
        let is_open = !shared.wire.made(future.exchange()) || !shared.wire.heads.close_alone();
        let must_wait = is_open && shared.wire.heads.poll_close(context).is_pending();
        if must_wait || needs_more(response, shared, rare.is_some()) {
            finish(response, shared, rare.get_or_insert_default());
            if must_wait {
                return hold(polled, shared, rare);
            }
        }
        polled
    }
}

/// Keeps a finished answer until the informational heads before it are written.
#[cold]
fn hold(
    polled: Poll<Result<Response<Http1Body>, Infallible>>,
    shared: &Shared<'_>,
    rare: &mut Option<Box<Rare>>,
) -> Poll<Result<Response<Http1Body>, Infallible>> {
    if let Poll::Ready(Ok(response)) = polled {
        shared.wire.hold();
        rare.get_or_insert_default().response = Some(response);
    }
    Poll::Pending
}

/// Gives an answer on that was held, or made without the app.
#[cold]
fn poll_held(
    shared: &Shared<'_>,
    rare: &mut Option<Box<Rare>>,
    context: &mut Context<'_>,
) -> Poll<Result<Response<Http1Body>, Infallible>> {
    ready!(shared.wire.heads.poll_close(context));
    shared.wire.release();
    match rare.as_mut().and_then(|rare| rare.response.take()) {
        Some(response) => Poll::Ready(Ok(response)),
        None => Poll::Pending,
    }
}

/// Whether hyper needs anything beside what core made; most answers are done.
#[inline(always)]
fn needs_more(response: &Response<Http1Body>, shared: &Shared<'_>, is_rare: bool) -> bool {
    is_rare
        || response.body().is_further()
        || response.status() == StatusCode::NOT_MODIFIED
        || shared.setting.adds_field
        || shared.wire.is_last(shared.setting.requests)
}

/// Adds what hyper needs beside core's answer.
#[inline(never)]
fn finish(response: &mut Response<Http1Body>, shared: &Shared<'_>, rare: &mut Rare) {
    let framing = response.body().framing();
    if let (Framing::Upgraded(_), Some(input), Some(outgoing)) =
        (framing, rare.input.take(), response.body_mut().outgoing_mut())
    {
        // hyper hands the stream over behind the content, which nobody reads meanwhile but the connection's task.
        if let Some(before) = rare.before.take() {
            before.leave();
        }
        // hyper writes the head and lets go of the stream; its outcome is told by whoever moves the bytes then.
        if let Some(exchange) = shared.wire.leave() {
            shared.upgrade.put(upgrade::Accepted { exchange, outgoing: outgoing.take(), input });
        }
        return;
    }
    // RFC 9110 section 10.1.1: a client that waits to be told to send is told instead that it needn't.
    let unread = shared.wire.closes_unread();
    if unread || response.body().close_after() || shared.wire.is_last(shared.setting.requests) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    } else if rare.wants_kept && framing != Framing::Unknown {
        // RFC 9112 section 9.3: HTTP/1.0 keeps a connection only if both sides say so.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
    }
    if rare.is_old && framing == Framing::Unknown {
        shared.wire.ends_the_answer();
    }
    if response.status() == StatusCode::NOT_MODIFIED
        && let Some(length) = declared_length(response)
        && let Some(outgoing) = response.body_mut().outgoing_mut()
    {
        // hyper keeps a 304's length, which is that of the 200 it stands for, only if the body says the same.
        outgoing.claim(length);
    }
    setting::add_server_field(response.headers_mut(), shared.setting);
    if matches!(framing, Framing::None | Framing::Length(0..=SMALL)) {
        return;
    }
    let goes_round =
        matches!(framing, Framing::Length(bytes) if bytes >= LARGE as u64) && shared.wire.takes_large();
    let most = if goes_round { usize::MAX } else { PIECE };
    if let Some(outgoing) = response.body_mut().outgoing_mut() {
        shared.wire.expect_pieces(outgoing.in_pieces(&(GATHERED..=most)), goes_round);
    }
    if let Some(large) = shared.wire.large() {
        response.body_mut().go_round(large);
    }
}

fn declared_length(response: &Response<Http1Body>) -> Option<u64> {
    let length = response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    (length > 0).then_some(length)
}

/// Small pieces are joined to so many bytes: hyper has more work with a piece than copying it is.
const GATHERED: usize = 16 * 1024;

/// A body so long is in one piece at most.
const SMALL: u64 = PIECE as u64;
