//! A worker was reaped: what is said, what is counted, what follows.
//!
//! Whoever dies without having been told to is replaced at once the first time, and by the backoff when such deaths follow each
//! other; dying in youth (before ready, or before having been ready for the boot limit) is what counts. In a reload the death of
//! a new worker undoes the reload, at the first start one before ready ends everything.

use super::Fleet;
use super::action::{Action, HookPoint};
use super::event::{Death, Status};
use super::lines::{MasterLine, WorkerLine};
use super::member::{Member, SlotId};
use super::reload::Reload;
use super::stop::Phase;
use crate::exit::Exit;

/// With which a worker says that the app's factory failed.
const FACTORY_FAILED: Status = Status::Code(4);

impl Fleet {
    /// A worker was reaped.
    pub(super) fn exited(&mut self, slot: SlotId, death: &Death) {
        let Some(member) = self.members.remove(slot) else { return };
        self.counters.death(death.status);
        self.say_death(&member, death);
        let (generation, pid) = (member.generation, member.pid());
        self.act(Action::Hook(HookPoint::ChildExit { slot, generation, pid }));
        if member.going.is_some() {
            if member.is_killed() {
                self.note_killed();
            }
            return;
        }
        if member.ready.is_none() {
            self.counters.boot_failures += 1;
        }
        match (&self.phase, &self.reload) {
            (Phase::Starting { .. }, _) if member.ready.is_none() => {
                let (exit, reason) = match death.status {
                    FACTORY_FAILED => (Exit::AppFailed, "App failed to load."),
                    _ => (Exit::WorkerFailed, "Worker failed to boot."),
                };
                self.end_with(exit, reason);
            }
            (Phase::Running, Some(Reload::Rolling(rolling))) if rolling.to == member.generation => {
                let reason = reason_of(&member, death);
                self.reload_failed(reason);
            }
            _ => self.replace_later(&member),
        }
    }

    /// The balance replaces it; this says when.
    fn replace_later(&mut self, member: &Member) {
        self.debt += 1;
        let now = self.now();
        if member.ready.is_some_and(|ready| now.since(ready) >= self.rules.steady()) {
            return;
        }
        if let Some(wait) = self.crashes.failed(member.born, now).filter(|wait| !wait.is_zero()) {
            self.log(MasterLine::BackingOff { wait });
        }
    }

    /// A worker that stays up ends the backoff.
    pub(super) fn judge_crashes(&mut self) {
        let (level, now, steady) = (self.crashes.level(), self.now(), self.rules.steady());
        let proved = |member: &Member| {
            member.is_ready()
                && member.born == level
                && member.ready.is_some_and(|ready| now.since(ready) >= steady)
        };
        if level > 0 && self.members.count(proved) > 0 {
            self.crashes.reset();
            self.members.iter_mut().for_each(|(_, member)| member.born = 0);
        }
    }

    fn say_death(&mut self, member: &Member, death: &Death) {
        let by_us = member.going.is_some() || member.doom.is_some();
        let pid = member.pid();
        if member.going.is_some() && death.status == Status::Code(0) {
            self.log_worker(pid, WorkerLine::Exiting);
            return;
        }
        if let Some(words) = &death.reason {
            // Others fail for the same reason: its first line is enough then.
            let again = self.words.as_ref() == Some(words);
            let said = if again { first_line(words) } else { words };
            self.log_worker(pid, WorkerLine::LastWords(said.to_owned()));
            self.words = Some(words.clone());
        }
        self.log_worker(pid, WorkerLine::Died { status: death.status, by_us });
        // What a clock killed it for was said when it did.
        if member.doom.is_some() {
            return;
        }
        for request in &death.in_hand {
            let time = self.now().since(self.time.own_of(request.started));
            self.log_worker(pid, WorkerLine::WasDoing { request: request.clone(), time });
        }
    }
}

/// Why a reload is undone.
fn reason_of(member: &Member, death: &Death) -> String {
    let when = if member.ready.is_none() { "before it was ready" } else { "soon after it was ready" };
    let words = death.reason.as_ref().map(|words| format!(": {}", first_line(words))).unwrap_or_default();
    match member.doom {
        Some(_) if member.ready.is_none() => {
            format!("a new worker (pid:{}) was not ready within the boot limit", member.pid())
        }
        _ => format!("a new worker (pid:{}) {} {when}{words}", member.pid(), death.status),
    }
}

/// What a text says in one line; what follows, as a traceback, was said when it was heard.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
