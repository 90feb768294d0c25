//! [`Timers`]: deadlines, coarse (a millisecond) and lazily checked.
//!
//! An entry's deadline is a number in its `Control`, and setting a later one, as every request does, touches nothing
//! else. The heap holds, for an entry, the time `armed` at which that number is looked at again. Not a general timer
//! service: one deadline an entry.
//!
//! Invariant: an entry with a deadline is in the heap at or before it. The setter stores the deadline and then reads
//! `armed`; the expirer clears `armed` and then reads the deadline; both sequentially consistent, so at least one sees
//! the other. Stale heap items (an earlier time was set later, a tenant has left) are dropped when they come up.
//! Read on in `hub.rs`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::PoisonError;

use crate::clock::Millis;
use crate::config::MAX_CONNECTIONS;
use crate::control::{Control, Key};
use crate::hub::LISTENERS;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(crate) struct Timers {
    heap: Mutex<BinaryHeap<Reverse<Item>>>,
    next: AtomicU64,
}

/// When to look at which entry, in one word, the time first: 40 bits of milliseconds are 34 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Item(u64);

impl Item {
    /// `config.rs` allows so few connections that the lower bits of their indexes and of the listeners' all differ.
    fn new(at: u64, index: u32) -> Self {
        debug_assert!(at <= LATEST);
        Self(at << INDEX_BITS | u64::from(index & INDEX))
    }

    fn at(self) -> u64 {
        self.0 >> INDEX_BITS
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower bits")]
    fn index(self) -> u32 {
        let index = self.0 as u32 & INDEX;
        if index < LISTENERS & INDEX { index } else { index | !INDEX }
    }
}

const INDEX_BITS: u32 = 24;
const INDEX: u32 = (1 << INDEX_BITS) - 1;
const _: () = assert!(MAX_CONNECTIONS < (LISTENERS & INDEX) as usize);
/// A deadline beyond it is looked at then, and again.
const LATEST: u64 = u64::MAX >> INDEX_BITS;

impl Timers {
    pub(crate) fn new() -> Self {
        Self { heap: Mutex::default(), next: AtomicU64::new(u64::MAX) }
    }

    /// When `expire` will have something to do.
    pub(crate) fn next(&self) -> Millis {
        Millis(self.next.load(Ordering::SeqCst))
    }

    /// Sets an entry's deadline; tells whether `next` has come nearer by it.
    #[inline]
    pub(crate) fn set(&self, control: &Control, index: u32, deadline: Millis) -> bool {
        control.deadline.store(deadline.0, Ordering::SeqCst);
        if control.armed.load(Ordering::SeqCst) <= deadline.0 {
            return false;
        }
        self.arm(control, index, deadline)
    }

    /// Collects the keys of waiting entries whose deadline has passed; they are `Queued` now.
    pub(crate) fn expire<'a>(
        &self,
        now: Millis,
        find: impl Fn(u32) -> Option<&'a Control>,
        expired: &mut Vec<Key>,
    ) {
        if self.next() > now {
            return;
        }
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(&Reverse(item)) = heap.peek()
            && item.at() <= now.0
        {
            let (at, index) = (item.at(), item.index());
            heap.pop();
            let Some(control) = find(index) else { continue };
            if control.armed.load(Ordering::SeqCst) != at {
                continue;
            }
            control.armed.store(u64::MAX, Ordering::SeqCst);
            let deadline = control.deadline.load(Ordering::SeqCst);
            if deadline <= now.0 {
                expired.extend(control.expire(index));
            } else if deadline != u64::MAX {
                let at = deadline.min(LATEST);
                control.armed.store(at, Ordering::SeqCst);
                heap.push(Reverse(Item::new(at, index)));
            }
        }
        self.remember_next(&heap);
    }

