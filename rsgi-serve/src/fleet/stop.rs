//! How it ends: TERM, INT and QUIT, and a first start that failed.
//!
//! TERM is graceful: with a drain delay readiness says no first and accepting goes on; then every worker stops, finishes what it
//! has, and is killed at the graceful limit. INT and QUIT are quick: nobody finishes, and who is still there after [`QUICK`] is
//! killed, so that all are gone within two seconds. TERM twice is TERM once; INT or QUIT after TERM makes it quick.
//! Asked for and done is exit code 0, even where a worker had to be killed. A stop ends every reload and upgrade, and starts
//! nobody: a worker that dies during the drain delay isn't replaced.

use std::time::Duration;

use super::Fleet;
use super::action::{Action, HookPoint, Listeners, Notice, Order};
use super::asks::Asked;
use super::lines::{MasterLine, Span, Workers};
use super::member::Member;
use super::upgrade::Upgrade;
use crate::clock::Millis;
use crate::exit::Exit;

/// What is left to a worker that was told to end at once.
pub(super) const QUICK: Duration = Duration::from_millis(1500);

/// Where the fleet is in its life.
#[derive(Debug)]
pub(super) enum Phase {
    /// The listeners aren't open yet.
    Waiting,
    /// The first workers boot.
    Starting { began: Millis },
    /// The service is up.
    Running,
    /// It goes on, but readiness says no.
    Draining { began: Millis, until: Millis },
    /// The workers have been told to end.
    Stopping(Ending),
    /// The last action was to exit.
    Over,
}

/// A stop in progress.
#[derive(Debug)]
pub(super) struct Ending {
    exit: Exit,
    quick: bool,
    began: Millis,
    workers: usize,
    killed: usize,
}

impl Fleet {
    /// TERM.
    pub(super) fn stop(&mut self) {
        let drain = self.rules.drain_delay;
        match self.phase {
            Phase::Waiting | Phase::Starting { .. } | Phase::Running => {
                self.abandon();
                if drain.is_zero() || self.members.count(Member::is_ready) == 0 {
                    self.shut(Order::Stop, Exit::Clean, None);
                    return;
                }
                let began = self.now();
                self.log(MasterLine::Draining { time: drain });
                self.say_stopping();
                self.phase = Phase::Draining { began, until: began.plus(drain) };
            }
            Phase::Draining { .. } | Phase::Stopping(_) | Phase::Over => {}
        }
    }

    /// INT or QUIT.
    pub(super) fn stop_quickly(&mut self) {
        match &mut self.phase {
            Phase::Stopping(ending) if !ending.quick => {
                ending.quick = true;
                self.log(MasterLine::QuickRequested);
                self.dismiss_all(Order::Quick);
            }
            Phase::Stopping(_) | Phase::Over => {}
            _ => {
                self.abandon();
                self.shut(Order::Quick, Exit::Clean, None);
            }
        }
    }

    /// The first start failed.
    pub(super) fn end_with(&mut self, exit: Exit, reason: &str) {
        self.abandon();
        self.shut(Order::Quick, exit, Some(reason));
    }

    /// Whether nothing new is begun any more.
    pub(super) fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::Draining { .. } | Phase::Stopping(_) | Phase::Over)
    }

    /// Drops whatever else was in progress.
    fn abandon(&mut self) {
        if matches!(self.upgrade, Upgrade::Probing { .. }) {
            self.upgrade = Upgrade::Idle;
            self.act(Action::StopUpgradeProbe);
        }
        self.reload = None;
        self.again = false;
        self.leave_at = None;
        self.refuse_asks(|asked| !matches!(asked, Asked::Stop), "the master is stopping");
    }

    fn say_stopping(&mut self) {
        self.act(Action::Readiness(false));
        self.act(Action::Notify(Notice::Stopping));
    }

    fn shut(&mut self, order: Order, exit: Exit, reason: Option<&str>) {
        let began = if let Phase::Draining { began, .. } = self.phase {
            began
        } else {
            self.say_stopping();
            self.now()
        };
        self.log(MasterLine::ShuttingDown);
        if let Some(reason) = reason {
            self.log(MasterLine::Reason(reason.to_owned()));
        }
        let unlink = !matches!(self.upgrade, Upgrade::Successor { .. } | Upgrade::Follower);
        self.act(Action::CloseListeners(Listeners::All { unlink }));
        let workers = self.members.count(|member| !member.lost);
        self.phase =
            Phase::Stopping(Ending { exit, quick: order == Order::Quick, began, workers, killed: 0 });
        self.dismiss_all(order);
    }

    fn dismiss_all(&mut self, order: Order) {
        for slot in self.members.slots(|member| !member.lost) {
            self.dismiss(slot, order);
        }
    }

    /// A worker that was killed for not going was reaped.
    pub(super) fn note_killed(&mut self) {
        if let Phase::Stopping(ending) = &mut self.phase {
            ending.killed += 1;
        }
    }

    /// The last one turns off the light.
    pub(super) fn end_if_gone(&mut self) {
        let Phase::Stopping(ending) = &self.phase else { return };
        if self.members.count(|member| !member.lost) > 0 {
            return;
        }
        let exit = ending.exit;
        let took = self.now().since(ending.began);
        let mut text = format!("stopped: {} gone in {}", Workers(ending.workers), Span(took));
        if ending.killed > 0 {
            text = format!("{text}, {} of them killed at the limit", ending.killed);
        }
        self.finish_asks(|asked| matches!(asked, Asked::Stop), &text);
        self.act(Action::Hook(HookPoint::Exit));
        self.act(Action::Exit(exit));
        self.phase = Phase::Over;
    }

    /// The drain delay, of a stop or of the command, is over.
    pub(super) fn end_drain(&mut self) {
        let now = self.now();
        if let Phase::Draining { until, .. } = self.phase
            && until <= now
        {
            self.shut(Order::Stop, Exit::Clean, None);
        }
        if self.leave_at.is_some_and(|at| at <= now) {
            self.go_away();
        }
    }

    /// When it is.
    pub(super) fn drain_deadline(&self) -> Option<Millis> {
        match self.phase {
            Phase::Draining { until, .. } => Some(until),
            _ => self.leave_at,
        }
    }
}
