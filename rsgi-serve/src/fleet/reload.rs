//! HUP: new workers with new settings, gated by their readiness.
//!
//! Settings are read again; if they are wrong, or an address of theirs can't be had, nothing changes. Then the new generation
//! comes in batches (see `balance.rs`): as many old workers leave as new ones are ready, so never fewer than the wanted number
//! are, nor more than a batch above it. The reload is *done* when all are new and ready. It is *undone* by a new worker that dies
//! or isn't ready within the boot limit: the new ones leave, the old settings are back in force, old workers that had left
//! already are forked again, and the backoff knows nothing of it.
//!
//! One HUP at a time: another one meanwhile, or before the first start is ready, or while a new binary is tried, is remembered,
//! and done afterwards with the settings of that moment; several are one. An old worker that still boots when the reload
//! begins serves nobody and ends. After WINCH a reload brings the workers back; if it is undone they are away again.

use super::Fleet;
use super::action::{Action, HookPoint, Listeners, Notice};
use super::asks::Asked;
use super::event::Sig;
use super::lines::{ChangeLine, Span, Workers};
use super::member::{Generation, Member};
use super::rules::Rules;
use super::stop::Phase;
use crate::clock::Millis;

/// Where a reload is.
#[derive(Debug)]
pub(super) enum Reload {
    /// The settings are being read.
    Reading(Asking),
    /// New listeners are being opened.
    Opening(Asking, Box<Rules>),
    /// Workers are being replaced.
    Rolling(Box<Rolling>),
}

/// A reload that hasn't touched a worker yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    began: Millis,
    /// Whether it is to bring back workers that were sent away.
    wakes: bool,
}

/// Workers being replaced by those of another generation.
#[derive(Debug)]
pub(super) struct Rolling {
    pub(super) began: Millis,
    /// The generation that all are to be of.
    pub(super) to: Generation,
    /// What was, and will be again if it fails.
    pub(super) before: Before,
    /// Whether this image has just taken over from another one.
    pub(super) takeover: bool,
}

/// What a reload replaces.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) rules: Rules,
    pub(super) wanted: usize,
    pub(super) away: bool,
}

impl Before {
    /// How many were to serve.
    pub(super) fn target(&self) -> usize {
        if self.away { 0 } else { self.wanted }
    }
}

impl Fleet {
    /// HUP.
    pub(super) fn hang_up(&mut self) {
        if self.is_stopping() {
            self.ignore(Sig::Hup, "the master is stopping");
        } else if self.can_reload() {
            self.begin_reload();
        } else if !self.again {
            self.again = true;
            self.log(ChangeLine::Remembered);
        }
    }

    /// Does the remembered one.
    pub(super) fn reload_again(&mut self) {
        if self.again && self.can_reload() {
            self.begin_reload();
        }
    }

    /// Whether one can begin now.
    pub(super) fn can_reload(&self) -> bool {
        matches!(self.phase, Phase::Running) && self.reload.is_none() && self.upgrade.is_settled()
    }

    fn begin_reload(&mut self) {
        self.again = false;
        self.leave_at = None;
        self.refuse_asks(|asked| matches!(asked, Asked::Drain { .. }), "a reload brings the workers back");
        self.asks.iter_mut().for_each(super::asks::Ask::promote);
        self.reload = Some(Reload::Reading(Asking { began: self.now(), wakes: self.away }));
        self.log(ChangeLine::HangUp);
        self.act(Action::Hook(HookPoint::Reload));
        self.act(Action::Notify(Notice::Reloading));
        self.act(Action::ReadSettings);
    }

    /// The settings are good.
    pub(super) fn settings_loaded(&mut self, rules: Box<Rules>, rebind: bool) {
        let Some(Reload::Reading(asking)) = self.reload else { return };
        self.newest = Generation(self.newest.0.saturating_add(1));
        if rebind {
            self.rebound = true;
            self.reload = Some(Reload::Opening(asking, rules));
            self.act(Action::OpenListeners { generation: self.newest });
        } else {
            self.roll(asking, *rules);
        }
    }

    /// The settings are wrong.
    pub(super) fn settings_broken(&mut self, reason: String) {
        if matches!(self.reload, Some(Reload::Reading(_))) {
            self.refuse_reload(reason);
        }
    }

    /// All addresses of the settings are open.
    pub(super) fn listeners_opened(&mut self) {
        match self.reload.take() {
            Some(Reload::Opening(asking, rules)) => self.roll(asking, *rules),
            other => self.reload = other,
        }
    }

    /// One isn't, and none is kept.
    pub(super) fn listeners_failed(&mut self, reason: String) {
        if matches!(self.reload, Some(Reload::Opening(..))) {
            self.refuse_reload(reason);
        }
    }

