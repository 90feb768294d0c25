//! One HTTP/1 request as hyper gives it, and the answer as hyper takes it.
//!
//! The app's future is made before anything is polled and borrows the app, which the connection's task owns: a
//! request costs no reference count for it. What hyper needs beside core's finished answer (whether to close, what
//! HTTP/1.0 expects) is added here. Big values are moved once: copying them is what costs (benches, `instructions`).
//!
//! Invariant: the answer reaches hyper only after every informational head before it is written.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use pin_project_lite::pin_project;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{self, HeaderValue};
use rsgi_core::http::request::Parts;
use rsgi_core::http::{Request, Response, StatusCode, Version};
use rsgi_core::http_body::Body;
use rsgi_core::{App, Environ, Error, Exchange, Framing, Input, Outgoing, Respond, Started, respond};
use tokio::sync::mpsc::Sender;

use super::wire::Wire;
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
#[inline]
pub(crate) fn answer<'a, A: App>(
    app: &'a A,
    shared: &'a Shared<'a>,
    request: Request<Incoming>,
) -> Answer<'a, impl Future<Output = Result<Started, Error>> + Send + use<'a, A>> {
    let exchange = shared.wire.begin();
    let (head, body) = request.into_parts();
    let mut rare: Option<Box<Rare>> = None;
    let mut environ = if is_rare(&head, &body) {
        rare_environ(head, body, exchange, shared, rare.get_or_insert_default())
    } else {
        Environ::new(head, Input::empty(), exchange)
    };
    match request::check(&mut environ, &shared.setting.head) {
        Ok(()) => Answer { future: Some(respond(app, environ)), shared, rare },
        Err(status) => Answer { future: None, shared, rare: Some(refuse(environ, status)) },
    }
}

/// Answers a request that no app is to see.
#[cold]
fn refuse(environ: Environ, status: StatusCode) -> Box<Rare> {
    Box::new(Rare { response: Some(refused(environ, status)), ..Rare::default() })
}

/// Makes the environ of a request with a body, or of HTTP/1.0, or of one that may take over the stream.
#[inline(never)]
fn rare_environ(
    mut head: Parts,
    body: Incoming,
    exchange: Arc<Exchange>,
    shared: &Shared<'_>,
    rare: &mut Rare,
) -> Environ {
    rare.wants_kept = head.version < Version::HTTP_11 && request::wants_keep_alive(&head.headers);
    let input = if head.extensions.remove::<OnUpgrade>().is_some() {
        let (raw, receiver) = upgrade::channel();
        rare.input = Some(raw);
        shared.setting.body.upgradable(body, shared.wire.expect_body(), Arc::clone(&exchange), receiver)
    } else if body.is_end_stream() {
        Input::empty()
    } else {
        shared.setting.body.input(body, shared.wire.expect_body())
    };
    Environ::new(head, input, exchange)
}

#[inline]
fn is_rare(head: &Parts, body: &Incoming) -> bool {
    !body.is_end_stream() || head.version != Version::HTTP_11 || !head.extensions.is_empty()
}

/// What only some requests have; boxed, so that the others don't carry it along.
#[derive(Debug, Default)]
struct Rare {
    /// Where the raw bytes go if the app takes the stream over.
    input: Option<Sender<Bytes>>,
    /// A client of HTTP/1.0 asked to keep the connection.
    wants_kept: bool,
    /// An answer that was refused, or that waits until the informational heads before it are written.
    response: Option<Response<Outgoing>>,
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
    type Output = Result<Response<Outgoing>, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (shared, rare) = (*this.shared, this.rare);
        if let Some(waiting) = rare.as_mut().and_then(|rare| rare.response.take()) {
            return poll_held(waiting, shared, rare, context);
        }
        let Some(future) = this.future.as_pin_mut() else { return Poll::Pending };
        // Changed where it lies, which spares two copies of an answer.
        let mut polled = future.poll(context).map(Ok);
        let Poll::Ready(Ok(response)) = &mut polled else {
            shared.wire.heads.watch(context);
            return polled;
        };
        let must_wait = shared.wire.heads.poll_close(context).is_pending();
        if must_wait || needs_more(response, shared, rare.is_some()) {
            if must_wait {
                return hold(polled, shared, rare);
            }
            finish(response, shared, rare);
        }
        polled
    }
}

/// Keeps the answer until the informational heads before it are written.
#[cold]
fn hold(
    polled: Poll<Result<Response<Outgoing>, Infallible>>,
    shared: &Shared<'_>,
    rare: &mut Option<Box<Rare>>,
) -> Poll<Result<Response<Outgoing>, Infallible>> {
    if let Poll::Ready(Ok(response)) = polled {
        shared.wire.hold();
        rare.get_or_insert_default().response = Some(response);
    }
    Poll::Pending
}

/// Gives the answer on once the informational heads before it are written.
#[cold]
fn poll_held(
    mut response: Response<Outgoing>,
    shared: &Shared<'_>,
    rare: &mut Option<Box<Rare>>,
    context: &mut Context<'_>,
) -> Poll<Result<Response<Outgoing>, Infallible>> {
    if shared.wire.heads.poll_close(context).is_pending() {
        rare.get_or_insert_default().response = Some(response);
        return Poll::Pending;
    }
    shared.wire.release();
    finish(&mut response, shared, rare);
    Poll::Ready(Ok(response))
}

/// Whether hyper needs anything beside what core made; most answers are done.
#[inline]
fn needs_more(response: &Response<Outgoing>, shared: &Shared<'_>, is_rare: bool) -> bool {
    is_rare
        || response.body().close_after()
        || response.status() == StatusCode::NOT_MODIFIED
        || shared.setting.adds_field
        || shared.wire.requests() >= shared.setting.requests
}

/// Adds what hyper needs beside core's answer.
#[inline(never)]
fn finish(response: &mut Response<Outgoing>, shared: &Shared<'_>, rare: &mut Option<Box<Rare>>) {
    let rare = rare.get_or_insert_default();
    let framing = response.body().framing();
    if let (Framing::Upgraded(_), Some(input)) = (framing, rare.input.take()) {
        // hyper writes the head and lets go of the stream; its outcome is told by whoever moves the bytes then.
        if let Some(exchange) = shared.wire.leave() {
            shared.upgrade.put(upgrade::Accepted { exchange, outgoing: response.body_mut().take(), input });
        }
        return;
    }
    if response.body().close_after() || shared.wire.requests() >= shared.setting.requests {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    } else if rare.wants_kept && framing != Framing::Unknown {
        // RFC 9112 section 9.3: HTTP/1.0 keeps a connection only if both sides say so.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("keep-alive"));
    }
    if response.status() == StatusCode::NOT_MODIFIED
        && let Some(length) = declared_length(response)
    {
        // hyper keeps a 304's length, which is that of the 200 it stands for, only if the body says the same.
        response.body_mut().claim(length);
    }
    setting::add_server_field(response.headers_mut(), shared.setting);
}

fn declared_length(response: &Response<Outgoing>) -> Option<u64> {
    let length = response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    (length > 0).then_some(length)
}
