//! The environ: one request as the app gets it, owned, with what a gateway knows beside the head.
//!
//! It holds the request's head as http's own types, moved and not copied, the input, and a reference to the shared
//! part of its exchange. Whatever is seldom needed is computed when asked for (the CGI view in `vars.rs`, the
//! trusted identity) or kept in one box that most requests never allocate. PEP 3333, "`environ` Variables".

mod convert;
mod extra;
mod gateway;
mod gateway_vars;
mod hints;
mod kept_target;
mod loan;
mod request_line;
mod spare;
mod trusted;
mod url;
mod vars;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{AsHeaderName, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Uri, Version};

use crate::capabilities::{Capabilities, NotSupported};
use crate::connection::{Scheme, Server};
use crate::disconnect::{Disconnect, Drain};
use crate::endpoint::Endpoint;
use crate::error_stream::ErrorStream;
use crate::exchange::Exchange;
use crate::informational::Informational;
use crate::offload::Offload;
use crate::outcome::Outcome;
use crate::path;
use crate::tls_facts::Tls;
use crate::upgrade::{ConnectProtocol, Upgrade};
use crate::{Input, InputLength};

use extra::Extra;
pub use gateway::Gateway;
pub use gateway_vars::GatewayVars;
pub use hints::Priority;
pub use loan::Loan;
pub use request_line::RequestLine;

/// One request, as a server gives it to an app.
///
/// # Examples
///
/// ```
/// use rsgi_core::Environ;
/// use rsgi_core::http::Request;
///
/// let mut environ = Environ::for_test(Request::get("/shop/cart/7?full=1").body(()).unwrap());
/// assert!(environ.mount("/shop"));
/// assert_eq!((environ.script_name(), environ.path_info()), ("/shop", "/cart/7"));
/// assert_eq!(environ.shift_path_info().as_deref(), Some("cart"));
/// assert_eq!((environ.script_name(), environ.path_info()), ("/shop/cart", "/7"));
/// assert_eq!(environ.target(), "/shop/cart/7?full=1");
/// assert_eq!(environ.query(), Some("full=1"));
/// ```
pub struct Environ(
    /// Boxed, since it is moved through every middleware; both are `Some` until it is dropped. See `spare.rs`.
    Option<Box<Option<Inner>>>,
);

struct Inner {
    head: Parts,
    input: Input,
    /// `None` only while the memory waits for its next request.
    exchange: Option<Arc<Exchange>>,
    /// Where in the target's path the mount ends; a target has less than 64 KiB.
    script_end: u16,
    extra: Option<Box<Extra>>,
    again: Again,
}

/// What becomes of the memory of an environ that is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// The head was moved in, and another will be moved over it.
    Moved,
    /// The head was filled in where it lies: emptied, it stays.
    Filled,
}

impl Environ {
    /// Makes the environ of a request; for adapters. The head is moved.
    #[inline(always)]
    pub fn new(head: Parts, input: Input, exchange: Arc<Exchange>) -> Self {
        let mut inner = spare::take();
        let exchange = Some(exchange);
        *inner = Some(Inner { head, input, exchange, script_end: 0, extra: None, again: Again::Moved });
        Self(Some(inner))
    }

    /// Makes the environ of a request whose head `fill` puts together in place; for adapters whose parser makes the
    /// pieces and no [`Parts`]. It is given an empty head, in used memory where there is some.
    #[inline(always)]
    pub fn filled(input: Input, exchange: Arc<Exchange>, fill: impl FnOnce(&mut Parts)) -> Self {
        let mut boxed = spare::take();
        let inner = match &mut *boxed {
            Some(inner) => inner,
            none => spare::furnish(none),
        };
        fill(&mut inner.head);
        // Empty, but a drop would call a function to find out.
        std::mem::replace(&mut inner.input, input).discard();
        std::mem::forget(inner.exchange.replace(exchange));
        Self(Some(boxed))
    }

    #[inline(always)]
    fn shared(&self) -> &Arc<Exchange> {
        match &self.inner().exchange {
            Some(exchange) => exchange,
            None => gone(),
        }
    }

