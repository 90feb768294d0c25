//! [`Pace`]: whether handlers are slow; while they are, whoever enters one first sees to it that somebody else polls.
//!
//! While they are quick nothing is done and nothing measured: one thread serves its whole batch, and the rare slow
//! handler is found out by the watchdog, half a tick later on the average. Waking a follower for each request would
//! cost twice the processor time.
//!
//! Invariant: a wrong guess costs time, never progress.
//! Read on in `watchdog.rs` (who finds a held-up leader) and `turns.rs` (who enters handlers).

use crate::hub::Hub;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Pace {
    slow: AtomicBool,
    /// How many handlers in a row were quick, while they count as slow.
    quick: AtomicU32,
}

impl Pace {
    /// Somebody was held up: handlers are slow from now on.
    pub(crate) fn slow_down(&self) {
        self.quick.store(0, Ordering::Relaxed);
        self.slow.store(true, Ordering::Relaxed);
    }

    /// A thread enters a handler; at which tick, if that matters.
    #[inline]
    pub(crate) fn begin(&self, hub: &Hub) -> Option<u64> {
        if !self.slow.load(Ordering::Relaxed) {
            return None;
        }
        if !hub.lead.is_led() {
            hub.promote();
        }
        Some(hub.counts.ticks.load(Ordering::Relaxed))
    }

    /// A thread comes out of the handler that it entered at a tick.
    #[inline]
    pub(crate) fn end(&self, hub: &Hub, begun: Option<u64>) {
        let Some(begun) = begun else { return };
        if hub.counts.ticks.load(Ordering::Relaxed) > begun + 1 {
            self.quick.store(0, Ordering::Relaxed);
        } else if self.quick.fetch_add(1, Ordering::Relaxed) >= QUICK {
            self.slow.store(false, Ordering::Relaxed);
        }
    }
}

/// So many quick handlers in a row, and they count as quick.
const QUICK: u32 = 32;
