//! The deadline has come: every clock judges. And when it comes next.
//!
//! Limits with a deadline of their own (boot, graceful, drain, probe) are kept to the millisecond; silence, wear and requests are
//! looked at once a second, or oftener where their clocks are short. Nothing is judged by any other event than a tick.

use super::Fleet;
use super::action::{Action, Notice};
use super::member::Member;
use super::stop::Phase;
use crate::clock::Millis;

impl Fleet {
    /// A tick.
    pub(super) fn due(&mut self) {
        if matches!(self.phase, Phase::Waiting) {
            return;
        }
        let now = self.now();
        self.end_drain();
        self.judge_boots();
        self.judge_going();
        self.judge_probe();
        if now >= self.next_check {
            self.next_check = now.plus(self.rules.check());
            self.judge_silence();
            self.judge_ages();
            self.judge_crashes();
            self.judge_asks();
        }
        self.show_life();
    }

    /// The service manager hears from us while workers serve, and while none should.
    fn show_life(&mut self) {
        let Some(period) = self.rules.watchdog else { return };
        let now = self.now();
        if now < self.next_watchdog {
            return;
        }
        self.next_watchdog = now.plus(period);
        let well = !matches!(self.phase, Phase::Running)
            || self.target() == 0
            || self.members.count(Member::is_ready) > 0;
        if well {
            self.act(Action::Notify(Notice::Watchdog));
        }
    }

    /// When the next tick is due, in the fleet's own time. Once a second at least, so that a master that was stopped knows it.
    pub(super) fn deadline(&self) -> Option<Millis> {
        if matches!(self.phase, Phase::Waiting | Phase::Over) {
            return None;
        }
        let now = self.now();
        [
            Some(self.next_check),
            self.rules.watchdog.map(|_| self.next_watchdog),
            self.drain_deadline(),
            self.boot_deadline(),
            self.going_deadline(),
            self.probe_deadline(),
            self.crashes.deadline(now),
            self.forks.deadline(now),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
