//! [`Pace`]: whether jobs are slow; while they are, each that is handed over gets a thread at once.
//!
//! While they are quick one thread takes them one after the other, and the rare slow one is found out by the watchdog, a
//! tick later. Its ticks are no way to set a thread to work for every request: they add to each answer's time, and
//! cost more than the wakes do.
//!
//! Not here: the threads, and the watchdog that finds a job waiting (`offload.rs`).
//!
//! Invariant: a wrong guess costs time, never progress.

use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Pace {
    slow: bool,
    /// How many jobs in a row were quick, while they count as slow.
    quick: u32,
}

impl Pace {
    /// A job had to wait for others: they are slow from now on.
    pub(crate) fn slow_down(&mut self) {
        *self = Self { slow: true, quick: 0 };
    }

    /// A job is done that took so long.
    #[inline]
    pub(crate) fn end(&mut self, took: Duration) {
        if !self.slow {
            return;
        }
        self.quick = if took < SLOW { self.quick + 1 } else { 0 };
        self.slow = self.quick < QUICK;
    }

    /// Whether jobs are slow.
    #[inline]
    pub(crate) fn is_slow(&self) -> bool {
        self.slow
    }
}

/// A job that takes so long is slow: half the watchdog's tick, which is what it would wait for that on the average.
const SLOW: Duration = Duration::from_micros(500);

/// So many quick jobs in a row, and they count as quick.
const QUICK: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_count_as_slow_until_many_in_a_row_were_quick() {
        let mut pace = Pace::default();
        pace.end(SLOW);
        assert!(!pace.is_slow(), "only one that waits makes them slow");
        pace.slow_down();
        let all_but_one = |pace: &mut Pace| (1..QUICK).for_each(|_| pace.end(Duration::ZERO));
        all_but_one(&mut pace);
        pace.end(SLOW);
        all_but_one(&mut pace);
        assert!(pace.is_slow(), "a slow one in between");
        pace.end(Duration::ZERO);
        assert!(!pace.is_slow());
    }
}
