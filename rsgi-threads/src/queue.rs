//! [`Queue`]: entries that want a thread: the *ready* (something happened) and those due to *run* (all were busy).
//!
//! Any thread may serve the ready, only handler threads the due. A leader's batch goes through here too: whoever is
//! free takes the next one, so a held-up leader holds up nobody behind it.
//!
//! Invariants: first in, first out within each kind; the kinds take turns, so neither starves the other.
//! Read on in `lead.rs` and `worker.rs`.

use std::collections::VecDeque;
use std::sync::PoisonError;

use crate::control::Key;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard};

#[derive(Debug, Default)]
pub(crate) struct Queue {
    lines: Mutex<Lines>,
    ready: AtomicUsize,
    due: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lines {
    ready: VecDeque<Key>,
    due: VecDeque<Key>,
    ready_next: bool,
    taken: u64,
    since_poll: u32,
}

/// What a handler thread gets to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Serve this entry.
    Entry(Key),
    /// There is more, but so much was taken since the last poll that others may be waiting in the kernel.
    PollFirst,
    /// Nothing.
    None,
}

impl Queue {
    /// Adds one that is ready.
    pub(crate) fn push_ready(&self, key: Key) {
        let mut lines = self.lock();
        lines.ready.push_back(key);
        self.count(&lines);
    }

    /// Adds a batch of them, fresh from the poller.
    pub(crate) fn push_batch(&self, keys: &mut Vec<Key>) {
        let mut lines = self.lock();
        lines.since_poll = 0;
        lines.ready.extend(keys.drain(..));
        self.count(&lines);
    }

    /// Adds one that waits to be run.
    pub(crate) fn push_due(&self, key: Key) {
        let mut lines = self.lock();
        lines.due.push_back(key);
        self.count(&lines);
    }

    /// The next one for a handler thread.
    #[inline]
    pub(crate) fn take(&self) -> Work {
        let mut lines = self.lock();
        if lines.since_poll >= POLL_AFTER && !(lines.ready.is_empty() && lines.due.is_empty()) {
            lines.since_poll = 0;
            return Work::PollFirst;
        }
        let lines_ref = &mut *lines;
        let (first, second) = if lines_ref.ready_next {
            (&mut lines_ref.ready, &mut lines_ref.due)
        } else {
            (&mut lines_ref.due, &mut lines_ref.ready)
        };
        let Some(key) = first.pop_front().or_else(|| second.pop_front()) else { return Work::None };
        lines.ready_next = !lines.ready_next;
        lines.taken += 1;
        lines.since_poll += 1;
        self.count(&lines);
        Work::Entry(key)
    }

    /// The next one for the thread that may not run anything.
    pub(crate) fn take_ready(&self) -> Option<Key> {
        let mut lines = self.lock();
        let key = lines.ready.pop_front()?;
        lines.taken += 1;
        self.count(&lines);
        Some(key)
    }

    /// Tells whether somebody waits to be run.
    #[inline]
    pub(crate) fn has_due(&self) -> bool {
        self.due.load(Ordering::Relaxed) != 0
    }

    /// How many wait to be run.
    pub(crate) fn due(&self) -> usize {
        self.due.load(Ordering::Relaxed)
    }

    /// Tells whether somebody is ready.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed) != 0
    }

    /// Tells whether anybody waits for anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_ready() && !self.has_due()
    }

    /// How many were ever taken.
    pub(crate) fn taken(&self) -> u64 {
        self.lock().taken
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn count(&self, lines: &Lines) {
        self.ready.store(lines.ready.len(), Ordering::Relaxed);
        self.due.store(lines.due.len(), Ordering::Relaxed);
    }
}

/// After so many entries without a poll one is due, even if more are in line: twice a full batch.
const POLL_AFTER: u32 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(index: u32) -> Key {
        Key { index, generation: 0 }
    }

    #[test]
    fn the_two_lines_take_turns_and_each_keeps_its_order() {
        let queue = Queue::default();
        queue.push_batch(&mut vec![key(1), key(2), key(3)]);
        queue.push_due(key(11));
        queue.push_due(key(12));
        let mut order = Vec::new();
        while let Work::Entry(key) = queue.take() {
            order.push(key.index);
        }
        assert_eq!(order, [11, 1, 12, 2, 3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_line_that_never_empties_still_lets_the_poller_have_its_turn() {
        let queue = Queue::default();
        queue.push_due(key(1));
        let turns = (0..).take_while(|_| {
            let work = queue.take();
            queue.push_due(key(1));
            work != Work::PollFirst
        });
        assert_eq!(turns.count(), POLL_AFTER as usize);
    }
}
