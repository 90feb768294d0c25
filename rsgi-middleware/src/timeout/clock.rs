//! A clock of a middleware's own: one thread that rings bells at their times.
//!
//! Not a runtime's timer, so that it works on servers that have none. The thread is started for the first bell and not at
//! boot, as a server may fork in between; it sleeps until the next bell's time, and ends with the clock. A bell that is
//! dropped doesn't ring.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::thread;
use std::time::Instant;

use rsgi_core::{Cause, Exchange};

/// Rings bells.
#[derive(Default)]
pub(super) struct Clock {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// The next bell is another, or there is to be an end.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bells: BTreeMap<Place, Arc<Mutex<Ring>>>,
    numbers: u64,
    thread: Thread,
    /// When the thread looks again by itself. With one limit for all requests the next bell is later than that, so that
    /// setting one wakes nobody.
    looks_at: Option<Instant>,
}

#[derive(Default, PartialEq, Eq)]
enum Thread {
    #[default]
    None,
    Runs,
    Ends,
}

/// When a bell rings, and which of those at the same time it is.
type Place = (Instant, u64);

/// What a bell does.
#[derive(Default)]
struct Ring {
    rang: bool,
    wakes: Option<Waker>,
    /// Whose token says that time is up: code that can't be woken looks there.
    tells: Option<Arc<Exchange>>,
}

/// A bell that rings once.
pub(super) struct Bell {
    shared: Weak<Shared>,
    place: Place,
    ring: Arc<Mutex<Ring>>,
}

impl Clock {
    /// Sets a bell to a time. It wakes who polls it, and tells an exchange that it timed out.
    pub(super) fn set(&self, at: Instant, tells: Option<Arc<Exchange>>) -> Bell {
        let ring = Arc::new(Mutex::new(Ring { tells, ..Ring::default() }));
        let mut state = lock(&self.shared.state);
        let place = (at, state.numbers);
        state.numbers += 1;
        let is_overslept = state.looks_at.is_none_or(|looks_at| at < looks_at);
        state.bells.insert(place, Arc::clone(&ring));
        if state.thread == Thread::None {
            let shared = Arc::clone(&self.shared);
            let started = thread::Builder::new().name("rsgi-timeout".into()).spawn(move || shared.run());
            match started {
                Ok(_) => state.thread = Thread::Runs,
                Err(error) => {
                    tracing::error!(target: "rsgi", %error, "no thread for the clock: nothing times out");
                }
            }
        } else if is_overslept {
            self.shared.changed.notify_one();
        }
        Bell { shared: Arc::downgrade(&self.shared), place, ring }
    }
}

#[cfg(test)]
impl Clock {
    /// Whether no bell was ever set.
    pub(super) fn is_at_rest(&self) -> bool {
        lock(&self.shared.state).thread == Thread::None
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        lock(&self.shared.state).thread = Thread::Ends;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn run(&self) {
        let mut state = lock(&self.state);
        while state.thread != Thread::Ends {
            let Some((&(at, _), _)) = state.bells.first_key_value() else {
                state.looks_at = None;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let bell = state.bells.pop_first();
                // A waker and a token may run anything.
                drop(state);
                if let Some((_, ring)) = bell {
                    ring_it(&ring);
                }
                state = lock(&self.state);
            } else {
                state.looks_at = Some(at);
                let waited = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
                state = waited.0;
            }
        }
    }
}

fn ring_it(ring: &Mutex<Ring>) {
    let (wakes, tells) = {
        let mut ring = lock(ring);
        ring.rang = true;
        (ring.wakes.take(), ring.tells.take())
    };
    if let Some(exchange) = tells {
        exchange.disconnect(Cause::TimedOut);
    }
    if let Some(waker) = wakes {
        waker.wake();
    }
}

impl Bell {
    /// Whether it rang; if not, `waker` is woken when it does.
    pub(super) fn poll(&self, waker: &Waker) -> bool {
        let mut ring = lock(&self.ring);
        if !ring.rang && !ring.wakes.as_ref().is_some_and(|known| known.will_wake(waker)) {
            ring.wakes = Some(waker.clone());
        }
        ring.rang
    }

    /// Whether it rang.
    pub(super) fn rang(&self) -> bool {
        lock(&self.ring).rang
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            lock(&shared.state).bells.remove(&self.place);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Wake;
    use std::time::Duration;

    use super::*;

    struct Tells(&'static str, mpsc::Sender<&'static str>);

    impl Wake for Tells {
        fn wake(self: Arc<Self>) {
            let _sent = self.1.send(self.0);
        }
    }

    #[test]
    fn bells_ring_in_the_order_of_their_times_and_dropped_ones_do_not() {
        let (clock, (teller, told)) = (Clock::default(), mpsc::channel());
        let now = Instant::now();
        let set = |name, millis| {
            let bell = clock.set(now + Duration::from_millis(millis), None);
            let waker = Arc::new(Tells(name, teller.clone())).into();
            // One whose time has come before it was asked says so itself.
            if bell.poll(&waker) {
                waker.wake();
            }
            bell
        };
        let _last = set("last", 30);
        let dropped = set("dropped", 20);
        let _first = set("first", 10);
        drop(dropped);
        assert_eq!([told.recv().unwrap(), told.recv().unwrap()], ["first", "last"]);
        assert!(lock(&clock.shared.state).bells.is_empty());
    }

    #[test]
    fn a_bell_that_is_set_later_for_an_earlier_time_rings_first() {
        let (clock, (teller, told)) = (Clock::default(), mpsc::channel());
        let now = Instant::now();
        let far = clock.set(now + Duration::from_hours(1), None);
        assert!(!far.rang());
        // The thread may sleep for an hour by now, or not have begun to.
        let bell = clock.set(now + Duration::from_millis(1), None);
        let waker = Arc::new(Tells("near", teller)).into();
        if !bell.poll(&waker) {
            assert_eq!(told.recv(), Ok("near"));
        }
        assert!(bell.rang() && !far.rang());
    }

    #[test]
    fn the_thread_ends_with_the_clock_and_is_started_by_the_first_bell() {
        let clock = Clock::default();
        assert!(clock.is_at_rest());
        let bell = clock.set(Instant::now() + Duration::from_hours(1), None);
        let shared = Arc::downgrade(&clock.shared);
        drop(clock);
        // The thread holds the last of it.
        while shared.strong_count() > 0 {
            thread::yield_now();
        }
        assert!(!bell.rang());
    }
}
