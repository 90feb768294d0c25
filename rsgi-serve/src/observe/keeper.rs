//! [`Keeper`]: the master's mind about the status process: started again when it ends, killed when it hangs, renewed at a reload, ended last.
//!
//! As the fleet it has no clock and makes no system call; the loop tells it what happened and does what it answers. The service never
//! depends on it: a status process that can't be kept up is tried again and again, at growing intervals, and that is all.

use std::time::Duration;

use crate::clock::Millis;

/// What is to be done for the status process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Start it: answered by `forked` or `fork_failed`.
    Fork,
    /// Tell it to end, by SIGTERM.
    End(u32),
    /// Kill it: it is silent, or doesn't end.
    Kill(u32),
}

/// Keeps the status process up.
#[derive(Debug)]
pub(crate) struct Keeper {
    life: Life,
    /// How often it ended soon after its start, one after the other.
    failures: u32,
    over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Started when the time has come.
    Down { at: Millis },
    /// A fork was asked for.
    Forking,
    Up {
        pid: u32,
        since: Millis,
        /// Its last sign of life that was looked at.
        beat: Millis,
    },
    /// To be told to end.
    Leaving { pid: u32 },
    /// Was told to end, and is killed when the time has come.
    Told { pid: u32, until: Millis },
    /// Was killed.
    Killed { pid: u32 },
}

impl Keeper {
    /// Of one that is to be started at once.
    pub(crate) fn new() -> Self {
        Self { life: Life::Down { at: Millis(0) }, failures: 0, over: false }
    }

    /// Of one that was taken over from the image before.
    pub(crate) fn adopted(pid: u32, now: Millis) -> Self {
        Self { life: Life::Up { pid, since: now, beat: now }, failures: 0, over: false }
    }

    /// Its process, while there is one.
    pub(crate) fn pid(&self) -> Option<u32> {
        match self.life {
            Life::Down { .. } | Life::Forking => None,
            Life::Up { pid, .. } | Life::Leaving { pid } | Life::Told { pid, .. } | Life::Killed { pid } => {
                Some(pid)
            }
        }
    }

    /// When [`due`](Self::due) has something to do at the latest, as far as that is known by the time alone.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        match self.life {
            Life::Down { at } if !self.over => Some(at),
            Life::Leaving { .. } => Some(Millis(0)),
            Life::Told { until, .. } => Some(until),
            Life::Up { beat, .. } => Some(beat.plus(SILENCE)),
            Life::Down { .. } | Life::Forking | Life::Killed { .. } => None,
        }
    }

    /// What is to be done now, one thing after the other until there is nothing; `beat` is its last sign of life in the page.
    pub(crate) fn due(&mut self, now: Millis, beat: Millis) -> Option<Task> {
        match self.life {
            Life::Down { at } if !self.over && now >= at => {
                self.life = Life::Forking;
                Some(Task::Fork)
            }
            Life::Leaving { pid } => {
                self.life = Life::Told { pid, until: now.plus(PATIENCE) };
                Some(Task::End(pid))
            }
            Life::Told { pid, until } if now >= until => Some(self.kill(pid)),
            Life::Up { pid, since, beat: before } => {
                // One of the future is nonsense.
                let beat = if beat > now { before } else { beat.max(before) };
                if now.since(beat) >= SILENCE {
                    return Some(self.kill(pid));
                }
                self.life = Life::Up { pid, since, beat };
                None
            }
            Life::Down { .. } | Life::Forking | Life::Told { .. } | Life::Killed { .. } => None,
        }
    }

    /// It runs.
    pub(crate) fn forked(&mut self, pid: u32, now: Millis) {
        self.life = if self.over { Life::Leaving { pid } } else { Life::Up { pid, since: now, beat: now } };
    }

    /// It couldn't be started.
    pub(crate) fn fork_failed(&mut self, now: Millis) {
        self.down(now);
    }

    /// A child was reaped; whether it was this one.
    pub(crate) fn exited(&mut self, pid: u32, now: Millis) -> bool {
        if self.pid() != Some(pid) {
            return false;
        }
        match self.life {
            Life::Told { .. } | Life::Leaving { .. } => {
                self.failures = 0;
                self.life = Life::Down { at: now };
            }
            Life::Up { since, .. } if now.since(since) >= STEADY => {
                self.failures = 0;
                self.down(now);
            }
            _ => self.down(now),
        }
        true
    }

    /// Replaces it, as the settings of now want it.
    pub(crate) fn renew(&mut self) {
        self.failures = 0;
        match self.life {
            Life::Up { pid, .. } => self.life = Life::Leaving { pid },
            Life::Down { .. } => self.life = Life::Down { at: Millis(0) },
            _ => {}
        }
    }

    /// Ends it, for good.
    pub(crate) fn end(&mut self) {
        self.over = true;
        if let Life::Up { pid, .. } = self.life {
            self.life = Life::Leaving { pid };
        }
    }

    fn kill(&mut self, pid: u32) -> Task {
        self.life = Life::Killed { pid };
        Task::Kill(pid)
    }

    fn down(&mut self, now: Millis) {
        let wait = match self.failures {
            0 => Duration::ZERO,
            failures => (FIRST_WAIT * 2_u32.saturating_pow((failures - 1).min(10))).min(LONGEST_WAIT),
        };
        self.failures = self.failures.saturating_add(1);
        self.life = Life::Down { at: now.plus(wait) };
    }
}

