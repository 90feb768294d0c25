//! [`Busy`]: which threads are inside a handler, and whether accepting was left to other processes because too many are.
//!
//! Each thread writes a mark of its own, on a line of the cache that nobody else writes; whoever wants the number adds
//! them up. What too many are is the protocol's to say ([`Protocol::has_room`](crate::Protocol::has_room)).
//!
//! Invariant: who finds no room says so (`held_back`) and looks once more; who leaves a handler takes its mark back and
//! then looks whether somebody said so. So one of the two sees the other, and a gate is never left shut beside a free
//! thread. Read on in `accept.rs`.

use crate::config::Accepting;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

#[derive(Debug)]
pub(crate) struct Busy {
    marks: Box<[Mark]>,
    enlisted: AtomicUsize,
    accepting: Accepting,
    held_back: AtomicBool,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Mark(AtomicBool);

impl Busy {
    pub(crate) fn new(threads: usize, accepting: Accepting) -> Self {
        Self {
            marks: (0..threads).map(|_| Mark::default()).collect(),
            enlisted: AtomicUsize::new(0),
            accepting,
            held_back: AtomicBool::new(false),
        }
    }

    /// Gives a handler thread its number.
    pub(crate) fn enlist(&self) -> usize {
        self.enlisted.fetch_add(1, Ordering::Relaxed)
    }

    /// A thread enters a handler.
    #[inline]
    pub(crate) fn begin(&self, number: usize) {
        if let Some(mark) = self.marks.get(number) {
            mark.0.store(true, Ordering::Relaxed);
        }
    }

    /// A thread has left its handler.
    #[inline]
    pub(crate) fn end(&self, number: usize) {
        if let Some(mark) = self.marks.get(number) {
            mark.0.store(false, Ordering::Relaxed);
        }
    }

    /// How many threads are inside a handler.
    pub(crate) fn running(&self) -> usize {
        self.marks.iter().filter(|mark| mark.0.load(Ordering::Relaxed)).count()
    }

    /// Whether all threads are inside a handler, if so many are.
    pub(crate) fn is_all(&self, running: usize) -> bool {
        running >= self.marks.len()
    }

    /// Tells whether accepting is to be left to others now, as there is no room; remembers it then.
    pub(crate) fn hold_back(&self, has_room: impl Fn() -> bool) -> bool {
        if self.accepting == Accepting::Always || has_room() {
            return false;
        }
        self.held_back.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        !has_room()
    }

    /// Tells, once, whether accepting was left to others and there is room again. Called by whoever has left a handler.
    #[inline]
    pub(crate) fn relents(&self, has_room: impl Fn() -> bool) -> bool {
        if self.accepting == Accepting::Always {
            return false;
        }
        fence(Ordering::SeqCst);
        self.held_back.load(Ordering::SeqCst) && has_room() && self.held_back.swap(false, Ordering::SeqCst)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_a_handler_finds_that_accepting_was_left_to_others() {
        let busy = Busy::new(2, Accepting::WhileFree);
        let (first, second) = (busy.enlist(), busy.enlist());
        let has_room = || !busy.is_all(busy.running());
        busy.begin(first);
        assert!(!busy.hold_back(has_room));
        busy.begin(second);
        assert!(busy.hold_back(has_room));
        assert!(!busy.relents(has_room), "there is no room yet");
        busy.end(first);
        assert!(busy.relents(has_room));
        assert!(!busy.relents(has_room), "it was said already");
    }

    #[test]
    fn who_always_accepts_never_holds_back() {
        let busy = Busy::new(1, Accepting::Always);
        busy.begin(busy.enlist());
        assert!(!busy.hold_back(|| false) && !busy.relents(|| true));
        assert_eq!(busy.running(), 1);
    }

    #[test]
    fn a_thread_that_is_no_handler_has_no_mark() {
        let busy = Busy::new(1, Accepting::Always);
        busy.begin(usize::MAX);
        assert_eq!(busy.running(), 0);
    }
}
