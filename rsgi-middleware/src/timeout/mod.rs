//! [`Timeout`]: an answer begins in time, or the client is told that it won't.
//!
//! Runs on any server: the clock is a thread of this middleware's own (`clock.rs`), started for the first request that has
//! to wait. What can be ended is ended: the future of an app that waits is dropped. What can't, code that blocks a thread,
//! is told by the tokens that it has anyway: the environ's deadline from the start, and its `disconnect` when time is up.
//!
//! Read `late.rs` for the call and `pause.rs` for the time between the pieces of a body.

mod clock;
mod late;
mod pause;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Capabilities, Environ, Error, Middleware, StartResponse, Started};

use clock::Clock;
use late::Late;

/// Bounds how long a request waits for its answer, and, where asked for, for each piece of it.
///
/// Time counts from when the request's head was complete, so that what it waited for a thread is part of it. The app
/// sees the end as [`Environ::deadline`]; one that somebody set earlier stays, and counts. Then
///
/// - an app that waits (async code, or a blocking app whose job is with the server's pool) is dropped and answered for
///   by 504. What runs in the pool goes on, and sees [`TimedOut`](rsgi_core::Cause::TimedOut) in its
///   [`disconnect`](Environ::disconnect) token;
/// - an app that blocks the server's own thread, as on a blocking server, can't be dropped: its token says `TimedOut`,
///   and when it gives up with an error the client gets the 504. If it answers all the same, its answer is sent, late.
///
/// A piece of a body that is late breaks the answer off visibly, as its head is out. A body that blocks goes on, and its
/// token says `TimedOut`; of a push body only the first piece is waited for so, as what it writes waits for the client too.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{app_fn, Environ, Stack, StartResponse};
/// use rsgi_middleware::Timeout;
/// use rsgi_test::Client;
///
/// let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
///     if environ.path_info() == "/never" {
///         std::future::pending::<()>().await;
///     }
///     Ok(start_response.status(StatusCode::OK).body("in time"))
/// });
/// let client = Client::new(Stack::new().then(Timeout::after(Duration::from_millis(5))).app(app));
/// assert_eq!(client.get("/").answer().text(), "in time");
/// assert_eq!(client.get("/never").answer().status(), 504);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Timeout {
    limit: Duration,
    pause: Option<Duration>,
    status: StatusCode,
}

impl Timeout {
    /// An answer is begun within `limit`.
    #[must_use]
    pub const fn after(limit: Duration) -> Self {
        Self { limit, pause: None, status: StatusCode::GATEWAY_TIMEOUT }
    }

    /// The longest pause before each piece of an answer's body. Default: none, as an event stream may be silent for long. A
    /// stream that was taken over by an upgrade has no such bound.
    #[must_use]
    pub const fn between_pieces(mut self, pause: Duration) -> Self {
        self.pause = Some(pause);
        self
    }

    /// The status of the answer in place of one that is late. Default: 504 (RFC 9110 section 15.6.5). With 503 a proxy or
    /// a crawler takes the server for overloaded, and comes again (section 15.6.4).
    ///
    /// # Panics
    ///
    /// If it is no status of a server error: a mistake in the program, found at boot.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        assert!(status.is_server_error(), "the status of a late answer must be a 5xx, not {status}");
        self.status = status;
        self
    }

    /// When the answer must have begun; nothing where the clock doesn't reach so far.
    fn deadline(&self, environ: &mut Environ) -> Option<Instant> {
        if let Some(deadline) = environ.arrived().checked_add(self.limit) {
            environ.set_deadline(deadline);
        }
        environ.deadline()
    }
}

/// 30 seconds, which is what Gunicorn gives a worker: longer than people wait.
impl Default for Timeout {
    fn default() -> Self {
        Self::after(Duration::from_secs(30))
    }
}

impl<A: App> Middleware<A> for Timeout {
    type App = TimeoutApp<A>;

    fn wrap(self, inner: A) -> TimeoutApp<A> {
        TimeoutApp { settings: self, clock: Arc::default(), inner }
    }
}

/// An app inside a [`Timeout`]. Its clock ends with it.
pub struct TimeoutApp<A> {
    settings: Timeout,
    clock: Arc<Clock>,
    inner: A,
}

impl<A: App> App for TimeoutApp<A> {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let exchange = Arc::clone(environ.exchange());
        let again = start_response.clone();
        let deadline = self.settings.deadline(&mut environ);
        let blocks = matches!(environ.offload(), rsgi_core::Offload::Inline);
        let late = Late::new(&self.clock, deadline, Arc::clone(&exchange), blocks);
        // Called by the first poll of that, since a call may block as well.
        let inner = async move { self.inner.call(environ, start_response).await };
        match late.or(inner).await {
            Some(Ok(started)) => Ok(pause::bound(started, self.settings.pause, &self.clock, &exchange)),
            Some(Err(error)) => Err(error),
            None => {
                let status = self.settings.status;
                tracing::warn!(target: "rsgi", limit = ?self.settings.limit, "the app is late: answered {}", status.as_u16());
                let head = again.start(status, [("content-type", "text/plain")])?;
                Ok(head.body(format!("{status}\n")))
            }
        }
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}

impl<A: fmt::Debug> fmt::Debug for TimeoutApp<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (settings, inner) = (&self.settings, &self.inner);
        formatter
            .debug_struct("TimeoutApp")
            .field("settings", settings)
            .field("inner", inner)
            .finish_non_exhaustive()
    }
}