/// It beats every second.
const SILENCE: Duration = Duration::from_secs(30);
/// Who lived so long is started again at once.
const STEADY: Duration = Duration::from_secs(30);
/// From the order to end until it is killed.
const PATIENCE: Duration = Duration::from_secs(3);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;

    /// Everything it wants now.
    fn tasks(keeper: &mut Keeper, now: u64, beat: u64) -> Vec<Task> {
        std::iter::from_fn(|| keeper.due(Millis(now), Millis(beat))).collect()
    }

    fn up(at: u64) -> Keeper {
        let mut keeper = Keeper::new();
        assert_eq!(tasks(&mut keeper, at, 0), [Task::Fork]);
        keeper.forked(7, Millis(at));
        keeper
    }

    #[test]
    fn it_is_started_at_once_and_again_when_it_ends_at_growing_intervals() {
        let mut keeper = Keeper::new();
        let mut now = SECOND;
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert_eq!(tasks(&mut keeper, now, 0), [Task::Fork]);
            assert_eq!(tasks(&mut keeper, now, 0), []);
            keeper.forked(7, Millis(now));
            assert!(!keeper.exited(8, Millis(now)), "another child");
            assert!(keeper.exited(7, Millis(now)));
            let next = keeper.next_deadline().unwrap().0;
            waits.push((next - now) / SECOND);
            if next > now {
                assert_eq!(tasks(&mut keeper, next - 1, 0), []);
            }
            now = next;
        }
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn one_that_lived_long_is_started_again_at_once() {
        let mut keeper = up(0);
        keeper.exited(7, Millis(1));
        tasks(&mut keeper, 1, 0);
        keeper.forked(8, Millis(1));
        keeper.exited(8, Millis(40 * SECOND));
        assert_eq!(keeper.next_deadline(), Some(Millis(40 * SECOND)));
    }

    #[test]
    fn a_fork_that_fails_is_tried_again_later() {
        let mut keeper = Keeper::new();
        for wait in [0, 1, 2] {
            assert_eq!(tasks(&mut keeper, 100 * SECOND, 0), [Task::Fork]);
            keeper.fork_failed(Millis(100 * SECOND - wait * SECOND));
        }
        assert_eq!(tasks(&mut keeper, 100 * SECOND, 0), [Task::Fork]);
    }

    #[test]
    fn a_silent_one_is_killed_once_and_one_that_beats_is_not() {
        let mut keeper = up(SECOND);
        assert_eq!(tasks(&mut keeper, 29 * SECOND, 0), []);
        assert_eq!(tasks(&mut keeper, 31 * SECOND, 25 * SECOND), []);
        assert_eq!(keeper.next_deadline(), Some(Millis(55 * SECOND)));
        assert_eq!(tasks(&mut keeper, 55 * SECOND, 25 * SECOND), [Task::Kill(7)]);
        assert_eq!(tasks(&mut keeper, 99 * SECOND, 25 * SECOND), []);
        assert!(keeper.exited(7, Millis(99 * SECOND)));
        assert_eq!(tasks(&mut keeper, 99 * SECOND, 25 * SECOND), [Task::Fork]);
    }

    #[test]
    fn a_beat_of_the_future_keeps_nobody_alive() {
        let mut keeper = up(SECOND);
        assert_eq!(tasks(&mut keeper, 31 * SECOND, u64::MAX), [Task::Kill(7)]);
    }

    #[test]
    fn at_a_reload_it_is_told_to_end_and_started_anew() {
        let mut keeper = up(SECOND);
        keeper.renew();
        assert_eq!(tasks(&mut keeper, 2 * SECOND, 0), [Task::End(7)]);
        keeper.exited(7, Millis(2 * SECOND));
        assert_eq!(tasks(&mut keeper, 2 * SECOND, 0), [Task::Fork]);
    }

    #[test]
    fn at_the_end_it_is_told_to_end_then_killed_and_never_started_again() {
        let mut keeper = up(SECOND);
        keeper.end();
        assert_eq!(tasks(&mut keeper, 2 * SECOND, 0), [Task::End(7)]);
        assert_eq!(tasks(&mut keeper, 4 * SECOND, 0), []);
        assert_eq!(tasks(&mut keeper, 5 * SECOND, 0), [Task::Kill(7)]);
        keeper.exited(7, Millis(5 * SECOND));
        assert_eq!((tasks(&mut keeper, 99 * SECOND, 0), keeper.next_deadline()), (vec![], None));
    }
}
