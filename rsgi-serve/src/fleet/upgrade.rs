//! USR2: another binary, with the same PID or as a second master.
//!
//! *Same PID.* The new binary runs as a child on the inherited listeners and boots a worker (the probe). If that fails, or isn't
//! ready within the boot limit, nothing has happened. If it is ready the master becomes it by exec, and what the fleet knows goes
//! along as a [`Legacy`](super::Legacy); `takeover.rs` is the other side. TERM ends the probe; HUP is remembered until it is
//! decided. One upgrade at a time, and none during a reload: refused with a warning.
//!
//! *Two masters.* The second one is started beside this one and the rest is the operator's: WINCH then TERM to the old one, or
//! TERM to the new one and HUP to the old. No further one while either has the other.

use super::Fleet;
use super::action::{Action, Answer, HookPoint, Notice};
use super::asks::Asked;
use super::event::ReplyId;
use super::lines::{ChangeLine, Span};
use super::stop::Phase;
use crate::clock::Millis;
use crate::settings::UpgradeMode;

/// Where an upgrade is.
#[derive(Debug)]
pub(super) enum Upgrade {
    /// Nowhere.
    Idle,
    /// The new binary is tried.
    Probing { began: Millis },
    /// The master is becoming another image. Nothing is begun until that has failed.
    Executing {
        /// The old one, as the new one's workers failed.
        back: bool,
    },
    /// A second master serves beside this one.
    Successor { pid: Option<u32> },
    /// This is the second master, and the first still runs.
    Follower,
}

impl Upgrade {
    /// Whether this image is to stay, as far as is known.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(self, Self::Probing { .. } | Self::Executing { .. })
    }
}

impl Fleet {
    /// USR2. Says why not.
    pub(super) fn begin_upgrade(&mut self) -> Result<(), &'static str> {
        match (&self.upgrade, &self.phase) {
            (Upgrade::Probing { .. } | Upgrade::Executing { .. }, _) => return Err("one is in progress"),
            (Upgrade::Successor { .. }, _) => return Err("a second master runs already"),
            (Upgrade::Follower, _) => return Err("the master that started this one still runs"),
            (Upgrade::Idle, Phase::Running) => {}
            (Upgrade::Idle, Phase::Waiting | Phase::Starting { .. }) => {
                return Err("the first workers are not ready yet");
            }
            (Upgrade::Idle, _) => return Err("the master is stopping"),
        }
        if self.reload.is_some() {
            return Err("workers are being replaced");
        }
        self.log(ChangeLine::UpgradeBegun);
        self.act(Action::Hook(HookPoint::PreExec));
        match self.rules.upgrade {
            UpgradeMode::InPlace => {
                self.upgrade = Upgrade::Probing { began: self.now() };
                self.act(Action::StartUpgradeProbe);
            }
            UpgradeMode::TwoMasters => {
                self.upgrade = Upgrade::Successor { pid: None };
                self.act(Action::StartSuccessor);
            }
        }
        Ok(())
    }

    /// As USR2, with an answer.
    pub(super) fn upgrade_command(&mut self, reply: ReplyId) {
        match self.begin_upgrade() {
            Ok(()) => self.ask(reply, Asked::Upgrade),
            Err(why) => self.act(Action::Reply { to: reply, answer: Answer::Refused(why.to_owned()) }),
        }
    }

    /// The probe's worker is ready.
    pub(super) fn binary_ready(&mut self) {
        let Upgrade::Probing { began } = self.upgrade else { return };
        let took = self.now().since(began);
        self.upgrade = Upgrade::Executing { back: false };
        self.log(ChangeLine::TakingOver { took });
        let text = format!("the new binary is ready after {} and takes over", Span(took));
        self.finish_asks(|asked| matches!(asked, Asked::Upgrade), &text);
        self.refuse_asks(|_| true, "the new binary takes over: ask it");
        self.act(Action::Notify(Notice::Reloading));
        let legacy = self.bequeath(None);
        self.act(Action::Exec(Box::new(legacy)));
    }

    /// The probe failed.
    pub(super) fn binary_failed(&mut self, reason: String) {
        if matches!(self.upgrade, Upgrade::Probing { .. }) {
            self.upgrade_failed(reason);
        }
    }

    /// The probe took too long.
    pub(super) fn judge_probe(&mut self) {
        if self.probe_deadline().is_some_and(|until| until <= self.now()) {
            self.act(Action::StopUpgradeProbe);
            let limit = Span(self.rules.boot);
            self.upgrade_failed(format!("the new binary was not ready within {limit}"));
        }
    }

    /// When it does.
    pub(super) fn probe_deadline(&self) -> Option<Millis> {
        match self.upgrade {
            Upgrade::Probing { began } if !self.rules.boot.is_zero() => Some(began.plus(self.rules.boot)),
            _ => None,
        }
    }

    fn upgrade_failed(&mut self, reason: String) {
        self.upgrade = Upgrade::Idle;
        self.counters.upgrades_failed += 1;
        self.refuse_asks(|asked| matches!(asked, Asked::Upgrade), &reason);
        self.log(ChangeLine::UpgradeFailed { reason });
    }

    /// `exec` returned.
    pub(super) fn exec_failed(&mut self, reason: String) {
        match self.upgrade {
            Upgrade::Executing { back: false } => {
                self.upgrade_failed(reason);
                self.act(Action::Notify(Notice::Ready));
            }
            Upgrade::Executing { back: true } => {
                self.upgrade = Upgrade::Idle;
                self.log(ChangeLine::CannotRollBack { reason });
                self.act(Action::Notify(Notice::Ready));
            }
            _ => {}
        }
    }

    /// The second master runs.
    pub(super) fn successor_started(&mut self, pid: u32) {
        if matches!(self.upgrade, Upgrade::Successor { .. }) {
            self.upgrade = Upgrade::Successor { pid: Some(pid) };
            self.log(ChangeLine::Successor { pid });
            let text = format!("started a second master (pid: {pid})");
            self.finish_asks(|asked| matches!(asked, Asked::Upgrade), &text);
        }
    }

    /// It ended, or never began.
    pub(super) fn successor_gone(&mut self, reason: String) {
        let Upgrade::Successor { pid } = self.upgrade else { return };
        self.upgrade = Upgrade::Idle;
        if pid.is_none() {
            self.counters.upgrades_failed += 1;
        }
        self.refuse_asks(|asked| matches!(asked, Asked::Upgrade), &reason);
        self.log(ChangeLine::SuccessorGone { reason });
    }

    /// The master that started this one is gone: its place is ours.
    pub(super) fn predecessor_gone(&mut self) {
        if matches!(self.upgrade, Upgrade::Follower) {
            self.upgrade = Upgrade::Idle;
            self.log(ChangeLine::Promoted);
            self.act(Action::Promote);
        }
    }
}