    #[cold]
    fn arm(&self, control: &Control, index: u32, deadline: Millis) -> bool {
        let mut heap = self.heap.lock().unwrap_or_else(PoisonError::into_inner);
        if control.armed.load(Ordering::SeqCst) <= deadline.0 {
            return false;
        }
        let at = deadline.0.min(LATEST);
        control.armed.store(at, Ordering::SeqCst);
        heap.push(Reverse(Item::new(at, index)));
        let nearer = deadline < self.next();
        self.remember_next(&heap);
        nearer
    }

    fn remember_next(&self, heap: &BinaryHeap<Reverse<Item>>) {
        let next = heap.peek().map_or(u64::MAX, |&Reverse(item)| item.at());
        self.next.store(next, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Rested;
    use crate::next::Interest;

    fn expired(timers: &Timers, control: &Control, now: u64) -> usize {
        let mut keys = Vec::new();
        timers.expire(Millis(now), |_| Some(control), &mut keys);
        keys.len()
    }

    fn waiting() -> Control {
        let control = Control::default();
        control.occupy();
        control.rest(Interest::READ);
        control
    }

    #[test]
    fn a_later_deadline_touches_no_heap_and_expires_when_it_says() {
        let (timers, control) = (Timers::new(), waiting());
        assert!(timers.set(&control, 0, Millis(10)));
        assert!(!timers.set(&control, 0, Millis(30)));
        assert_eq!(timers.next(), Millis(10));
        assert_eq!(expired(&timers, &control, 20), 0);
        assert_eq!(timers.next(), Millis(30));
        assert_eq!(expired(&timers, &control, 29), 0);
        assert_eq!(expired(&timers, &control, 30), 1);
        assert_eq!(timers.next(), Millis::NEVER);
    }

    #[test]
    fn the_latest_time_and_the_highest_index_fit_an_item_and_times_sort_first() {
        for index in [0, 15_999_999, LISTENERS, LISTENERS + 999] {
            let last = Item::new(LATEST, index);
            assert_eq!((last.at(), last.index()), (LATEST, index));
        }
        assert!(Item::new(7, 5) < Item::new(8, 4) && Item::new(7, 4) < Item::new(7, 5));
        let (timers, control) = (Timers::new(), waiting());
        assert!(timers.set(&control, 3, Millis(u64::MAX - 1)));
        assert_eq!(timers.next(), Millis(LATEST));
    }

    #[test]
    fn an_earlier_deadline_comes_first_and_its_older_item_is_dropped() {
        let (timers, control) = (Timers::new(), waiting());
        assert!(timers.set(&control, 0, Millis(50)));
        assert!(timers.set(&control, 0, Millis(5)));
        assert!(!timers.set(&control, 0, Millis::NEVER));
        assert_eq!(expired(&timers, &control, 5), 0);
        assert_eq!(expired(&timers, &control, 50), 0);
        assert_eq!(timers.next(), Millis::NEVER);
    }

    #[test]
    fn a_deadline_that_passes_before_its_entry_waits_is_not_lost() {
        let timers = Timers::new();
        let control = Control::default();
        control.occupy();
        timers.set(&control, 0, Millis(10));
        assert_eq!(expired(&timers, &control, 10), 0, "it is held");
        assert_eq!(control.rest(Interest::READ), Rested::Queue, "so it is told when it would wait");
    }

    #[test]
    fn an_entry_that_is_held_does_not_expire_but_can_be_armed_again() {
        let (timers, control) = (Timers::new(), Control::default());
        control.occupy();
        timers.set(&control, 0, Millis(5));
        assert_eq!(expired(&timers, &control, 9), 0);
        assert!(timers.set(&control, 0, Millis(12)));
        // It is told of the older deadline first, and finds that it was moved.
        assert_eq!(control.rest(Interest::READ), Rested::Queue);
        control.take(0).unwrap();
        assert_eq!(control.rest(Interest::READ), Rested::Waiting);
        assert_eq!(expired(&timers, &control, 12), 1);
    }
}
