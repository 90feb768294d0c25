//! [`Marks`]: which threads are inside the app, and for how long, told without a clock.
//!
//! Each thread has a number of its own, which it alone writes: one more when it goes into the app and one more when it comes back,
//! so an odd one is inside. Whoever looks now and then, and finds the same odd number again, knows that the thread has been
//! inside the whole time. To a request that costs two stores to memory that no other thread writes.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The threads that were ever inside the app, as far as they live.
#[derive(Debug)]
pub(super) struct Marks {
    /// Tells these marks from others of the process, for the threads' sake.
    number: u64,
    threads: Mutex<Vec<Known>>,
}

/// A thread, and its mark at the last look.
#[derive(Debug)]
struct Known {
    mark: Weak<AtomicU64>,
    last: u64,
}

/// The calling thread inside the app, until it is dropped.
#[must_use = "the thread is inside for as long as this is kept"]
pub(super) struct Inside(Arc<AtomicU64>);

impl Marks {
    pub(super) fn new() -> Self {
        Self { number: NUMBERS.fetch_add(1, Ordering::Relaxed), threads: Mutex::default() }
    }

    /// The calling thread goes into the app.
    pub(super) fn enter(&self) -> Inside {
        let mark = MINE.with_borrow_mut(|mine| match mine {
            Some((number, mark)) if *number == self.number => Arc::clone(mark),
            _ => {
                let mark = self.enlist();
                *mine = Some((self.number, Arc::clone(&mark)));
                mark
            }
        });
        step(&mark);
        Inside(mark)
    }

    /// How many threads have been inside since the last look, without coming back.
    pub(super) fn stuck(&self) -> usize {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stuck = 0;
        threads.retain_mut(|known| {
            let Some(mark) = known.mark.upgrade() else { return false };
            let now = mark.load(Ordering::Relaxed);
            let before = std::mem::replace(&mut known.last, now);
            stuck += usize::from(now % 2 == 1 && now == before);
            true
        });
        stuck
    }

    #[cold]
    fn enlist(&self) -> Arc<AtomicU64> {
        let mark = Arc::new(AtomicU64::new(0));
        let known = Known { mark: Arc::downgrade(&mark), last: 0 };
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(known);
        mark
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        step(&self.0);
    }
}

/// Not one atomic step: nobody else writes it.
fn step(mark: &AtomicU64) {
    mark.store(mark.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

thread_local! {
    /// This thread's mark among those of a number.
    static MINE: RefCell<Option<(u64, Arc<AtomicU64>)>> = const { RefCell::new(None) };
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_is_stuck_that_was_inside_from_one_look_to_the_next() {
        let marks = Marks::new();
        assert_eq!(marks.stuck(), 0, "nobody was inside yet");
        let inside = marks.enter();
        assert_eq!(marks.stuck(), 0, "it may have come a moment ago");
        assert_eq!((marks.stuck(), marks.stuck()), (1, 1));
        drop(inside);
        assert_eq!(marks.stuck(), 0);
        let first = marks.enter();
        assert_eq!(marks.stuck(), 0);
        drop(first);
        let _second = marks.enter();
        assert_eq!(marks.stuck(), 0, "inside again, but it came back between");
        assert_eq!(marks.stuck(), 1);
    }

    #[test]
    fn each_thread_counts_for_itself_and_an_ended_one_not_at_all() {
        let marks = Marks::new();
        let (go, wait) = mpsc::channel::<()>();
        let (inside, is_inside) = mpsc::channel();
        thread::scope(|scope| {
            let marks = &marks;
            let other = scope.spawn(move || {
                let _inside = marks.enter();
                inside.send(()).unwrap();
                let _ = wait.recv();
            });
            is_inside.recv().unwrap();
            let _mine = marks.enter();
            assert_eq!((marks.stuck(), marks.stuck()), (0, 2));
            go.send(()).unwrap();
            other.join().unwrap();
        });
        assert_eq!(marks.stuck(), 0);
        assert_eq!(marks.threads.lock().unwrap().len(), 1, "this thread's");
    }
}
