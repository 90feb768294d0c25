//! [`OwnTime`]: the fleet's time, which stands still while the master itself doesn't run.
//!
//! A master that was stopped (SIGSTOP, a frozen container, a machine without a free processor) wakes up to clocks that seem to
//! have run out. It can't know whether its workers ran meanwhile, so nobody may be judged by that time. The fleet promises when
//! it looks next; what it comes later than that, beyond [`LATE`], is taken out of its time. Everything it keeps is in this time,
//! so every limit is moved at once and none can be forgotten.

use std::time::Duration;

use crate::clock::Millis;

/// What a busy machine may be late without it meaning anything.
const LATE: Duration = Duration::from_millis(500);

/// How many of the newest gaps are known one by one; what is older counts as before everything.
const GAPS: usize = 16;

/// The fleet's time.
#[derive(Debug, Default)]
pub(super) struct OwnTime {
    /// The newest time of the machine that was told.
    real: Millis,
    /// The same without what was slept through.
    now: Millis,
    /// What was slept through in all.
    lost: Duration,
    /// When: from the promised look to the real one, the oldest first.
    gaps: Vec<(Millis, Millis)>,
    /// When the fleet wanted to look next, in the machine's time.
    promised: Option<Millis>,
}

impl OwnTime {
    /// The time of this turn.
    pub(super) fn now(&self) -> Millis {
        self.now
    }

    /// A turn begins. Says how long the master was away, if it was.
    pub(super) fn wake(&mut self, real: Millis) -> Option<Duration> {
        self.real = self.real.max(real);
        let late = self.promised.map(|promised| (promised, self.real.since(promised)));
        let late = late.filter(|(_, late)| *late > LATE);
        if let Some((promised, late)) = late {
            if self.gaps.len() == GAPS {
                self.gaps.remove(0);
            }
            self.gaps.push((promised, self.real));
            self.lost += late;
        }
        self.now = self.own_of(self.real);
        late.map(|(_, late)| late)
    }

    /// A turn ends: this is when the fleet looks next.
    pub(super) fn promise(&mut self, deadline: Option<Millis>) {
        self.promised = deadline.map(|deadline| self.real_of(deadline));
    }

    /// What was promised, in the machine's time.
    pub(super) fn promised(&self) -> Option<Millis> {
        self.promised
    }

    /// The own time of something that happened at that time of the machine. All that happened in a gap happened at its one moment.
    pub(super) fn own_of(&self, real: Millis) -> Millis {
        let later = self.gaps.iter().map(|(from, to)| to.since(real.max(*from))).sum();
        Millis(real.0.saturating_sub(millis(self.lost.saturating_sub(later))))
    }

    /// The machine's time of an own time from now on.
    pub(super) fn real_of(&self, own: Millis) -> Millis {
        own.plus(self.lost)
    }
}

/// A duration as the number that [`Millis`] holds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_the_master_slept_through_is_not_its_own() {
        let mut time = OwnTime::default();
        assert_eq!(time.wake(Millis(10_000)), None);
        time.promise(Some(Millis(11_000)));
        assert_eq!(time.wake(Millis(11_300)), None, "a little late is on time");
        time.promise(Some(Millis(12_300)));
        assert_eq!(time.wake(Millis(3_612_300)), Some(Duration::from_hours(1)));
        assert_eq!(time.now(), Millis(12_300));
        assert_eq!(time.own_of(Millis(12_200)), Millis(12_200), "before the gap");
        assert_eq!(time.own_of(Millis(2_000_000)), Millis(12_300), "in it");
        time.promise(Some(Millis(13_300)));
        assert_eq!(time.promised(), Some(Millis(3_613_300)));
    }

    #[test]
    fn time_never_goes_back() {
        let mut time = OwnTime::default();
        time.wake(Millis(500));
        time.wake(Millis(400));
        assert_eq!(time.now(), Millis(500));
    }
}
