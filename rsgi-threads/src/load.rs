//! [`Pending`]: counts the requests that are pending and hold no thread, so that a server can tell its load.
//!
//! A request that is answered at once is never counted here: while it runs, its thread is (by `busy.rs`), and then it is
//! over. So the count costs nothing where nothing waits.
//!
//! Invariant: a request is counted for as long as its stage lasts, whoever ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many requests are pending. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Pending(Arc<AtomicUsize>);

/// A pending request, counted until this is dropped.
#[derive(Debug)]
pub struct Parked(Pending);

impl Pending {
    /// Counts one more.
    #[must_use]
    #[inline]
    pub fn park(&self) -> Parked {
        self.0.fetch_add(1, Ordering::SeqCst);
        Parked(self.clone())
    }

    /// How many there are.
    #[inline]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Parked {
    #[inline]
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_parked_is_counted_until_dropped() {
        let pending = Pending::default();
        let (first, second) = (pending.park(), pending.park());
        assert_eq!(pending.count(), 2);
        drop(first);
        drop(second);
        assert_eq!(pending.count(), 0);
    }
}
