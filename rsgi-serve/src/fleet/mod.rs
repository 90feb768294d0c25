//! [`Fleet`]: the mind of the pre-fork master, without a single system call.
//!
//! The loop tells it what happened ([`Event`]) and when, and does what it answers ([`Action`]). It has no clock, no thread and
//! no chance but a seeded one, so every rule of starting, reloading, upgrading, stopping and recycling is tested in
//! milliseconds (`tests/`), and only once more with real processes.
//!
//! One rule carries most of it: after every event [`Fleet::settle`] compares who is there with who is wanted, and forks and
//! dismisses the difference (`balance.rs`). Reload, recycling and scaling only change what is wanted.
//! Read `event.rs` and `action.rs` next, then `balance.rs`.
#![allow(
    dead_code,
    unused_imports,
    reason = "the loop that feeds the fleet lives in `master/`, and is written after it"
)]

mod action;
mod adapt;
mod asks;
mod backoff;
mod balance;
mod boot;
mod count;
mod counters;
mod death;
mod due;
mod event;
mod legacy;
mod lines;
mod member;
mod random;
mod recycle;
mod reload;
mod rules;
mod show;
mod silence;
mod stop;
mod takeover;
#[cfg(test)]
mod tests;
mod time;
mod upgrade;

use std::mem;

use asks::Ask;
use backoff::Backoff;
use member::Members;
use random::Random;
use reload::Reload;
use stop::Phase;
use time::OwnTime;
use upgrade::Upgrade;

pub(crate) use action::{Action, Answer, HookPoint, Listeners, Notice, Order};
pub(crate) use counters::{Clock, Counters};
pub(crate) use event::{Command, Death, Event, InHand, ReplyId, Seen, Sig, Status};
pub(crate) use legacy::{Heir, Legacy};
pub(crate) use lines::{ChangeLine, Line, MasterLine, Span, WorkerLine};
pub(crate) use member::{Generation, SlotId, Wear};
pub(crate) use rules::Rules;
pub(crate) use show::{View, WorkerView};

use crate::clock::Millis;

/// All that the master knows of its workers, and all that it has in mind with them.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// The settings of [`Self::generation`], or of the newer one that a reload tries.
    rules: Rules,
    /// How many workers serve: the settings' number, and what TTIN, TTOU and `scale` made of it.
    wanted: usize,
    /// None serves for now (WINCH, `drain`), until a reload, TTIN or `scale`.
    away: bool,
    /// When a `drain` becomes `away`.
    leave_at: Option<Millis>,
    /// The generation in force.
    generation: Generation,
    /// The newest that ever was: numbers are not used twice.
    newest: Generation,
    members: Members,
    phase: Phase,
    reload: Option<Reload>,
    /// A HUP came while one couldn't be done.
    again: bool,
    /// Listeners were opened or given up: close what nobody needs once the other generations have left.
    rebound: bool,
    upgrade: Upgrade,
    /// What was inherited by exec, until [`Event::Started`].
    legacy: Option<Legacy>,
    load: adapt::Load,
    crashes: Backoff,
    forks: Backoff,
    /// Deaths that are not made up for by a fork yet.
    debt: u64,
    asks: Vec<Ask>,
    counters: Counters,
    random: Random,
    time: OwnTime,
    /// When workers are looked at next.
    next_check: Millis,
    /// When the service manager wants its next sign of life.
    next_watchdog: Millis,
    /// The last words of the worker that said some last.
    words: Option<String>,
    /// The actions of this turn.
    out: Vec<Action>,
}

impl Fleet {
    /// A fleet that waits for [`Event::Started`], with so many slots in its page.
    pub(crate) fn new(rules: Rules, slots: u16, seed: u64) -> Self {
        let members = Members::new(slots);
        Self {
            wanted: rules.workers.clamp(1, members.most()),
            rules,
            away: false,
            leave_at: None,
            generation: Generation(1),
            newest: Generation(1),
            members,
            phase: Phase::Waiting,
            reload: None,
            again: false,
            rebound: false,
            upgrade: Upgrade::Idle,
            legacy: None,
            load: adapt::Load::default(),
            crashes: Backoff::default(),
            forks: Backoff::default(),
            debt: 0,
            asks: Vec::new(),
            counters: Counters::default(),
            random: Random::new(seed),
            time: OwnTime::default(),
            next_check: Millis::default(),
            next_watchdog: Millis::default(),
            words: None,
            out: Vec::new(),
        }
    }

