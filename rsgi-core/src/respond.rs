//! The one road: every adapter, whatever its protocol, answers a request through [`respond`].
//!
//! It runs the app, applies the rules that PEP 3333 and RFC 9110 put on the *server*, and hands back a finished
//! `http::Response<Outgoing>`. What HEAD, 204 or Content-Length means is written here and nowhere else; what is
//! left to an adapter is its protocol's own syntax: framing as [`Outgoing::framing`] says, `Date`, and the flush
//! after which it tells the outcome.

use std::any::Any;
use std::convert::{Infallible, identity};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};

use crate::exchange::Exchange;
use crate::finish::{finish, finish_any};
use crate::guarded_log::guarded;
use crate::outcome::Fault;
use crate::outgoing::Outgoing;
use crate::start_response::StartedParts;
use crate::upgrade::lists;
use crate::{App, Environ, Error, InputError, StartResponse, Started, Upgrade};

/// What `respond` must remember of a request once the app has its environ.
pub(crate) struct Request {
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) method: Kind,
    pub(crate) version: Version,
    /// Whether trailers can reach this client (RFC 9110 section 6.5.1).
    pub(crate) takes_trailers: bool,
    /// The stream that the client offers and the server can hand over.
    pub(crate) offer: Option<Box<Upgrade>>,
}

/// Up to so many fields a walk is cheaper than a hash.
const SHORT: usize = 6;

/// The methods that change what an answer means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Head,
    Connect,
    Other,
}

impl Request {
    #[inline(always)]
    fn of(environ: &mut Environ) -> Self {
        let method = match *environ.method() {
            Method::HEAD => Kind::Head,
            Method::CONNECT => Kind::Connect,
            _ => Kind::Other,
        };
        let version = environ.version();
        let mut request = Self {
            exchange: Arc::clone(environ.exchange()),
            method,
            version,
            takes_trailers: version > Version::HTTP_11,
            offer: None,
        };
        if method == Kind::Connect || may_have_te_or_upgrade(environ.headers()) {
            request.look_closer(environ);
        }
        request
    }

    #[cold]
    fn look_closer(&mut self, environ: &mut Environ) {
        self.takes_trailers |=
            self.version == Version::HTTP_11 && lists(environ.headers(), &header::TE, "trailers");
        let offer = environ.upgrade();
        if !matches!(offer, Ok(None)) {
            // An offer would else be the way round the limit (S53).
            let limit = environ.server().body_limit;
            environ.input_mut().limit_until_upgraded(&self.exchange, limit);
        }
        self.offer = offer.ok().flatten().map(Box::new);
    }
}

/// Looks through a short list of names before it hashes: 20 instructions instead of 110 for the request that
/// `bin/instructions` of the benches counts.
#[inline(always)]
fn may_have_te_or_upgrade(headers: &HeaderMap) -> bool {
    if headers.len() <= SHORT {
        headers.keys().any(|name| *name == header::TE || *name == header::UPGRADE)
    } else {
        headers.contains_key(header::TE) || headers.contains_key(header::UPGRADE)
    }
}

/// Answers one request: runs the app and finishes its answer by the server's rules.
///
/// The future never fails: an app's error or panic is logged and becomes a 500 (413, 408, 400 for an
/// [`InputError`]), whose text says nothing of the app. Polled wherever the adapter runs apps; dropping it cancels
/// the request. The app is borrowed, so an adapter needs no reference count per request.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use rsgi_core::{app_fn, respond, Environ};
/// use rsgi_core::http::{Request, StatusCode};
///
/// let app = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("pong")) });
/// let environ = Environ::for_test(Request::new(()));
/// let mut context = Context::from_waker(Waker::noop());
/// let Poll::Ready(answer) = pin!(respond(&app, environ)).poll(&mut context) else { panic!("pending") };
/// assert_eq!(answer.status(), StatusCode::OK);
/// ```
#[inline(always)]
pub fn respond<A: App>(
    app: &A,
    mut environ: Environ,
) -> Respond<impl Future<Output = Result<Started, Error>> + Send> {
    let mut respond =
        Respond { future: None, request: Request::of(&mut environ), panic: None, answered: false };
    let mut environ = Some(environ);
    // Filled in place, since a future that was returned through `catch_unwind` is copied twice: it carries the
    // environ. `AssertUnwindSafe`, as nothing of ours is left half done.
    let called = catch_unwind(AssertUnwindSafe(|| {
        if let Some(environ) = environ.take() {
            respond.future = Some(app.call(environ, StartResponse::new()));
        }
    }));
    if let Err(panic) = called {
        respond.panic = Some(panic_text(&*panic).into());
    }
    respond
}

pin_project_lite::pin_project! {
    /// The future of [`respond`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Respond<F> {
        #[pin]
        future: Option<F>,
        request: Request,
        panic: Option<Box<str>>,
        // Set by the answer: what is left of the future then has nothing to drop.
        answered: bool,
    }

    impl<F> PinnedDrop for Respond<F> {
        fn drop(this: Pin<&mut Self>) {
            if !this.answered {
                abandon(this.project().future);
            }
        }
    }
}

/// Drops the future of a request that is cancelled; what the app's own drops do in a panic goes no further.
#[cold]
fn abandon<F>(mut future: Pin<&mut Option<F>>) {
    if catch_unwind(AssertUnwindSafe(|| future.set(None))).is_err() {
        guarded(|| {
            tracing::error!(target: "rsgi", "an app panicked when its request was cancelled");
        });
    }
}

