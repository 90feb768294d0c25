//! [`Watch`]: the watchdog thread's alarm clock: it ticks while the server is busy and sleeps while it is idle.
//!
//! What the watchdog does when it is awake stands in `watchdog.rs`; this is how the others get it out of bed, cheaply.
//!
//! Invariant: either somebody is blocked in the poller or the watchdog ticks. Whoever leaves the poller clears the
//! `blocked` mark and then looks here; the watchdog says that it sleeps and then looks at the mark.
//! Read on in `hub.rs`.

use std::sync::PoisonError;
use std::time::Duration;

use crate::control::Key;
use crate::sync::atomic::{AtomicBool, Ordering, fence};
use crate::sync::{Condvar, Mutex};

#[derive(Debug, Default)]
pub(crate) struct Watch {
    sleeping: AtomicBool,
    called: Mutex<bool>,
    alarm: Condvar,
    standing_in: AtomicBool,
    asked: Mutex<Vec<Key>>,
    any_asked: AtomicBool,
}

impl Watch {
    /// Gets the watchdog up if it sleeps; tells whether it did.
    #[inline]
    pub(crate) fn wake(&self) -> bool {
        fence(Ordering::SeqCst);
        self.sleeping.load(Ordering::Relaxed) && self.wake_slowly()
    }

    /// Waits one tick.
    pub(crate) fn tick(&self, tick: Duration) {
        let called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        // Woken early or not, it is a tick.
        let _ = self.alarm.wait_timeout(called, tick);
    }

    /// Sleeps until woken, if `idle` still says so once it is known that the watchdog sleeps.
    pub(crate) fn sleep(&self, idle: impl Fn() -> bool) {
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        *called = false;
        self.sleeping.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        while idle() && !*called {
            called = self.alarm.wait(called).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleeping.store(false, Ordering::SeqCst);
    }

    /// Notes whether the watchdog polls, as all others are busy.
    pub(crate) fn stand_in(&self, begins: bool) {
        self.standing_in.store(begins, Ordering::SeqCst);
    }

    /// Tells whether it is the watchdog that polls.
    pub(crate) fn stands_in(&self) -> bool {
        self.standing_in.load(Ordering::SeqCst)
    }

    /// Notes that a connection wants a tick.
    pub(crate) fn ask(&self, key: Key) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(key);
        self.any_asked.store(true, Ordering::SeqCst);
    }

    /// Tells whether a connection wants a tick.
    pub(crate) fn is_asked(&self) -> bool {
        self.any_asked.load(Ordering::SeqCst)
    }

    /// Hands over those that want a tick.
    pub(crate) fn take_asked(&self, keys: &mut Vec<Key>) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *asked, keys);
        self.any_asked.store(false, Ordering::SeqCst);
    }

    #[cold]
    fn wake_slowly(&self) -> bool {
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        *called = true;
        self.alarm.notify_one();
        true
    }
}
