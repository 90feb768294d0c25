//! From the fork to readiness.
//!
//! At the first start every worker must become ready: one that dies before, outlasts the boot limit, or whose factory fails,
//! ends all with the reason and exit code 3 or 4, because a supervisor should see at once what can't work. It ends when as many
//! as are wanted are ready at the same time: then, once, `READY` is said. (The first that accepts is told as a status only.)
//! A fork that fails is tried again by the backoff, at the first start too. A TTIN meanwhile counts: one more must get ready.
//!
//! Later a failing boot ends nothing: it is counted, and the next waits.

use super::Fleet;
use super::action::{Action, HookPoint, Notice, Order};
use super::event::Sig;
use super::lines::{MasterLine, WorkerLine};
use super::member::{Doom, Member, SlotId};
use super::stop::Phase;
use crate::clock::Millis;
use crate::exit::Exit;

impl Fleet {
    /// The listeners are open.
    pub(super) fn started(&mut self) {
        if !matches!(self.phase, Phase::Waiting) {
            return;
        }
        let now = self.now();
        self.next_check = now.plus(self.rules.check());
        self.next_watchdog = now;
        if let Some(legacy) = self.legacy.take() {
            self.phase = Phase::Running;
            self.take_over(legacy);
            return;
        }
        self.phase = Phase::Starting { began: now };
        self.act(Action::Hook(HookPoint::Starting));
    }

    /// A worker runs.
    pub(super) fn forked(&mut self, slot: SlotId, pid: u32) {
        let Some(member) = self.members.get_mut(slot) else { return };
        if member.pid.is_some() {
            return;
        }
        member.pid = Some(pid);
        let going = member.going;
        self.counters.forks += 1;
        self.counters.respawns += u64::from(member.respawn);
        self.forks.reset();
        self.log_worker(pid, WorkerLine::Booting);
        if let Some(going) = going {
            self.act(Action::Tell { slot, order: going.order });
        }
    }

    /// A worker couldn't be forked.
    pub(super) fn fork_failed(&mut self, slot: SlotId, errno: i32) {
        if self.members.get(slot).is_none_or(|member| member.pid.is_some()) {
            return;
        }
        let respawn = self.members.remove(slot).is_some_and(|member| member.respawn);
        self.debt += u64::from(respawn);
        self.counters.fork_failures += 1;
        let wait = self.forks.fork_failed(self.now());
        self.log(MasterLine::ForkFailed { errno, wait });
    }

    /// A worker accepts.
    pub(super) fn ready(&mut self, slot: SlotId) {
        let now = self.now();
        let Some(member) = self.members.get_mut(slot) else { return };
        if member.pid.is_none() || member.ready.is_some() || member.doom.is_some() {
            return;
        }
        member.ready = Some(now);
        if let Some(going) = &mut member.going
            && going.order != Order::Quick
        {
            // It served before it heard that it is to go, and may have something to finish.
            going.until = now.plus(self.rules.graceful);
        }
        if matches!(self.phase, Phase::Starting { .. }) {
            let ready = self.members.count(Member::is_ready);
            let status = format!("{ready} of {} workers ready", self.target());
            self.act(Action::Notify(Notice::Status(status)));
        }
    }

    /// Ends the first start when all are ready.
    pub(super) fn say_all_ready(&mut self) {
        let Phase::Starting { began } = self.phase else { return };
        let ready = self.members.count(Member::is_ready);
        if ready == 0 || ready < self.target() {
            return;
        }
        self.phase = Phase::Running;
        self.log(MasterLine::AllReady { workers: ready, took: self.now().since(began) });
        self.act(Action::Readiness(!self.away));
        self.act(Action::Notify(Notice::Ready));
        self.act(Action::Hook(HookPoint::WhenReady));
    }

    /// Kills those that boot for too long.
    pub(super) fn judge_boots(&mut self) {
        for slot in self.members.slots(|member| member.pid.is_some() && member.is_booting()) {
            if self.boot_limit(slot).is_some_and(|limit| limit <= self.now()) {
                self.kill_booting(slot);
            }
        }
    }

    /// When the first of them is to be killed.
    pub(super) fn boot_deadline(&self) -> Option<Millis> {
        self.members
            .slots(|member| member.pid.is_some() && member.is_booting())
            .into_iter()
            .filter_map(|slot| self.boot_limit(slot))
            .min()
    }

    fn boot_limit(&self, slot: SlotId) -> Option<Millis> {
        let member = self.members.get(slot)?;
        (!self.rules.boot.is_zero()).then(|| member.forked.plus(self.rules.boot))
    }

    fn kill_booting(&mut self, slot: SlotId) {
        let since = self.now();
        let Some(member) = self.members.get_mut(slot) else { return };
        member.doom = Some(Doom { clock: super::Clock::Boot, since, killed: None });
        let pid = member.pid();
        self.counters.timeout(super::Clock::Boot);
        self.log_worker(pid, WorkerLine::BootTooLong { limit: self.rules.boot });
        // The soft signal first, as for silence: what the app does there may say where it hangs.
        self.act(Action::Kill { slot, signal: Sig::Abrt });
    }

    /// A hook panicked: before the service is up that is a failing app, afterwards it is only said.
    pub(super) fn hook_panicked(&mut self, point: HookPoint, message: String) {
        self.log(MasterLine::HookPanicked { point, message });
        if matches!(self.phase, Phase::Starting { .. }) {
            self.end_with(Exit::AppFailed, "A hook panicked.");
        }
    }
}
