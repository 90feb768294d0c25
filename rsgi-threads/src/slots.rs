//! [`Slots`]: which places of the tables are free; its capacity is the connection limit.
//!
//! Last freed, first used: few blocks of the tables are made, and those stay in the caches.
//!
//! Invariant: a place is given out to one taker at a time. Generations are `control.rs`'s matter.
//! Read on in `accept.rs`, which takes, and `engine.rs`, which gives back.

use std::sync::PoisonError;

use crate::sync::Mutex;

#[derive(Debug)]
pub(crate) struct Slots {
    state: Mutex<State>,
    capacity: u32,
}

#[derive(Debug, Default)]
struct State {
    free: Vec<u32>,
    fresh: u32,
}

impl Slots {
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = u32::try_from(capacity).unwrap_or(u32::MAX);
        Self { state: Mutex::default(), capacity }
    }

    /// Takes a place; `None` at the limit.
    pub(crate) fn take(&self) -> Option<u32> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = state.free.pop() {
            return Some(index);
        }
        let index = state.fresh;
        (index < self.capacity).then(|| {
            state.fresh += 1;
            index
        })
    }

    /// Gives a place back.
    pub(crate) fn give(&self, index: u32) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).free.push(index);
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.fresh as usize - state.free.len()
    }
}
