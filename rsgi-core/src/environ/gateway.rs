//! [`Gateway`]: what an environ knows beside a request's head, while the request is an `http::Request`.
//!
//! Made by [`Environ::into_request`](super::Environ::into_request), found among the request's extensions by whoever
//! thinks in http's types, and taken back by [`Environ::from_request`](super::Environ::from_request). One extension,
//! since each costs an allocation. Next: `convert.rs`.

use std::mem::replace;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::uri::PathAndQuery;

use super::extra::Extra;
use super::kept_target::KeptTarget;
use crate::connection::{Scheme, Server};
use crate::disconnect::{Disconnect, Drain};
use crate::endpoint::Endpoint;
use crate::error_stream::ErrorStream;
use crate::exchange::Exchange;
use crate::offload::Offload;
use crate::outcome::Outcome;
use crate::tls_facts::Tls;

/// What a server knows of a request beside its head, among the extensions of an `http::Request` that was an environ.
///
/// Clones share one request. What belongs to its environ alone (its slots, its mount) is gone once one of them was
/// turned back into an environ; what the connection knows stays.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::Request;
/// use rsgi_core::{Environ, Gateway};
///
/// let request = Environ::for_test(Request::get("/").body(())?).into_request();
/// let gateway = request.extensions().get::<Gateway>().ok_or("made of an environ")?;
/// assert_eq!(gateway.peer().to_string(), "unix:");
/// # Ok::<(), rsgi_core::Error>(())
/// ```
pub struct Gateway {
    exchange: Arc<Exchange>,
    held: Mutex<Held>,
}

/// Who else has what a gateway has; shared only from its first clone on, so that most requests allocate nothing for it.
enum Held {
    Alone(Rest),
    /// `None` once an environ was made of it again.
    Shared(Arc<Mutex<Option<Rest>>>),
}

/// What an environ has of its own.
pub(super) struct Rest {
    /// The target as it was.
    pub(super) target: KeptTarget,
    /// Path and query that the request was given in their place, where it is mounted.
    pub(super) inside: Option<PathAndQuery>,
    pub(super) script_end: u16,
    pub(super) extra: Option<Box<Extra>>,
}

impl Gateway {
    #[inline]
    pub(super) fn new(exchange: Arc<Exchange>, rest: Rest) -> Self {
        Self { exchange, held: Mutex::new(Held::Alone(rest)) }
    }

    /// All of it, for the first who asks.
    pub(super) fn take(self) -> Option<(Arc<Exchange>, Rest)> {
        let rest = match self.held.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Held::Alone(rest) => rest,
            Held::Shared(rest) => lock(&rest).take()?,
        };
        Some((self.exchange, rest))
    }

    /// Asks what is left of the environ.
    fn with_rest<T>(&self, ask: impl FnOnce(Option<&mut Rest>) -> T) -> T {
        match &mut *lock(&self.held) {
            Held::Alone(rest) => ask(Some(rest)),
            Held::Shared(rest) => ask(lock(rest).as_mut()),
        }
    }

    /// The other end of the connection.
    #[must_use]
    pub fn peer(&self) -> &Endpoint {
        &self.exchange.connection().peer
    }

    /// This end of the connection.
    #[must_use]
    pub fn local(&self) -> &Endpoint {
        &self.exchange.connection().local
    }

    /// The scheme by the last hop.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.exchange.connection().scheme
    }

    /// The facts of TLS; `None` in the clear.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.exchange.connection().tls.as_deref()
    }

    /// What the server says of itself; its trust policy resolves the client behind proxies
    /// ([`Trust::resolve`](crate::trust::Trust::resolve)).
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.exchange.connection().server
    }

    /// The server's way to run work that blocks.
    #[must_use]
    pub fn offload(&self) -> &Offload {
        &self.server().offload
    }

    /// The error stream, which reaches the server's log.
    #[must_use]
    pub fn errors(&self) -> ErrorStream {
        ErrorStream::new(Arc::clone(&self.exchange))
    }

    /// A token that tells that the client has gone.
    #[must_use]
    pub fn disconnect(&self) -> Disconnect {
        Disconnect::new(Arc::clone(&self.exchange))
    }

    /// A token that tells that the server is going down.
    #[must_use]
    pub fn drain(&self) -> Drain {
        self.server().drain.clone()
    }

    /// Has `callback` told what became of the answer: see [`Environ::on_outcome`](super::Environ::on_outcome).
    pub fn on_outcome(&self, callback: impl FnOnce(&Outcome) + Send + 'static) {
        self.exchange.on_outcome(Box::new(callback));
    }

    /// When the request's head was complete.
    #[must_use]
    pub fn arrived(&self) -> Instant {
        self.exchange.arrived()
    }

    /// The connection's number, and the request's on it: together they name a request in logs.
    #[must_use]
    pub fn request_id(&self) -> (u64, u64) {
        (self.exchange.connection().id, self.exchange.number())
    }

    /// Where the app is mounted: empty, or beginning with a slash; raw, as in the target.
    #[must_use]
    pub fn script_name(&self) -> String {
        self.with_rest(|rest| {
            let Some(rest) = rest else { return String::new() };
            match rest.extra.as_ref().and_then(|extra| extra.split.as_ref()) {
                Some((script_name, _)) => script_name.clone(),
                None => rest.target.path().get(..usize::from(rest.script_end)).unwrap_or_default().to_owned(),
            }
        })
    }

    /// The target as the client sent it, whatever is mounted; `None` once the request is an environ again.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        self.with_rest(|rest| {
            let rest = rest?;
            let kept = rest.extra.as_ref().and_then(|extra| extra.target.clone());
            Some(kept.unwrap_or_else(|| rest.target.text().into_owned()))
        })
    }

    /// A copy of the value in the environ's slot of a type, where a middleware left one.
    #[must_use]
    pub fn slot<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.with_rest(|rest| rest?.extra.as_ref()?.get().cloned())
    }

    /// Puts a value into the environ's slot of a type, for whoever turns the request back; tells whether it still can.
    pub fn set_slot<T: Send + Sync + 'static>(&self, value: T) -> bool {
        self.with_rest(|rest| {
            let Some(rest) = rest else { return false };
            rest.extra.get_or_insert_default().insert(value);
            true
        })
    }
}

impl Clone for Gateway {
    fn clone(&self) -> Self {
        let mut held = lock(&self.held);
        let shared = match &*held {
            Held::Shared(shared) => Arc::clone(shared),
            Held::Alone(_) => Arc::default(),
        };
        if let Held::Alone(rest) = replace(&mut *held, Held::Shared(Arc::clone(&shared))) {
            *lock(&shared) = Some(rest);
        }
        Self { exchange: Arc::clone(&self.exchange), held: Mutex::new(Held::Shared(shared)) }
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Gateway")
            .field("peer", self.peer())
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
