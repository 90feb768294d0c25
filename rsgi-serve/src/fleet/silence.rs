//! The clocks of workers that are up: silence, one request, and what is left to those that were told to go.
//!
//! A worker that shows no sign of life for `timeout`, or isn't ready within `boot_timeout`, gets a soft signal first (ABRT: the worker's hook runs, a core may be
//! written), and SIGKILL at the next check if it is still there. So does one that holds a request for twice `request_timeout`:
//! after once the time the worker itself should have ended the request. Silence is measured from the heartbeat's own time, or
//! from readiness before the first; a worker that boots is under the boot limit only.

use super::Fleet;
use super::action::Action;
use super::counters::Clock;
use super::event::{InHand, Seen, Sig};
use super::lines::WorkerLine;
use super::member::{Doom, Member, SlotId};
use crate::clock::Millis;

/// After SIGKILL, how long a process may take to end before it is given up (it waits for a disk that doesn't answer).
const BURY: std::time::Duration = std::time::Duration::from_secs(5);

impl Fleet {
    /// The page says so of a worker.
    pub(super) fn seen(&mut self, seen: Seen) {
        let slot = seen.slot;
        let beat = (seen.heartbeat > Millis(0)).then(|| self.time.own_of(seen.heartbeat));
        let oldest = seen.oldest.as_ref().map(|request| self.time.own_of(request.started));
        let Some(member) = self.members.get_mut(slot) else { return };
        member.beat = beat;
        member.oldest = oldest;
        member.seen = Some(seen);
        self.judge_wear(slot);
    }

    /// Looks at all that are up.
    pub(super) fn judge_silence(&mut self) {
        let least = self.rules.check() / 2;
        for slot in self.members.slots(|member| member.pid.is_some() && !member.lost) {
            let Some(member) = self.members.get(slot) else { continue };
            match member.doom {
                // A boot's limit may have been just before this look.
                Some(Doom { clock, since, killed: None }) if self.now().since(since) >= least => {
                    self.kill(slot, clock);
                }
                Some(_) => {}
                None => {
                    if let Some((clock, line)) = self.verdict(member) {
                        self.condemn(slot, clock, line);
                    }
                }
            }
        }
    }

    fn verdict(&self, member: &Member) -> Option<(Clock, WorkerLine)> {
        let now = self.now();
        let ready = member.ready?;
        let silent = now.since(member.beat.map_or(ready, |beat| beat.max(ready)));
        if member.is_ready() && !self.rules.silence.is_zero() && silent >= self.rules.silence {
            return Some((Clock::Silence, WorkerLine::Silent { time: silent }));
        }
        let limit = self.rules.request;
        let runs = now.since(member.oldest?);
        (!limit.is_zero() && runs >= limit * 2)
            .then_some((Clock::Request, WorkerLine::RequestTooLong { limit }))
    }

    fn condemn(&mut self, slot: SlotId, clock: Clock, line: WorkerLine) {
        let since = self.now();
        let Some(member) = self.members.get_mut(slot) else { return };
        member.doom = Some(Doom { clock, since, killed: None });
        let pid = member.pid();
        self.counters.timeout(clock);
        self.log_worker(pid, line);
        self.say_doing(slot);
        self.act(Action::Kill { slot, signal: Sig::Abrt });
    }

    fn kill(&mut self, slot: SlotId, clock: Clock) {
        let now = self.now();
        let Some(member) = self.members.get_mut(slot) else { return };
        let since = member.doom.map_or(now, |doom| doom.since);
        member.doom = Some(Doom { clock, since, killed: Some(now) });
        self.act(Action::Kill { slot, signal: Sig::Kill });
    }

    fn say_doing(&mut self, slot: SlotId) {
        let Some(member) = self.members.get(slot) else { return };
        let (pid, now) = (member.pid(), self.now());
        let time = member.oldest.map(|began| now.since(began)).unwrap_or_default();
        let request: Option<InHand> = member.seen.as_ref().and_then(|seen| seen.oldest.clone());
        if let Some(request) = request {
            self.log_worker(pid, WorkerLine::WasDoing { request, time });
        }
    }

    /// Kills those that were told to go and have had their time; gives up those that not even that ends.
    pub(super) fn judge_going(&mut self) {
        let now = self.now();
        for slot in self.members.slots(|member| overdue(member).is_some_and(|until| until <= now)) {
            let Some(member) = self.members.get(slot) else { continue };
            let Some(going) = member.going else { continue };
            let (clock, line) = match going.order {
                super::Order::Quick => (Clock::Quick, WorkerLine::NotQuick),
                _ if member.ready.is_none() => (Clock::Quick, WorkerLine::NotQuick),
                _ => (Clock::Graceful, WorkerLine::Overdue { limit: self.rules.graceful }),
            };
            let pid = member.pid();
            self.counters.timeout(clock);
            self.log_worker(pid, line);
            self.say_doing(slot);
            self.kill(slot, clock);
        }
        for slot in self.members.slots(|member| given_up(member).is_some_and(|until| until <= now)) {
            let Some(member) = self.members.get_mut(slot) else { continue };
            member.lost = true;
            let pid = member.pid();
            self.log_worker(pid, WorkerLine::Unkillable);
        }
    }

    /// When the first of them is due.
    pub(super) fn going_deadline(&self) -> Option<Millis> {
        self.members.iter().filter_map(|(_, member)| overdue(member).or_else(|| given_up(member))).min()
    }
}

/// When a worker that was told to go is killed.
fn overdue(member: &Member) -> Option<Millis> {
    let waits = member.pid.is_some() && !member.is_killed() && !member.lost;
    member.going.filter(|_| waits).map(|going| going.until)
}

/// When a killed worker is given up.
fn given_up(member: &Member) -> Option<Millis> {
    member.doom.filter(|_| !member.lost)?.killed.map(|killed| killed.plus(BURY))
}
