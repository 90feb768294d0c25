//! [`Site`]: what all connections of a server share.
//!
//! Invariant: nothing here changes while the server runs but its counts. Next: `conn/mod.rs`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use http::Response;
use rsgi_core::server::{Config, HalfClose, Limits, Timeouts};
use rsgi_core::{App, Environ, Outgoing, Server, respond};

use crate::codec::Bounds;

/// An app's answer in the making.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Response<Outgoing>> + Send>>;

/// What all connections of a server share.
pub(crate) struct Site {
    pub(crate) server: Arc<Server>,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) half_close: HalfClose,
    pub(crate) bounds: Bounds,
    call: Box<dyn Fn(Environ) -> Answering + Send + Sync>,
    running: AtomicUsize,
    waiting: AtomicUsize,
    requests: AtomicU64,
}

impl Site {
    /// A server's site, for an app, by settings that were checked.
    pub(crate) fn new<A: App>(config: &Config, server: Server, app: &Arc<A>) -> Self {
        let app = Arc::clone(app);
        let call = move |environ| -> Answering {
            let app = Arc::clone(&app);
            Box::pin(async move { respond(&*app, environ).await })
        };
        Self {
            server: Arc::new(server),
            limits: config.limits.clone(),
            timeouts: config.timeouts.clone(),
            half_close: config.half_close,
            bounds: Bounds::of(&config.limits),
            call: Box::new(call),
            running: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            requests: AtomicU64::new(1),
        }
    }

    /// Begins an app's answer.
    pub(crate) fn call(&self, environ: Environ) -> Answering {
        (self.call)(environ)
    }

    /// A number that no other connection has: each request is one to its app, as each may be another client's.
    pub(crate) fn number(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// How many requests are at work.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Counts a request at work.
    pub(crate) fn run(self: &Arc<Self>) -> Counted {
        self.running.fetch_add(1, Ordering::SeqCst);
        Counted(Arc::clone(self), |site| &site.running)
    }

    /// Counts a request that waits to be begun; `None` if as many as may do already.
    pub(crate) fn wait(self: &Arc<Self>) -> Option<Counted> {
        let before = self.waiting.fetch_add(1, Ordering::SeqCst);
        let counted = Counted(Arc::clone(self), |site| &site.waiting);
        (before < self.limits.pending_requests.unwrap_or(usize::MAX)).then_some(counted)
    }
}

#[cfg(feature = "threads")]
impl Site {
    /// How many requests are there and not begun.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }
}

/// A request that is counted until this is dropped.
pub(crate) struct Counted(Arc<Site>, fn(&Site) -> &AtomicUsize);

impl Drop for Counted {
    fn drop(&mut self) {
        (self.1)(&self.0).fetch_sub(1, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Site").field("server", &self.server.name).finish_non_exhaustive()
    }
}
