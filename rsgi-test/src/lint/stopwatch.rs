//! How long a thread was held up: the time that went by, without what the system made it wait for a processor.
//!
//! A crowded machine would else make every app a blocking one. Where the system doesn't tell (any but Linux), all the
//! time that went by counts.

use std::time::{Duration, Instant};

/// Runs from its making on, on one thread.
#[derive(Debug)]
pub(super) struct Stopwatch {
    since: Instant,
    queued: Duration,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { queued: queued(), since: Instant::now() }
    }

    /// The time so far; to be asked on the same thread.
    pub(super) fn held(&self) -> Duration {
        let passed = self.since.elapsed();
        passed.saturating_sub(queued().saturating_sub(self.queued))
    }
}

/// How long this thread has waited for a processor since it began: the second number of Linux's `schedstat`.
fn queued() -> Duration {
    let told = if cfg!(target_os = "linux") {
        std::fs::read_to_string("/proc/thread-self/schedstat").ok()
    } else {
        None
    };
    let nanos = told.as_deref().and_then(|told| told.split_whitespace().nth(1)?.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_for_another_is_held_up() {
        let (keep, other) = std::sync::mpsc::channel::<()>();
        let watch = Stopwatch::start();
        assert!(other.recv_timeout(Duration::from_millis(5)).is_err());
        assert!(watch.held() >= Duration::from_millis(4), "{watch:?}");
        drop(keep);
    }
}
