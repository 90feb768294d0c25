//! [`Backoff`]: how long a respawn waits. 0, 1, 2, 4, 8, 16, 30, 30 … seconds.
//!
//! What dies in youth counts one more than what it was born at. So all workers dying at once count once, and come back at once;
//! when those die too they wait a second, and so on. A worker that stays up as long as the boot limit ends it.
//! There is no number of deaths after which the master gives up: at the first start it doesn't wait at all, and later those that
//! are well go on serving; how far it has come is shown ([`super::View`]).
//! Failing forks go by the same curve, but wait from the first time on.

use std::time::Duration;

use crate::clock::Millis;

/// The longest wait.
const LONGEST: u64 = 30;

/// A wait that grows.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    level: u32,
    /// Nothing is forked before.
    not_before: Millis,
}

impl Backoff {
    /// What is born now is born at this level.
    pub(super) fn level(&self) -> u32 {
        self.level
    }

    /// Whether a fork may be.
    pub(super) fn is_over(&self, now: Millis) -> bool {
        now >= self.not_before
    }

    /// When one may be, if not now.
    pub(super) fn deadline(&self, now: Millis) -> Option<Millis> {
        (!self.is_over(now)).then_some(self.not_before)
    }

    /// Something born at that level died. Says how long to wait if this is the first of its level.
    pub(super) fn failed(&mut self, born: u32, now: Millis) -> Option<Duration> {
        let level = born.saturating_add(1);
        if level <= self.level {
            return None;
        }
        self.level = level;
        let wait = curve(level);
        self.not_before = now.plus(wait);
        Some(wait)
    }

    /// A fork failed. Several of one turn are one.
    pub(super) fn fork_failed(&mut self, now: Millis) -> Option<Duration> {
        if !self.is_over(now) {
            return None;
        }
        self.failed(self.level.max(1), now)
    }

    /// All is well again.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// The wait at a level: none at first, then a second, doubled each time.
fn curve(level: u32) -> Duration {
    let seconds = match level {
        0 | 1 => 0,
        level => 1_u64.checked_shl(level - 2).unwrap_or(LONGEST).min(LONGEST),
    };
    Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_the_documented_one() {
        let waits: Vec<u64> = (1..10).map(|level| curve(level).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(curve(u32::MAX).as_secs(), LONGEST);
    }

    #[test]
    fn deaths_of_one_wave_count_once() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.failed(0, Millis(10)), Some(Duration::ZERO));
        assert_eq!(backoff.failed(0, Millis(10)), None);
        assert!(backoff.is_over(Millis(10)));
        assert_eq!(backoff.failed(1, Millis(20)), Some(Duration::from_secs(1)));
        assert_eq!(backoff.deadline(Millis(20)), Some(Millis(1020)));
        backoff.reset();
        assert!(backoff.is_over(Millis(20)));
    }

    #[test]
    fn failing_forks_wait_from_the_first_time_on() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.fork_failed(Millis(0)), Some(Duration::from_secs(1)));
        assert_eq!(backoff.fork_failed(Millis(0)), None);
        assert_eq!(backoff.fork_failed(Millis(1000)), Some(Duration::from_secs(2)));
    }
}
