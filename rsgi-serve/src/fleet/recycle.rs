//! Workers that serve well and are replaced nevertheless: after so many requests, over so much memory, at such an age.
//!
//! They are only marked here. The balance forks the replacement first and dismisses the worn one when it is ready, never more
//! than a batch at once; so a worker answers some requests more than its limit, and the service never has one worker less.
//! In a reload, which replaces the old ones anyway, it waits.

use std::time::Duration;

use super::Fleet;
use super::member::{Member, SlotId, Wear};
use super::stop::Phase;
use super::time::millis;

impl Fleet {
    /// Whether a worker is to be replaced.
    pub(crate) fn is_worn(&self, slot: SlotId) -> bool {
        self.members.get(slot).is_some_and(|member| member.worn.is_some())
    }

    /// Gives a worker its limits: those of the rules, and its own share of the jitter.
    pub(super) fn limit(&mut self, member: &mut Member) {
        if self.rules.max_requests > 0 {
            let more = self.random.up_to(self.rules.max_requests_jitter);
            member.last_request = Some(self.rules.max_requests.saturating_add(more));
        }
        if let Some(age) = self.rules.max_age {
            let more = self.random.up_to(millis(self.rules.max_age_jitter));
            member.last_day = Some(age.saturating_add(Duration::from_millis(more)));
        }
    }

    /// With how many requests a worker will be worn; zero is never.
    pub(crate) fn request_limit(&self, slot: SlotId) -> u64 {
        self.members.get(slot).and_then(|member| member.last_request).unwrap_or_default()
    }

    /// Marks a worker if it is worn.
    pub(super) fn judge_wear(&mut self, slot: SlotId) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        let wear = self.members.get(slot).and_then(|member| self.wear_of(member));
        if let Some(member) = self.members.get_mut(slot) {
            member.worn = member.worn.or(wear);
        }
    }

    /// Marks all that are too old.
    pub(super) fn judge_ages(&mut self) {
        for slot in self.members.slots(|member| member.last_day.is_some()) {
            self.judge_wear(slot);
        }
    }

    fn wear_of(&self, member: &Member) -> Option<Wear> {
        let age = self.now().since(member.ready.filter(|_| member.is_ready())?);
        let (requests, rss) = member.seen.as_ref().map_or((0, 0), |seen| (seen.requests, seen.rss));
        if member.last_request.is_some_and(|last| requests >= last) {
            return Some(Wear::Requests(requests));
        }
        if self.rules.max_memory.is_some_and(|most| rss > most) {
            return Some(Wear::Memory(rss));
        }
        member.last_day.filter(|last| age >= *last).map(|_| Wear::Age(age))
    }
}
