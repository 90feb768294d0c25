//! Two tokens that async code awaits and blocking code polls: the client has gone, and the server is going down.
//!
//! Both are handles on state that the adapter changes; both stay valid after the request, for work that outlives
//! it. See `exchange.rs` and `connection.rs` for who changes them.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::exchange::Exchange;

/// Why a request's client no longer waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The client closed its side (FIN) while the app ran.
    Closed,
    /// The connection, or on a multiplexed protocol the stream, was reset.
    Reset,
    /// A time limit of the server ran out.
    TimedOut,
    /// The server ended the connection: its graceful time ran out, or it was told to stop at once.
    ServerStopped,
}

/// Tells that the client has gone, and why.
///
/// # Examples
///
/// ```
/// use rsgi_core::{Environ, Error, StartResponse, Started};
/// use rsgi_core::http::StatusCode;
///
/// fn long_job(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let client = environ.disconnect();
///     for _step in 0..1000 {
///         if let Some(cause) = client.cause() {
///             return Err(format!("gave up: {cause:?}").into());
///         }
///     }
///     Ok(start_response.status(StatusCode::OK).body("done"))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Disconnect {
    exchange: Arc<Exchange>,
}

impl Disconnect {
    pub(crate) fn new(exchange: Arc<Exchange>) -> Self {
        Self { exchange }
    }

    /// Why the client has gone; `None` while it is there, and after an answer that was delivered.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.exchange.cause()
    }

    /// Tells whether the client has gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.cause().is_some()
    }

    /// Waits until the client has gone. Never ends if the answer is delivered.
    ///
    /// Cancel safety: dropping the future loses nothing.
    pub fn gone(&self) -> impl Future<Output = Cause> + Send + use<> {
        Gone { exchange: Arc::clone(&self.exchange) }
    }
}

struct Gone {
    exchange: Arc<Exchange>,
}

impl Future for Gone {
    type Output = Cause;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Cause> {
        self.exchange.poll_cause(context)
    }
}

/// Wakers of those who wait for one event; each is woken once.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Vec<Waker>);

impl Waiters {
    pub(crate) fn register(&mut self, waker: &Waker) {
        if !self.0.iter().any(|known| known.will_wake(waker)) {
            self.0.push(waker.clone());
        }
    }

    pub(crate) fn take(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.0)
    }
}

#[derive(Debug, Default)]
struct DrainState {
    begun: AtomicBool,
    waiters: Mutex<Waiters>,
}

/// Tells that the server is going down, so that an event stream can end itself.
///
/// The adapter owns one for each server and begins it; apps get clones from
/// [`Environ::drain`](crate::Environ::drain).
#[derive(Debug, Clone, Default)]
pub struct Drain {
    state: Arc<DrainState>,
}

impl Drain {
    /// Makes a token that hasn't begun; for adapters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the drain and wakes whoever waits for it; for adapters. A second call does nothing.
    pub fn begin(&self) {
        self.state.begun.store(true, Ordering::Release);
        let waiters = self.state.waiters.lock().unwrap_or_else(PoisonError::into_inner).take();
        for waiter in waiters {
            waiter.wake();
        }
    }

    /// Tells whether the server is going down.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state.begun.load(Ordering::Acquire)
    }

    /// Waits until the server is going down.
    ///
    /// Cancel safety: dropping the future loses nothing.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + use<> {
        let drain = self.clone();
        std::future::poll_fn(move |context| {
            let mut waiters = drain.state.waiters.lock().unwrap_or_else(PoisonError::into_inner);
            if drain.has_begun() {
                return Poll::Ready(());
            }
            waiters.register(context.waker());
            Poll::Pending
        })
    }
}
