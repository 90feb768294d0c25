//! [`Handle`]: ends an engine from outside and tells figures; [`Report`] is what comes of it in the end.
//!
//! It only gives orders; `drain.rs` carries them out.
//!
//! Invariant: an order once given is not taken back; of several the most pressing counts.
//! Read on in `drain.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::hub::{Hub, Phase};

/// Ends an engine from outside. Cheap to clone; may outlive the engine, and is useless then.
///
/// Not for use inside a signal handler, as it takes locks: have a thread wait for signals and call it.
#[derive(Clone)]
pub struct Handle {
    hub: Arc<Hub>,
}

impl Handle {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// Begins a graceful shutdown: what the kernel had queued is accepted and the listeners are closed, idle
    /// connections are closed, those in flight are finished. What is left after `timeout` is cut.
    ///
    /// Returns at once; [`Engine::serve`](crate::Engine::serve) returns when it is done. A second call can only bring
    /// the end nearer.
    pub fn graceful(&self, timeout: Duration) {
        self.hub.order(Phase::Draining, after(timeout));
    }

    /// Leaves a service that others go on with: nothing more is accepted from listeners that are
    /// [shared](crate::Listener::shared), of the others what the kernel had queued; connections are kept, and the engine
    /// ends with the last of them. Whatever a protocol does from then on it finds [`Turn::leaving`](crate::Turn::leaving),
    /// so that it ends each connection with its next answer. What is left after `timeout` is cut.
    ///
    /// Returns at once. A second call, of this or of [`graceful`](Self::graceful), can only bring the end nearer.
    pub fn leave(&self, timeout: Duration) {
        self.hub.order(Phase::Leaving, after(timeout));
    }

    /// Cuts every connection now.
    pub fn stop(&self) {
        self.hub.order(Phase::Draining, Instant::now());
    }

    /// Tells whether a shutdown has begun.
    pub fn draining(&self) -> bool {
        self.hub.phase() >= Phase::Draining
    }

    /// What the engine has been doing.
    pub fn figures(&self) -> Figures {
        self.hub.figures()
    }
}

fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    // A timeout beyond the clock's range is as good as a year.
    now.checked_add(timeout).unwrap_or(now + Duration::from_hours(24 * 365))
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("phase", &self.hub.phase()).finish_non_exhaustive()
    }
}

/// What an engine has been doing since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// How often the poller was asked.
    pub polls: u64,
    /// How often the watchdog woke.
    pub ticks: u64,
    /// How often a follower was woken to go on where others were held up.
    pub promotions: u64,
    /// How often a wait in the poller was ended from another thread.
    pub kicks: u64,
    /// How many connections were accepted.
    pub accepted: u64,
    /// How many connections there are now.
    pub connections: usize,
    /// How many threads are inside [`Protocol::run`](crate::Protocol::run) now.
    pub running: usize,
    /// How many connections wait for a thread that may run them now.
    pub waiting: usize,
}

/// How an engine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many connections were accepted in all.
    pub accepted: u64,
    /// How many connections had to be cut, as they were not finished in time.
    pub cut: usize,
    /// How many handler threads were still inside [`Protocol::run`](crate::Protocol::run) at the end.
    ///
    /// A thread can't be killed: these go on until their handlers return, and then end. They keep the protocol alive
    /// so long.
    pub busy_threads: usize,
}