    fn refuse_reload(&mut self, reason: String) {
        self.reload = None;
        self.counters.reloads_refused += 1;
        self.act(Action::Settle { generation: self.generation });
        self.act(Action::Readiness(!self.away));
        self.act(Action::Notify(Notice::Ready));
        self.refuse_asks(|asked| matches!(asked, Asked::Reload), &reason);
        self.log(ChangeLine::Refused { reason });
    }

    fn roll(&mut self, asking: Asking, rules: Rules) {
        let wanted = rules.wanted(self.wanted).clamp(1, self.members.most());
        let before = Before {
            rules: std::mem::replace(&mut self.rules, rules),
            wanted: std::mem::replace(&mut self.wanted, wanted),
            away: self.away,
        };
        if before.wanted != before.rules.workers && before.wanted != wanted {
            self.log(ChangeLine::CountForgotten { had: before.wanted, now: wanted });
        }
        if before.target() != wanted {
            self.act(Action::Hook(HookPoint::WorkersChanged { from: before.target(), to: wanted }));
        }
        if asking.wakes {
            self.away = false;
        }
        self.log(ChangeLine::Rolling { workers: wanted, batch: self.rules.batch(wanted) });
        let to = self.newest;
        let rolling = Rolling { began: asking.began, to, before, takeover: false };
        self.reload = Some(Reload::Rolling(Box::new(rolling)));
    }

    /// Whether all is as it is to be, and nobody is on the way.
    pub(crate) fn is_settled(&self) -> bool {
        let target = self.target();
        let ready = self.members.count(Member::is_ready);
        self.can_reload() && target > 0 && ready == target && ready == self.members.count(Member::is_standing)
    }

    /// Replaces the workers by as many of the same settings, which share the sockets out anew.
    pub(super) fn share_out(&mut self) {
        if !self.is_settled() {
            return;
        }
        self.newest = Generation(self.newest.0.saturating_add(1));
        let before = Before { rules: self.rules.clone(), wanted: self.wanted, away: false };
        let rolling = Rolling { began: self.now(), to: self.newest, before, takeover: false };
        self.reload = Some(Reload::Rolling(Box::new(rolling)));
        self.log(ChangeLine::SharingOut);
        self.act(Action::Notify(Notice::Reloading));
    }

    /// Ends it when all are new and ready.
    pub(super) fn finish_reload(&mut self) {
        let Some(Reload::Rolling(rolling)) = &self.reload else { return };
        let (to, began, takeover) = (rolling.to, rolling.began, rolling.takeover);
        let ready = self.members.count(|member| member.is_ready() && member.generation == to);
        let old = |member: &Member| member.generation != to && (member.is_ready() || member.is_booting());
        if ready < self.target() || self.members.count(old) > 0 {
            return;
        }
        self.reload = None;
        self.generation = to;
        self.crashes.reset();
        self.members.iter_mut().for_each(|(_, member)| member.born = 0);
        self.act(Action::Settle { generation: to });
        self.act(Action::Readiness(!self.away));
        self.act(Action::Notify(Notice::Ready));
        let took = self.now().since(began);
        if takeover {
            self.counters.upgrades += 1;
            self.act(Action::ForgetOldImage);
            self.log(ChangeLine::Upgraded { workers: ready, took });
            return;
        }
        self.counters.reloads += 1;
        self.log(ChangeLine::Reloaded { workers: ready, took });
        let text = format!("reloaded: {} of generation {} ready in {}", Workers(ready), to.0, Span(took));
        self.finish_asks(|asked| matches!(asked, Asked::Reload), &text);
    }

    /// A new worker failed: back to what was.
    pub(super) fn reload_failed(&mut self, reason: String) {
        let Some(Reload::Rolling(rolling)) = self.reload.take() else { return };
        if rolling.takeover {
            self.roll_back(&rolling, reason);
            return;
        }
        self.counters.reloads_undone += 1;
        self.rules = rolling.before.rules;
        self.wanted = rolling.before.wanted;
        self.away = rolling.before.away;
        self.act(Action::Settle { generation: self.generation });
        self.act(Action::Readiness(!self.away));
        self.act(Action::Notify(Notice::Ready));
        self.refuse_asks(
            |asked| matches!(asked, Asked::Reload),
            &format!("undone: {reason}; the old workers stay"),
        );
        self.log(ChangeLine::Undone { reason });
    }

    /// Closes listeners that the settings in force don't name, once nobody else is left to serve them.
    pub(super) fn close_unused(&mut self) {
        let others = |member: &Member| member.generation != self.generation && !member.lost;
        let settled = self.reload.is_none() && self.upgrade.is_settled();
        if self.rebound && settled && self.members.count(others) == 0 {
            self.rebound = false;
            self.act(Action::CloseListeners(Listeners::Unused));
        }
    }
}
