//! [`Watch`]: the watchdog thread's alarm clock: it ticks while the server is busy and sleeps while it is idle.
//!
//! What the watchdog does when it is awake stands in `watchdog.rs`; this is how the others get it out of bed, cheaply.
//!
//! Invariant: either somebody is blocked in the poller or the watchdog ticks. Whoever leaves the poller clears the
//! `blocked` mark and then looks here; the watchdog says that it sleeps and then looks at the mark.
//! Read on in `hub.rs`.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::control::Key;
use crate::sync::atomic::{AtomicBool, Ordering, fence};
use crate::sync::{Condvar, Mutex};

#[derive(Debug, Default)]
pub(crate) struct Watch {
    sleeping: AtomicBool,
    dozing: AtomicBool,
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

    /// Waits a longer time, if `calm` still says so once it is known; tells whether no connection wants a tick.
    pub(crate) fn doze(&self, time: Duration, calm: impl Fn() -> bool) -> bool {
        let called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        self.dozing.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if !self.is_asked() && calm() {
            let _ = self.alarm.wait_timeout(called, time);
        }
        self.dozing.store(false, Ordering::SeqCst);
        !self.is_asked()
    }

    /// Sleeps until woken or it is time, if `idle` still says so once it is known that the watchdog sleeps.
    pub(crate) fn sleep(&self, until: impl Fn() -> Option<Instant>, idle: impl Fn() -> bool) {
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        *called = false;
        self.sleeping.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        while idle() && !*called {
            called = match until().map(|until| until.saturating_duration_since(Instant::now())) {
                None => self.alarm.wait(called).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => break,
                Some(left) => self.alarm.wait_timeout(called, left).unwrap_or_else(PoisonError::into_inner).0,
            };
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
        drop(asked);
        self.hurry();
    }

    /// Ends a doze.
    pub(crate) fn hurry(&self) {
        fence(Ordering::SeqCst);
        if self.dozing.load(Ordering::Relaxed) && self.dozing.swap(false, Ordering::SeqCst) {
            self.wake_slowly();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_a_tick_ends_a_doze_before_or_while_it_lasts() {
        let watch = Watch::default();
        let long = Duration::from_mins(10);
        std::thread::scope(|scope| {
            let dozing = scope.spawn(|| watch.doze(long, || true));
            while !watch.dozing.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            watch.ask(Key { index: 0, generation: 0 });
            assert!(!dozing.join().unwrap());
        });
        assert!(!watch.doze(long, || true), "one is asked for still");
        watch.take_asked(&mut Vec::new());
        assert!(watch.doze(long, || false), "something else came up");
        assert!(watch.doze(Duration::from_millis(1), || true));
    }
}
