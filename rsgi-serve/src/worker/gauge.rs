//! [`Gauge`]: whether the threads of a worker get on, and what its slot of the page is told.
//!
//! A thread that polls the app is held by it. When all of them are held, and none came back since the last look, nobody reads
//! a socket any more: the worker is silent, though its heart's own thread runs. An app that waits without holding a thread
//! (`.await`) is never counted, however many of its requests are slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::log::statsd::Statsd;
use crate::page::Slot;

/// What the requests of a worker are counted with.
#[derive(Debug)]
pub(crate) struct Gauge {
    pub(super) slot: Slot<'static>,
    pub(super) statsd: Option<Arc<Statsd>>,
    /// The limit of one request; zero is none.
    pub(super) request_limit: Duration,
    /// The same where the server can drop a request that is over it; the master ends the worker elsewhere.
    pub(super) drop_after: Option<Duration>,
    /// Where the app is mounted, or empty.
    pub(super) root: String,
    /// Threads inside the app.
    held: AtomicUsize,
    /// How often one came back.
    returns: AtomicU64,
}

/// A thread inside the app, until it is dropped.
pub(super) struct Held<'a>(&'a Gauge);

impl Gauge {
    pub(crate) fn new(
        slot: Slot<'static>,
        statsd: Option<Arc<Statsd>>,
        request_limit: Duration,
        root: String,
    ) -> Self {
        let (held, returns) = (AtomicUsize::new(0), AtomicU64::new(0));
        Self { slot, statsd, request_limit, drop_after: None, root, held, returns }
    }

    /// Has requests dropped that come over the limit, if there is one.
    pub(super) fn dropping(mut self) -> Self {
        self.drop_after = Some(self.request_limit).filter(|limit| !limit.is_zero());
        self
    }

    /// A thread goes into the app.
    pub(super) fn enter(&self) -> Held<'_> {
        self.held.fetch_add(1, Ordering::Relaxed);
        Held(self)
    }

    /// Whether one of so many threads is free, or came back since `last`, which is kept for the next look.
    pub(super) fn gets_on(&self, threads: usize, last: &mut u64) -> bool {
        let returns = self.returns.load(Ordering::Relaxed);
        let moved = std::mem::replace(last, returns) != returns;
        moved || self.held.load(Ordering::Relaxed) < threads
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
        self.0.returns.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;
    use crate::clock::Millis;
    use crate::fleet::SlotId;
    use crate::page::Page;

    #[test]
    fn a_worker_whose_every_thread_is_held_does_not_get_on() {
        let page = Page::create(1, getpid(), Millis(0)).unwrap().keep();
        let gauge = Gauge::new(page.slot(SlotId(0)).unwrap(), None, Duration::ZERO, String::new());
        let mut last = 0;
        assert!(gauge.gets_on(1, &mut last), "idle");
        let held = gauge.enter();
        assert!(!gauge.gets_on(1, &mut last), "held");
        assert!(gauge.gets_on(2, &mut last), "another thread is free");
        drop(held);
        let _again = gauge.enter();
        assert!(gauge.gets_on(1, &mut last), "held again, but it came back between");
        assert!(!gauge.gets_on(1, &mut last), "and now it doesn't");
    }
}
