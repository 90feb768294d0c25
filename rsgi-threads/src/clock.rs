//! [`Clock`]: the time in whole numbers since the engine began, and a coarse "now" that costs one load.
//!
//! The coarse now is read from the system once per poll and once per tick, not per request.
//!
//! Invariant: it never goes backwards, and while the server is busy it is at most about a tick old.
//! Read on in `timers.rs`.

use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    nanos: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), nanos: AtomicU64::new(0) }
    }

    /// Reads the system's clock and remembers it for `now`.
    pub(crate) fn refresh(&self) -> Millis {
        let nanos = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_max(nanos, Ordering::Relaxed);
        Millis(nanos / NANOS)
    }

    /// The time as of the last refresh.
    pub(crate) fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    /// The time as of the last refresh, in milliseconds.
    pub(crate) fn millis_now(&self) -> Millis {
        Millis(self.nanos.load(Ordering::Relaxed) / NANOS)
    }

    /// A deadline in milliseconds, rounded up so that it never comes early.
    pub(crate) fn millis(&self, deadline: Option<Instant>) -> Millis {
        match deadline {
            Some(at) => {
                let nanos = at.saturating_duration_since(self.start).as_nanos();
                Millis(u64::try_from(nanos.div_ceil(u128::from(NANOS))).unwrap_or(u64::MAX))
            }
            None => Millis::NEVER,
        }
    }
}

/// Milliseconds since the engine began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Millis(pub(crate) u64);

impl Millis {
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// How long from `self` to `later`; `None` when that is never.
    pub(crate) fn until(self, later: Self) -> Option<Duration> {
        (later != Self::NEVER).then(|| Duration::from_millis(later.0.saturating_sub(self.0)))
    }

    pub(crate) fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }
}

const NANOS: u64 = 1_000_000;
