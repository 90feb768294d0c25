//! A master's life over an exec: what it leaves, and how the next image takes it up.
//!
//! The new image adopts the workers as they are, starts its own generation gated as a reload is, and dismisses the old one. If a
//! worker of it fails, those that boot are told to end and the old image is executed again: it adopts who is left, and replaces
//! new workers that were ready by its own generation, one batch after the other. Should even that exec fail, the image that is
//! here goes on: old workers serve until own ones are ready, by the backoff.

use super::Fleet;
use super::action::{Action, Notice, Order};
use super::counters::Clock;
use super::legacy::{Heir, Legacy};
use super::lines::ChangeLine;
use super::member::{Doom, Generation, Going, Member};
use super::reload::{Before, Reload, Rolling};
use super::rules::Rules;
use super::upgrade::Upgrade;
use crate::clock::Millis;

impl Fleet {
    /// The fleet of an image that has taken over. It too waits for [`super::Event::Started`].
    pub(crate) fn adopt(rules: Rules, slots: u16, seed: u64, legacy: Legacy) -> Self {
        let mut fleet = Self::new(rules, slots, seed);
        fleet.counters = legacy.counters.clone();
        fleet.generation = Generation(legacy.generation);
        fleet.newest = Generation(legacy.newest.max(legacy.generation));
        for heir in &legacy.workers {
            let mut member = Member::new(heir.generation, Millis(heir.forked), 0);
            fleet.limit(&mut member);
            member.pid = Some(heir.pid);
            member.ready = heir.ready.map(Millis);
            member.going = heir.going.map(|(order, until)| Going { order, until: Millis(until) });
            if heir.condemned {
                member.doom = Some(Doom { clock: Clock::Silence, since: Millis::default(), killed: None });
            }
            fleet.members.insert(heir.slot, member);
        }
        fleet.legacy = Some(legacy);
        fleet
    }

    /// The listeners are there: goes on where the other image was.
    pub(super) fn take_over(&mut self, legacy: Legacy) {
        let workers = self.members.count(Member::is_standing);
        self.log(ChangeLine::Adopted { workers });
        // The other image may have served on addresses that this one doesn't.
        self.rebound = true;
        if let Some(reason) = legacy.rolled_back {
            self.counters.upgrades_failed += 1;
            self.wanted = legacy.wanted.clamp(1, self.members.most());
            self.away = legacy.away;
            self.log(ChangeLine::RolledBack { reason });
            self.act(Action::Settle { generation: self.generation });
            self.act(Action::Readiness(!self.away));
            self.act(Action::Notify(Notice::Ready));
            return;
        }
        self.wanted = self.rules.wanted(legacy.wanted).clamp(1, self.members.most());
        let before = Before { rules: self.rules.clone(), wanted: legacy.wanted.max(1), away: legacy.away };
        self.newest = Generation(self.newest.0.saturating_add(1));
        let rolling = Rolling { began: self.now(), to: self.newest, before, takeover: true };
        self.reload = Some(Reload::Rolling(Box::new(rolling)));
        let batch = self.rules.batch(self.wanted);
        self.log(ChangeLine::Rolling { workers: self.wanted, batch });
    }

    /// The workers of this image fail: back to the other one.
    pub(super) fn roll_back(&mut self, rolling: &Rolling, reason: String) {
        self.log(ChangeLine::RollingBack { reason: reason.clone() });
        // Those that are ready serve on until the old image has its number again.
        let mine = |member: &Member| member.generation == rolling.to && member.is_booting();
        for slot in self.members.slots(mine) {
            self.dismiss(slot, Order::Leave);
        }
        self.refuse_asks(|_| true, "the old binary takes over again: ask it");
        let mut legacy = self.bequeath(Some(reason));
        legacy.wanted = rolling.before.wanted;
        legacy.away = rolling.before.away;
        // Should the exec fail, this image's generation is the one to get to.
        self.generation = rolling.to;
        self.upgrade = Upgrade::Executing { back: true };
        self.act(Action::ExecBack(Box::new(legacy)));
    }

    /// All that the next image must know.
    pub(super) fn bequeath(&self, rolled_back: Option<String>) -> Legacy {
        let real = |own: Millis| self.time.real_of(own).0;
        let heirs = self.members.iter().filter_map(|(slot, member)| {
            Some(Heir {
                slot,
                pid: member.pid?,
                generation: member.generation,
                forked: real(member.forked),
                ready: member.ready.map(real),
                going: member.going.map(|going| (going.order, real(going.until))),
                condemned: member.doom.is_some(),
            })
        });
        Legacy {
            generation: self.generation.0,
            newest: self.newest.0,
            wanted: self.wanted,
            away: self.away,
            workers: heirs.collect(),
            counters: self.counters.clone(),
            rolled_back,
        }
    }
}