impl<F> std::fmt::Debug for Respond<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Respond").finish_non_exhaustive()
    }
}

impl<F> Future for Respond<F>
where
    F: Future<Output = Result<Started, Error>>,
{
    type Output = Response<Outgoing>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response<Outgoing>> {
        let mut place = Poll::Pending;
        self.poll_into(context, identity, &mut place);
        place.map(|answer: Result<_, Infallible>| match answer {
            Ok(answer) => answer,
            Err(never) => match never {},
        })
    }
}

impl<F> Respond<F>
where
    F: Future<Output = Result<Started, Error>>,
{
    /// The shared part of the request; for adapters.
    #[must_use]
    #[inline]
    pub fn exchange(&self) -> &Arc<Exchange> {
        &self.request.exchange
    }

    /// As polling it, with the answer put into `place`, which is `Pending` before, and with a body that `into` makes of
    /// core's: for an adapter whose engine needs another type. An answer that is returned or changed later is copied
    /// several times.
    #[inline(always)]
    pub fn poll_into<B, E>(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: impl FnOnce(Outgoing) -> B,
        place: &mut Poll<Result<Response<B>, E>>,
    ) {
        let this = self.project();
        *this.answered = true;
        let Some(future) = this.future.as_pin_mut() else {
            let answer = panicked(this.request, &this.panic.take().unwrap_or_default());
            *place = Poll::Ready(Ok(answer.map(into)));
            return;
        };
        let mut polled = Poll::Pending;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| polled = future.poll(context))) {
            *place = Poll::Ready(Ok(panicked(this.request, &panic_text(&*panic)).map(into)));
            return;
        }
        match polled {
            Poll::Pending => *this.answered = false,
            Poll::Ready(Ok(started)) => finish(this.request, started, into, place),
            Poll::Ready(Err(error)) => {
                *place = Poll::Ready(Ok(failed(this.request, &*error).map(into)));
            }
        }
    }
}

/// A body's panic, as an error, with its text for the log.
#[derive(Debug)]
pub(crate) struct Panicked(pub(crate) String);

impl Panicked {
    pub(crate) fn of(panic: &(dyn Any + Send)) -> Self {
        Self(panic_text(panic))
    }
}

impl std::fmt::Display for Panicked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("panicked")
    }
}

impl std::error::Error for Panicked {}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else {
        panic.downcast_ref::<String>().cloned().unwrap_or_else(|| String::from("no text"))
    }
}

#[cold]
fn panicked(request: &Request, text: &str) -> Response<Outgoing> {
    let (connection, number) = (request.exchange.connection().id, request.exchange.number());
    let hint = if text.contains("there is no reactor running") {
        "; this app needs tokio: serve it by rsgi-hyper, or enable rsgi-std's feature `tokio`"
    } else {
        ""
    };
    guarded(|| {
        tracing::error!(target: "rsgi", connection, request = number, panic = text, "app panicked: answered 500{hint}");
    });
    request.exchange.fault(Fault::Panic);
    canned(request, StatusCode::INTERNAL_SERVER_ERROR, false)
}

#[cold]
fn failed(request: &Request, error: &(dyn std::error::Error + 'static)) -> Response<Outgoing> {
    let (connection, number) = (request.exchange.connection().id, request.exchange.number());
    let input = InputError::find(error);
    let status = input.map_or(StatusCode::INTERNAL_SERVER_ERROR, |input| input.kind().status());
    if status.is_server_error() {
        let causes = causes(error);
        guarded(|| {
            tracing::error!(target: "rsgi", connection, request = number, error = causes, "app failed: answered 500");
        });
        request.exchange.fault(Fault::Error);
    } else {
        let code = status.as_u16();
        guarded(|| {
            tracing::info!(target: "rsgi", connection, request = number, error = %error, "input refused: answered {code}");
        });
    }
    // What is left of a broken input can't be told from a next request, where one connection has them in a row.
    canned(request, status, input.is_some() && request.version <= Version::HTTP_11)
}

/// An error and its sources, in one line.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The server's own answer in place of the app's; its text is the status alone (conformance rule 113).
pub(crate) fn canned(request: &Request, status: StatusCode, close: bool) -> Response<Outgoing> {
    let text = format!("{} {}\n", status.as_str(), status.canonical_reason().unwrap_or_default());
    let mut started = StartResponse::new().status(status).body(text);
    // A typed name and a literal value: neither can be refused.
    let _accepted = started.fields_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if close {
        started.close();
    }
    finish_any(request, started.into_parts())
}

/// Replaces an answer that contradicts itself, before anything of it was sent.
#[cold]
pub(crate) fn refused(request: &Request, parts: StartedParts, why: &str) -> Response<Outgoing> {
    let (connection, number) = (request.exchange.connection().id, request.exchange.number());
    guarded(|| {
        tracing::error!(target: "rsgi", connection, request = number, "answer refused: {why}; answered 500");
    });
    request.exchange.fault(Fault::Refused);
    let close = parts.options.close;
    crate::outgoing::discard(&request.exchange, parts.body);
    canned(request, StatusCode::INTERNAL_SERVER_ERROR, close)
}
