//! The gate before app code: at most so many threads run it at once (`threads`), and so many wait (`pending_requests`).
//!
//! A permit is held for one poll, so that a future that waits holds none.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Lets a bounded number of threads in.
pub(crate) struct Gate {
    most: Option<usize>,
    most_waiting: Option<usize>,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    inside: usize,
    waiting: usize,
}

/// The right to run app code; given back by its drop.
pub(crate) struct Permit<'a>(&'a Gate);

impl Gate {
    pub(crate) fn new(most: Option<usize>, most_waiting: Option<usize>) -> Self {
        Self { most, most_waiting, state: Mutex::default(), freed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits to be let in.
    pub(crate) fn enter(&self) -> Permit<'_> {
        self.pass(self.state())
    }

    /// Waits to be let in, unless too many wait already.
    pub(crate) fn enter_first(&self) -> Option<Permit<'_>> {
        let state = self.state();
        let is_full = self.most.is_some_and(|most| state.inside >= most);
        if is_full && self.most_waiting.is_some_and(|most| state.waiting >= most) {
            return None;
        }
        Some(self.pass(state))
    }

    fn pass(&self, mut state: MutexGuard<'_, State>) -> Permit<'_> {
        state.waiting += 1;
        while self.most.is_some_and(|most| state.inside >= most) {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
        state.inside += 1;
        Permit(self)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state().inside -= 1;
        self.0.freed.notify_one();
    }
}