    #[inline(always)]
    fn inner(&self) -> &Inner {
        match self.0.as_deref() {
            Some(Some(inner)) => inner,
            _ => gone(),
        }
    }

    #[inline(always)]
    fn inner_mut(&mut self) -> &mut Inner {
        match self.0.as_deref_mut() {
            Some(Some(inner)) => inner,
            _ => gone(),
        }
    }

    /// The method, any token, its case kept.
    #[inline]
    pub fn method(&self) -> &Method {
        &self.inner().head.method
    }

    /// The target as http's type: the form in which it was sent, whatever is mounted.
    pub fn uri(&self) -> &Uri {
        &self.inner().head.uri
    }

    /// The target as text, exactly as the server's parser keeps it; mounting doesn't change it.
    pub fn target(&self) -> Cow<'_, str> {
        let kept = self.extra().and_then(|extra| extra.target.as_deref());
        kept.map_or_else(|| target_of(self.uri()), Cow::Borrowed)
    }

    /// The version of the protocol.
    #[inline]
    pub fn version(&self) -> Version {
        self.inner().head.version
    }

    /// The header fields: names in lower case, repeated fields apart and in order, values as bytes.
    #[inline]
    pub fn headers(&self) -> &HeaderMap {
        &self.inner().head.headers
    }

    /// The header fields, to be changed by middleware.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.inner_mut().head.headers
    }

    /// The first field of a name, if it is visible ASCII; bytes are in [`headers`](Self::headers).
    pub fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// Where the app is mounted: empty, or beginning with a slash; raw, as in the target.
    pub fn script_name(&self) -> &str {
        if let Some((script_name, _)) = self.inner().extra.as_ref().and_then(|extra| extra.split.as_ref()) {
            return script_name;
        }
        self.inner().head.uri.path().get(..usize::from(self.inner().script_end)).unwrap_or_default()
    }

    /// The rest of the path, for the app to route by; raw, as in the target. `*` for `OPTIONS *`, empty for CONNECT.
    pub fn path_info(&self) -> &str {
        if let Some((_, path_info)) = self.inner().extra.as_ref().and_then(|extra| extra.split.as_ref()) {
            return path_info;
        }
        self.inner().head.uri.path().get(usize::from(self.inner().script_end)..).unwrap_or_default()
    }

    /// The path info with its escapes decoded once, as bytes.
    pub fn path_info_decoded(&self) -> Cow<'_, [u8]> {
        path::decode(self.path_info())
    }

    /// The query, without its question mark; `None` if there is none, empty if there is only the mark.
    pub fn query(&self) -> Option<&str> {
        self.inner().head.uri.query()
    }

    /// Moves `prefix` from the path info to the script name, if the path info lies under it; compared segment by
    /// segment after decoding, so that `/%61dmin` lies under `/admin` and `/admin%2Fx` doesn't. Tells whether it does.
    /// Everything lies under the root, `/` or empty: also `*`, CONNECT, and the empty path info of a mount's own URL.
    pub fn mount(&mut self, prefix: &str) -> bool {
        if matches!(prefix, "" | "/") {
            return true;
        }
        let Some(length) = path::split_prefix(self.path_info(), prefix) else { return false };
        self.advance(length);
        true
    }

    /// Moves the first segment of the path info to the script name and gives it, raw (`wsgiref.util.shift_path_info`).
    pub fn shift_path_info(&mut self) -> Option<String> {
        let (segment, rest) = path::shift(self.path_info())?;
        let (segment, length) = (segment.to_owned(), self.path_info().len() - rest.len());
        self.advance(length);
        Some(segment)
    }

    fn advance(&mut self, length: usize) {
        if let Some((script_name, path_info)) =
            self.inner_mut().extra.as_mut().and_then(|extra| extra.split.as_mut())
        {
            let moved: String = path_info.drain(..length).collect();
            script_name.push_str(&moved);
        } else {
            // A target is shorter than 64 KiB: `http::Uri` sees to it.
            self.inner_mut().script_end += u16::try_from(length).unwrap_or(0);
        }
    }

    /// Sets script name and path info as values of their own, as a gateway gives them or a middleware rewrites them.
    pub fn set_split(&mut self, script_name: impl Into<String>, path_info: impl Into<String>) {
        self.extra_mut().split = Some((script_name.into(), path_info.into()));
    }

    /// Changes the method, as method-overriding middleware does.
    pub fn set_method(&mut self, method: Method) {
        self.inner_mut().head.method = method;
    }

    /// Keeps a target's exact text where `Uri` would lose some of it; for adapters.
    pub fn set_target(&mut self, target: impl Into<String>) {
        self.extra_mut().target = Some(target.into());
    }

    /// Adds the variables that a gateway sent, for [`var`](Self::var); for adapters. A list of names and values, or
    /// whatever an adapter keeps them in.
    pub fn set_gateway_vars(&mut self, vars: impl GatewayVars + 'static) {
        self.extra_mut().vars = Some(Box::new(vars));
    }

    /// The variables that a gateway sent, whole: what [`var`](Self::var) and [`vars`](Self::vars) answer otherwise is among
    /// them. `None` on a server that speaks to its clients itself. For bridges that make an environ of another kind.
    pub fn gateway_vars(&self) -> Option<&dyn GatewayVars> {
        self.extra()?.vars.as_deref()
    }

    fn extra(&self) -> Option<&Extra> {
        self.inner().extra.as_deref()
    }

    fn extra_mut(&mut self) -> &mut Extra {
        self.inner_mut().extra.get_or_insert_default()
    }

    /// The scheme by the last hop.
    pub fn scheme(&self) -> Scheme {
        self.shared().connection().scheme
    }

    /// The other end of the connection.
    pub fn peer(&self) -> &Endpoint {
        &self.shared().connection().peer
    }

    /// This end of the connection.
    pub fn local(&self) -> &Endpoint {
        &self.shared().connection().local
    }

    /// The facts of TLS; `None` in the clear.
    pub fn tls(&self) -> Option<&Tls> {
        self.shared().connection().tls.as_deref()
    }

    /// What the server says of itself: name, concurrency, capabilities.
    #[inline]
    pub fn server(&self) -> &Server {
        &self.shared().connection().server
    }

    /// The request's body, to be read.
    pub fn input_mut(&mut self) -> &mut Input {
        &mut self.inner_mut().input
    }

    /// What is known of the body's length.
    pub fn input_length(&self) -> InputLength {
        self.inner().input.length()
    }

    /// Takes the body out, leaving an empty one: to move it into a stream, or to put another in its place.
    pub fn take_input(&mut self) -> Input {
        std::mem::take(&mut self.inner_mut().input)
    }

    /// Puts a body in place of the request's.
    pub fn set_input(&mut self, input: Input) {
        self.inner_mut().input = input;
    }

    /// The error stream, which reaches the server's log (PEP 3333, `wsgi.errors`).
    pub fn errors(&self) -> ErrorStream {
        ErrorStream::new(Arc::clone(self.shared()))
    }

    /// The server's way to run work that blocks.
    pub fn offload(&self) -> &Offload {
        &self.server().offload
    }

    /// A token that tells that the client has gone.
    pub fn disconnect(&self) -> Disconnect {
        Disconnect::new(Arc::clone(self.shared()))
    }

    /// A token that tells that the server is going down.
    pub fn drain(&self) -> Drain {
        self.server().drain.clone()
    }

    /// Until when an answer is of use; `None` if nobody set it.
    pub fn deadline(&self) -> Option<Instant> {
        self.inner().extra.as_ref().and_then(|extra| extra.deadline)
    }

    /// Sets the deadline, as a server with a time limit or a middleware does. An earlier one stays.
    pub fn set_deadline(&mut self, deadline: Instant) {
        let extra = self.extra_mut();
        extra.deadline = Some(extra.deadline.map_or(deadline, |earlier| earlier.min(deadline)));
    }

    /// When the connection was accepted.
    pub fn accepted(&self) -> Instant {
        self.shared().connection().accepted
    }

    /// When the request's head was complete.
    pub fn arrived(&self) -> Instant {
        self.shared().arrived()
    }

    /// How long the request has waited since its head was complete: its time in the queue, if asked at once.
    pub fn queued(&self) -> Duration {
        self.arrived().elapsed()
    }

    /// The connection's number, and the request's on it: together they name a request in logs.
    pub fn request_id(&self) -> (u64, u64) {
        (self.shared().connection().id, self.shared().number())
    }

    /// Has `callback` told what became of the answer, exactly once, also after an error, a panic or a client that
    /// went away. Callbacks run in reverse order, all of them, on the adapter's thread: they must be quick.
    pub fn on_outcome(&self, callback: impl FnOnce(&Outcome) + Send + 'static) {
        self.shared().on_outcome(Box::new(callback));
    }

    /// Sends informational responses, such as 103.
    ///
    /// # Errors
    ///
    /// [`NotSupported`] where the server can't.
    pub fn informational(&self) -> Result<Informational, NotSupported> {
        let connection = self.shared().connection();
        let capability = Capabilities::INFORMATIONAL;
        match &connection.link {
            Some(link) if connection.server.capabilities.contains(capability) => {
                Ok(Informational::new(Arc::clone(self.shared()), Arc::clone(link), self.version()))
            }
            _ => Err(NotSupported::new(capability, "this server or protocol has no way to send one")),
        }
    }

    /// The client's offer to hand over the byte stream; `None` if it makes none.
    ///
    /// # Errors
    ///
    /// [`NotSupported`] where there is an offer but the server can't.
    pub fn upgrade(&self) -> Result<Option<Upgrade>, NotSupported> {
        let extended = self.get::<ConnectProtocol>();
        let offer = Upgrade::offered(self.method(), self.version(), self.headers(), extended);
        if offer.is_some() && !self.server().capabilities.contains(Capabilities::UPGRADE) {
            return Err(NotSupported::new(Capabilities::UPGRADE, "this server can't hand over its stream"));
        }
        Ok(offer)
    }

    /// Puts a value into the slot of its type and gives back the one that was there. Values need not be `Clone`.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) -> Option<T> {
        self.extra_mut().insert(value)
    }

    /// The value in the slot of a type.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.inner().extra.as_ref()?.get()
    }

    /// The value in the slot of a type, to be changed.
    pub fn get_mut<T: Send + Sync + 'static>(&mut self) -> Option<&mut T> {
        self.inner_mut().extra.as_mut()?.get_mut()
    }

    /// Takes the value out of the slot of a type.
    pub fn remove<T: Send + Sync + 'static>(&mut self) -> Option<T> {
        self.inner_mut().extra.as_mut()?.remove()
    }

    /// The shared part of this request; for adapters.
    #[inline]
    pub fn exchange(&self) -> &Arc<Exchange> {
        self.shared()
    }

    /// All fields of one name, in order.
    pub fn header_all(&self, name: impl AsHeaderName) -> impl Iterator<Item = &HeaderValue> {
        self.headers().get_all(name).into_iter()
    }
}

impl Drop for Environ {
    #[inline]
    fn drop(&mut self) {
        let Some(mut inner) = self.0.take() else { return };
        match inner.as_mut() {
            Some(Inner { extra: Some(extra), .. }) if extra.home.is_some() => Self(Some(inner)).come_home(),
            _ => spare::give(inner),
        }
    }
}

/// A target as text.
fn target_of(uri: &Uri) -> Cow<'_, str> {
    match uri.path_and_query() {
        Some(target) if uri.scheme().is_none() => Cow::Borrowed(target.as_str()),
        _ => Cow::Owned(uri.to_string()),
    }
}

/// An environ is whole until it is dropped: nothing takes its inner part but `into_inner` and `drop`, which own it.
#[cold]
fn gone() -> ! {
    unreachable!("an environ was used after it was taken apart")
}

impl std::fmt::Debug for Environ {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Environ")
            .field("method", self.method())
            .field("target", &self.target())
            .field("script_name", &self.script_name())
            .field("version", &self.version())
            .field("headers", self.headers())
            .finish_non_exhaustive()
    }
}
