//! A running server's controls: going down, and reading certificates again.
//!
//! Not here: what goes down (`server.rs`) and who is told how (`stage.rs`, core's `Drain`).
//!
//! Invariant: the time for the graceful end only ever gets shorter.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use rsgi_core::Drain;
use rsgi_core::server::{Config, Load, ServeError};

use crate::offload::{Backlog, Threads};
use crate::stage::{Stage, Stages};
use crate::tls::Security;

/// What the tasks of a server share with its handles.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) stages: Stages,
    pub(crate) drain: Drain,
    pub(crate) security: Arc<Security>,
    graceful: Option<Duration>,
    /// Until when the graceful end may take; `None` before it began, and where it has no limit.
    deadline: Mutex<Option<Instant>>,
    connections: AtomicU64,
    /// Blocking work that waits for a thread.
    blocking: OnceLock<Backlog>,
}

impl Control {
    pub(crate) fn new(security: Security, config: &Config) -> Arc<Self> {
        Arc::new(Self {
            stages: Stages::new(config.limits.running_requests),
            drain: Drain::new(),
            security: Arc::new(security),
            graceful: config.timeouts.graceful,
            deadline: Mutex::new(None),
            connections: AtomicU64::new(0),
            blocking: OnceLock::new(),
        })
    }

    /// The number of a new connection; separate servers of a process count apart.
    pub(crate) fn number(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Takes note of where blocking work waits.
    pub(crate) fn watch(&self, threads: &Threads) {
        // There is one pool for a server's life.
        let _known = self.blocking.set(threads.backlog());
    }

    /// What the server has to do at this moment.
    pub(crate) fn load(&self) -> Load {
        let mut load = Load::default();
        load.connections = self.stages.connections();
        load.running = self.stages.requests().running();
        load.waiting = self.blocking.get().map_or(0, Backlog::jobs);
        load.accepted = self.connections.load(Ordering::Relaxed);
        load
    }

    /// Begins the graceful end, or hurries it.
    pub(crate) fn shutdown(&self, limit: Option<Duration>) {
        self.end(Stage::Draining, limit);
    }

    /// Begins to leave, or hurries it.
    pub(crate) fn leave(&self, limit: Option<Duration>) {
        self.end(Stage::Leaving, limit);
    }

    fn end(&self, stage: Stage, limit: Option<Duration>) {
        if let Some(limit) = limit.or(self.graceful)
            && let Some(until) = Instant::now().checked_add(limit)
        {
            let mut deadline = self.deadline();
            *deadline = Some(deadline.map_or(until, |earlier| earlier.min(until)));
        }
        self.stages.advance(stage);
        self.drain.begin();
    }

    /// Waits for the order to leave or to go down and until every task has left; cuts them off when the time is over.
    pub(crate) async fn ended(&self) {
        self.stages.reached(Stage::Leaving).await;
        let mut empty = pin!(self.stages.empty());
        let mut sleep = pin!(tokio::time::sleep(Duration::MAX));
        let mut slept_for = None;
        std::future::poll_fn(|context| {
            if empty.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            // Behind the look at the stages: hurrying sets the deadline and then wakes whoever looks, so none is missed.
            let deadline = *self.deadline();
            if let Some(until) = deadline {
                if slept_for != deadline {
                    slept_for = deadline;
                    sleep.as_mut().reset(until.into());
                }
                if sleep.as_mut().poll(context).is_ready() && self.stages.stage() < Stage::Stopped {
                    self.stages.advance(Stage::Stopped);
                }
            }
            if self.stages.stage() == Stage::Stopped { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        // Anew: the future above may have ended already.
        self.stages.empty().await;
    }

    /// How much of the graceful end's time is left, if it has a limit.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.deadline().map(|until| until.saturating_duration_since(Instant::now()))
    }

    fn deadline(&self) -> MutexGuard<'_, Option<Instant>> {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle on a running server, for other threads and tasks.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) control: Arc<Control>,
}

impl Handle {
    /// Begins the graceful end: serves what the kernel had queued, stops accepting, finishes what is in flight, closes
    /// idle connections and tells the apps; what isn't done after `limit` (default: the setting `timeouts.graceful`) is
    /// cut off. Returns at once; a second call with a shorter limit hurries it.
    pub fn shutdown(&self, limit: Option<Duration>) {
        self.control.shutdown(limit);
    }

    /// Begins to leave a service that other processes go on with: accepts no more, keeps idle connections for one more
    /// answer, and ends with the last; what isn't over after `limit` (default: the setting `timeouts.graceful`) is cut
    /// off. Returns at once; a later [`shutdown`](Self::shutdown) hurries it.
    pub fn leave(&self, limit: Option<Duration>) {
        self.control.leave(limit);
    }

    /// What the server has to do at this moment.
    #[must_use]
    pub fn load(&self) -> Load {
        self.control.load()
    }

    /// Reads certificate, key and authorities from their files again, for new connections. Without TLS it does nothing.
    ///
    /// # Errors
    ///
    /// What is wrong with which file; the certificates stay what they were.
    pub fn reload(&self) -> Result<(), ServeError> {
        self.control.security.reload()
    }
}
