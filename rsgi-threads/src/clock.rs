//! [`Clock`]: the time in whole numbers since the engine began, and a coarse "now" that costs one load.
//!
//! The coarse now is read from the system once per poll and once per tick, not per request.
//!
//! Invariant: it never goes backwards, and while the server is busy it is at most about four ticks old.
//! Read on in `timers.rs`.

use std::cell::Cell;
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

    /// The same; computed only if it isn't what was read last.
    #[inline]
    pub(crate) fn now_since(&self, last: &LastReading) -> Instant {
        let nanos = self.nanos.load(Ordering::Relaxed);
        match last.now.get() {
            Some((seen, at)) if seen == nanos => at,
            _ => {
                let at = self.start + Duration::from_nanos(nanos);
                last.now.set(Some((nanos, at)));
                at
            }
        }
    }

    /// The time as of the last refresh, in milliseconds.
    pub(crate) fn millis_now(&self) -> Millis {
        Millis(self.nanos.load(Ordering::Relaxed) / NANOS)
    }

    /// A deadline in milliseconds; computed only if it isn't what was asked for last.
    #[inline]
    pub(crate) fn millis_since(&self, deadline: Option<Instant>, last: &LastReading) -> Millis {
        let Some(at) = deadline else { return Millis::NEVER };
        match last.deadline.get() {
            Some((seen, millis)) if seen == at => millis,
            _ => {
                let millis = self.millis(deadline);
                last.deadline.set(Some((at, millis)));
                millis
            }
        }
    }

    /// A deadline in milliseconds, rounded up so that it never comes early.
    pub(crate) fn millis(&self, deadline: Option<Instant>) -> Millis {
        match deadline {
            Some(at) => {
                let since = at.saturating_duration_since(self.start);
                let rest = since.subsec_nanos().div_ceil(NANOS_OF_A_MILLI);
                Millis(since.as_secs().saturating_mul(1000).saturating_add(u64::from(rest)))
            }
            None => Millis::NEVER,
        }
    }
}

/// What a thread read last: it spares the arithmetic, which a request would do five times.
#[derive(Debug, Default)]
pub(crate) struct LastReading {
    now: Cell<Option<(u64, Instant)>>,
    deadline: Cell<Option<(Instant, Millis)>>,
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
const NANOS_OF_A_MILLI: u32 = 1_000_000;