    /// Tells that another master started this one and serves beside it.
    pub(crate) fn follow_predecessor(&mut self) {
        self.upgrade = Upgrade::Follower;
    }

    /// Something happened at that time. What is to be done is added to `actions`.
    pub(crate) fn handle(&mut self, now: Millis, event: Event, actions: &mut Vec<Action>) {
        // Nothing is left to do; that the last hook of all panicked is said.
        if matches!(self.phase, Phase::Over) && !matches!(event, Event::HookPanicked { .. }) {
            return;
        }
        mem::swap(&mut self.out, actions);
        if let Some(by) = self.time.wake(now) {
            self.counters.pauses += 1;
            self.log(MasterLine::Late { by });
        }
        self.take(event);
        self.settle();
        let deadline = self.deadline();
        self.time.promise(deadline);
        mem::swap(&mut self.out, actions);
    }

    /// When [`Event::Tick`] is wanted at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.time.promised()
    }

    /// What was counted.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whom this event is for.
    fn take(&mut self, event: Event) {
        match event {
            Event::Started => self.started(),
            Event::Forked { slot, pid } => self.forked(slot, pid),
            Event::ForkFailed { slot, errno } => self.fork_failed(slot, errno),
            Event::Ready { slot } => self.ready(slot),
            Event::Exited { slot, death } => self.exited(slot, &death),
            Event::Seen(seen) => self.seen(seen),
            Event::Signal(signal) => self.signal(signal),
            Event::Command { command, reply } => self.command(command, reply),
            Event::SettingsLoaded { rules, rebind } => self.settings_loaded(rules, rebind),
            Event::SettingsBroken { reason } => self.settings_broken(reason),
            Event::ListenersOpened => self.listeners_opened(),
            Event::ListenersFailed { reason } => self.listeners_failed(reason),
            Event::BinaryReady => self.binary_ready(),
            Event::BinaryFailed { reason } => self.binary_failed(reason),
            Event::ExecFailed { reason } => self.exec_failed(reason),
            Event::SuccessorStarted { pid } => self.successor_started(pid),
            Event::SuccessorGone { reason } => self.successor_gone(reason),
            Event::PredecessorGone => self.predecessor_gone(),
            Event::Queued { waiting } => self.queued(waiting),
            Event::SocketVacant => self.share_out(),
            Event::HookPanicked { point, message } => self.hook_panicked(point, message),
            Event::Stranger { pid } => {
                self.counters.strangers += 1;
                self.log(MasterLine::Stranger { pid });
            }
            Event::Tick => self.due(),
        }
    }

    /// What follows from how things are now.
    fn settle(&mut self) {
        match self.phase {
            Phase::Waiting | Phase::Draining { .. } | Phase::Over => {}
            Phase::Stopping { .. } => self.end_if_gone(),
            Phase::Starting { .. } | Phase::Running => {
                self.balance();
                self.finish_reload();
                self.say_all_ready();
                self.close_unused();
                self.reload_again();
                self.answer_asks();
            }
        }
    }

    /// What a signal to the master means.
    fn signal(&mut self, signal: Sig) {
        self.log(MasterLine::Handling(signal));
        match signal {
            Sig::Term => self.stop(),
            Sig::Int | Sig::Quit => self.stop_quickly(),
            Sig::Hup => self.hang_up(),
            Sig::Usr1 => self.reopen(),
            Sig::Usr2 => {
                if let Err(why) = self.begin_upgrade() {
                    self.log(ChangeLine::UpgradeRefused { why });
                }
            }
            Sig::Ttin => self.one_more(),
            Sig::Ttou => self.one_less(),
            Sig::Winch => self.winch(),
            Sig::Abrt | Sig::Kill => self.ignore(signal, "it means nothing to the master"),
        }
    }

    fn ignore(&mut self, signal: Sig, why: &'static str) {
        self.log(MasterLine::Ignoring { signal, why });
    }

    /// USR1: new log files, in the master and in everybody who writes.
    fn reopen(&mut self) {
        self.act(Action::ReopenLogs);
        for slot in self.members.slots(|member| member.pid.is_some() && !member.is_killed()) {
            self.act(Action::Tell { slot, order: Order::Reopen });
        }
    }

    fn act(&mut self, action: Action) {
        self.out.push(action);
    }

    fn log(&mut self, line: impl Into<Line>) {
        self.act(Action::Log(line.into()));
    }

    fn log_worker(&mut self, pid: u32, what: WorkerLine) {
        self.act(Action::Log(Line::Worker { pid, what }));
    }

    fn now(&self) -> Millis {
        self.time.now()
    }
}
