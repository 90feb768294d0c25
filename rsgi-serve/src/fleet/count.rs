//! How many: TTIN, TTOU, `scale`, WINCH and `drain`.
//!
//! Each TTIN or TTOU that the master sees changes the number by one. The kernel keeps one pending signal of a kind, so several
//! sent in a burst may be fewer when they are seen; `scale` has an answer and no such doubt. The number never falls below 1, nor
//! rises above what the page has room for with one place left to replace somebody. It holds until a reload, which goes back to
//! the settings' number and says so. It may change at any time: during a boot, a reload (the new workers are then so many), an
//! upgrade. After WINCH or `drain` none is wanted; TTIN brings one back, `scale` so many, a reload all.

use super::Fleet;
use super::action::{Action, HookPoint};
use super::event::Sig;
use super::lines::MasterLine;
use super::member::Member;
use super::reload::Reload;

impl Fleet {
    /// TTIN.
    pub(super) fn one_more(&mut self) {
        let (from, most) = (self.target(), self.members.most());
        if self.is_stopping() {
            self.ignore(Sig::Ttin, "the master is stopping");
        } else if from >= most {
            self.log(MasterLine::NoMore { most });
        } else {
            self.want(from + 1);
        }
    }

    /// TTOU.
    pub(super) fn one_less(&mut self) {
        if self.is_stopping() {
            self.ignore(Sig::Ttou, "the master is stopping");
            return;
        }
        match self.target() {
            0 => self.ignore(Sig::Ttou, "no worker is wanted"),
            1 => self.log(MasterLine::NoFewer),
            from => self.want(from - 1),
        }
    }

    /// WINCH.
    pub(super) fn winch(&mut self) {
        if self.is_stopping() {
            self.ignore(Sig::Winch, "the master is stopping");
        } else if !self.rules.daemon {
            self.ignore(Sig::Winch, "in the foreground it is only the terminal's size");
        } else if self.is_first_start() {
            self.ignore(Sig::Winch, "the first workers are not ready yet");
        } else if !self.away {
            self.go_away();
        }
    }

    /// As WINCH, after the drain delay, and in the foreground too.
    pub(super) fn drain(&mut self) {
        if self.away || self.leave_at.is_some() {
            return;
        }
        let delay = self.rules.drain_delay;
        if delay.is_zero() || self.members.count(Member::is_ready) == 0 {
            self.go_away();
            return;
        }
        self.log(MasterLine::Draining { time: delay });
        self.act(Action::Readiness(false));
        self.leave_at = Some(self.now().plus(delay));
    }

    /// Nobody is wanted any more.
    pub(super) fn go_away(&mut self) {
        self.leave_at = None;
        self.away = true;
        self.log(MasterLine::Away);
        self.act(Action::Readiness(false));
    }

    /// So many are wanted from now on.
    pub(super) fn want(&mut self, to: usize) {
        let from = self.target();
        let draining = self.leave_at.take().is_some();
        if let Some(Reload::Rolling(rolling)) = &mut self.reload {
            // If it is undone, the change stays.
            let before = rolling.before.wanted.saturating_add(to).saturating_sub(self.wanted);
            rolling.before.wanted = before.max(1);
        }
        if (self.away || draining) && !self.is_first_start() {
            self.act(Action::Readiness(true));
        }
        self.away = false;
        self.wanted = to;
        if from != to {
            self.log(MasterLine::Count { from, to });
            self.act(Action::Hook(HookPoint::WorkersChanged { from, to }));
        }
    }
}
