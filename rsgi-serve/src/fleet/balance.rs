//! Who is there against who is wanted: the one place that forks and dismisses while the service goes on.
//!
//! A *keeper* is a worker that is to stay. *Outgoing* is one of another generation than the one we are getting to, or one that
//! is worn. Then, in this order:
//! 1. an outgoing worker that isn't ready yet serves nobody and goes at once;
//! 2. the oldest outgoing one leaves while more than `floor` are ready, or enough keepers are;
//! 3. keepers beyond `target` leave, the youngest first and those that boot before those that serve (so that TTOU takes a
//!    worker whose caches are cold);
//! 4. keepers are forked up to `target`, but with never more than `floor` + `batch` workers standing. In a reload no more than a
//!    batch boots at once, so that a broken app is noticed with a batch and not with all.
//!
//! `floor` is how many are to be ready all the time: `target`, or what the settings before the reload wanted if that is more.

use super::Fleet;
use super::action::{Action, HookPoint, Order};
use super::lines::{MasterLine, WorkerLine};
use super::member::{Generation, Member, SlotId};
use super::reload::Reload;
use super::upgrade::Upgrade;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    to: Generation,
    target: usize,
    pub(super) floor: usize,
    pub(super) batch: usize,
    /// In a reload, whose workers have yet to prove themselves.
    gated: bool,
}

impl Plan {
    fn is_outgoing(&self, member: &Member) -> bool {
        member.generation != self.to || (!self.gated && member.worn.is_some())
    }

    fn is_keeper(&self, member: &Member) -> bool {
        member.is_standing() && !self.is_outgoing(member)
    }
}

impl Fleet {
    /// Forks and dismisses what is missing and too much.
    pub(super) fn balance(&mut self) {
        if matches!(self.upgrade, Upgrade::Executing { .. }) {
            return;
        }
        let plan = self.plan();
        self.dismiss_outgoing(&plan);
        self.dismiss_surplus(&plan);
        self.fork_missing(&plan);
    }

    /// How many workers are to serve now.
    pub(super) fn target(&self) -> usize {
        if self.away { 0 } else { self.wanted }
    }

    /// What is wanted now.
    pub(super) fn plan(&self) -> Plan {
        let target = self.target();
        let (to, floor, gated) = match &self.reload {
            Some(Reload::Rolling(rolling)) => (rolling.to, target.max(rolling.before.target()), true),
            _ => (self.generation, target, false),
        };
        Plan { to, target, floor, batch: self.rules.batch(target), gated }
    }

    fn dismiss_outgoing(&mut self, plan: &Plan) {
        for slot in self.members.slots(|member| member.is_booting() && plan.is_outgoing(member)) {
            self.dismiss(slot, Order::Leave);
        }
        loop {
            let ready = self.members.count(Member::is_ready);
            let kept = self.members.count(|member| member.is_ready() && plan.is_keeper(member));
            if ready <= plan.floor && kept < plan.target {
                return;
            }
            let Some(slot) = self.members.oldest(|member| member.is_ready() && plan.is_outgoing(member))
            else {
                return;
            };
            self.say_recycled(slot);
            self.dismiss(slot, Order::Leave);
        }
    }

    fn say_recycled(&mut self, slot: SlotId) {
        let Some(member) = self.members.get(slot) else { return };
        let (Some(wear), pid) = (member.worn, member.pid()) else { return };
        self.counters.recycled(wear);
        self.log_worker(pid, WorkerLine::Recycling { wear });
    }

    fn dismiss_surplus(&mut self, plan: &Plan) {
        let well = |member: &Member| plan.is_keeper(member) && member.doom.is_none();
        while self.members.count(well) > plan.target {
            let booting = self.members.youngest(|member| well(member) && member.is_booting());
            let Some(slot) = booting.or_else(|| self.members.youngest(well)) else { return };
            self.dismiss(slot, Order::Leave);
        }
        // The floor may have come down under workers that boot.
        let stands = |member: &Member| member.is_booting() || member.is_ready();
        while self.members.count(stands) > plan.floor + plan.batch {
            let Some(slot) = self.members.youngest(Member::is_booting) else { return };
            self.dismiss(slot, Order::Leave);
        }
    }

    fn fork_missing(&mut self, plan: &Plan) {
        loop {
            if self.members.count(|member| plan.is_keeper(member)) >= plan.target {
                self.debt = 0;
                return;
            }
            let standing = self.members.count(Member::is_standing);
            let booting = self.members.count(|member| member.is_booting() && plan.is_keeper(member));
            let full = standing >= plan.floor + plan.batch || (plan.gated && booting >= plan.batch);
            let waiting =
                !self.forks.is_over(self.now()) || (!plan.gated && !self.crashes.is_over(self.now()));
            if full || waiting {
                return;
            }
            let Some(slot) = self.members.free() else {
                if self.members.say_full() {
                    self.log(MasterLine::NoSlot);
                }
                return;
            };
            self.fork(slot, plan);
        }
    }

    fn fork(&mut self, slot: SlotId, plan: &Plan) {
        let born = if plan.gated { 0 } else { self.crashes.level() };
        let mut member = Member::new(plan.to, self.now(), born);
        self.limit(&mut member);
        member.respawn = self.debt > 0;
        self.debt = self.debt.saturating_sub(1);
        self.members.insert(slot, member);
        self.act(Action::Hook(HookPoint::PreFork { slot, generation: plan.to }));
        self.act(Action::Fork { slot, generation: plan.to });
    }

    /// Tells a worker to go, or to go faster. One that isn't ready has nothing to finish and goes at once, unless it serves by
    /// the time it hears this: so the order is the same, and only it knows. Where the graceful limit is zero all go at once.
    pub(super) fn dismiss(&mut self, slot: SlotId, order: Order) {
        let now = self.now();
        let Some(member) = self.members.get_mut(slot) else { return };
        let order = if self.rules.graceful.is_zero() { Order::Quick } else { order };
        let soon = order == Order::Quick || member.ready.is_none();
        let limit = if soon { super::stop::QUICK } else { self.rules.graceful };
        let mut until = now.plus(limit);
        if let Some(going) = member.going {
            if going.order >= order {
                return;
            }
            until = until.min(going.until);
        }
        member.going = Some(super::member::Going { order, until });
        // A fork that isn't reported yet hears it when it is.
        if member.pid.is_some() && !member.is_killed() {
            self.act(Action::Tell { slot, order });
        }
    }
}
