//! [`Lead`]: who polls (one thread at a time), and the followers, who sleep.
//!
//! The lead is held only for a poll and for putting its batch in the queue; serving the batch needs no lead, so a
//! thread that gets stuck in a handler never takes it along. Which follower to wake when is decided elsewhere
//! (`watchdog.rs`, `worker.rs`); here is only how.
//!
//! Invariants: whoever waits in the poller is marked `blocked` from before it last looked at the queue, so a producer
//! that fills the queue and then looks at the mark either is seen or kicks. A follower likewise looks at the queue
//! after it has put its name on the list. Last to sleep, first to wake: unused threads stay cold.
//! Read on in `hub.rs`.

use std::sync::{Arc, PoisonError, TryLockError};

use crate::poller::Batch;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use crate::sync::thread::{self, Thread};
use crate::sync::{Mutex, MutexGuard};

#[derive(Debug, Default)]
pub(crate) struct Lead {
    seat: Mutex<Batch>,
    led: AtomicBool,
    blocked: AtomicBool,
    sleepers: Mutex<Vec<Arc<Berth>>>,
    asleep: AtomicUsize,
}

/// The right to poll, with the leader's buffer.
#[derive(Debug)]
pub(crate) struct Seat<'a> {
    pub(crate) batch: MutexGuard<'a, Batch>,
    lead: &'a Lead,
}

/// Where one thread sleeps.
#[derive(Debug)]
pub(crate) struct Berth {
    thread: Thread,
    called: AtomicBool,
}

impl Lead {
    /// Takes the lead, if nobody has it.
    pub(crate) fn take(&self) -> Option<Seat<'_>> {
        let batch = match self.seat.try_lock() {
            Ok(batch) => batch,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        self.led.store(true, Ordering::SeqCst);
        Some(Seat { batch, lead: self })
    }

    /// Tells whether somebody polls, or is about to serve what came of it.
    pub(crate) fn is_led(&self) -> bool {
        self.led.load(Ordering::SeqCst)
    }

    /// Tells whether somebody waits in the poller.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::SeqCst)
    }

    /// Marks the leader as waiting; look at the queue once more after this.
    pub(crate) fn block(&self) {
        self.blocked.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Takes the mark back; tells whether it was still there. The one who took it has the duty to kick.
    pub(crate) fn unblock(&self) -> bool {
        fence(Ordering::SeqCst);
        self.blocked.load(Ordering::Relaxed) && self.blocked.swap(false, Ordering::SeqCst)
    }

    /// How many followers sleep.
    pub(crate) fn asleep(&self) -> usize {
        self.asleep.load(Ordering::SeqCst)
    }

    /// Sleeps until called, unless `stay_up` says, once the name is on the list, that there is something to do.
    pub(crate) fn sleep(&self, berth: &Arc<Berth>, stay_up: impl Fn() -> bool) {
        {
            let mut sleepers = self.sleepers();
            berth.called.store(false, Ordering::Relaxed);
            sleepers.push(Arc::clone(berth));
            self.asleep.store(sleepers.len(), Ordering::SeqCst);
        }
        fence(Ordering::SeqCst);
        if stay_up() {
            let mut sleepers = self.sleepers();
            if let Some(at) = sleepers.iter().position(|other| Arc::ptr_eq(other, berth)) {
                sleepers.remove(at);
                self.asleep.store(sleepers.len(), Ordering::SeqCst);
                return;
            }
            // Called already; that call is answered below.
        }
        while !berth.called.load(Ordering::Acquire) {
            thread::park();
        }
    }

    /// Wakes the follower that fell asleep last; tells whether there was one.
    pub(crate) fn wake_one(&self) -> bool {
        if self.asleep() == 0 {
            return false;
        }
        let mut sleepers = self.sleepers();
        let Some(berth) = sleepers.pop() else { return false };
        self.asleep.store(sleepers.len(), Ordering::SeqCst);
        drop(sleepers);
        berth.call();
        true
    }

    /// Wakes them all.
    pub(crate) fn wake_all(&self) {
        while self.wake_one() {}
    }

    fn sleepers(&self) -> MutexGuard<'_, Vec<Arc<Berth>>> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.lead.led.store(false, Ordering::SeqCst);
    }
}

impl Berth {
    /// The calling thread's.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { thread: thread::current(), called: AtomicBool::new(false) })
    }

    fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
