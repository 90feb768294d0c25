//! [`Elsewhere`]: the pool of an async server, for the tests of what must not block one.

use std::sync::atomic::{AtomicUsize, Ordering};

use rsgi_core::{Job, Pool};

/// Runs each job on a thread of its own, and counts them.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere(AtomicUsize);

impl Elsewhere {
    /// How many jobs there were.
    pub(crate) fn jobs(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Pool for Elsewhere {
    fn submit(&self, job: Job) {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::thread::spawn(move || {
            if let Some(waiting) = job.run() {
                waiting.wake();
            }
        });
    }
}
