//! [`Member`]: one worker, as the master knows it, and [`Members`]: all of them, by their slot of the page.
//!
//! A member is here from the moment its fork is asked for until it is reaped, so a slot is never given to two at once. What it
//! is doing is derived from what is known of it: it *boots* until it says ready, *stands* until it is told to go, and is *lost*
//! when not even SIGKILL ends it. All times are the fleet's own (see [`super::time`]).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::action::Order;
use super::counters::Clock;
use super::event::Seen;
use crate::clock::Millis;

/// The number of a worker's slot in the shared page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct SlotId(pub(crate) u16);

/// The settings a worker was started with: the first start is 1, every reload and upgrade counts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Generation(pub(crate) u32);

/// What a worker was told, and when the patience with it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Going {
    /// The strongest order it got.
    pub(super) order: Order,
    /// When it is killed.
    pub(super) until: Millis,
}

/// That a clock has condemned a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doom {
    /// Which one.
    pub(super) clock: Clock,
    /// When it got the soft signal.
    pub(super) since: Millis,
    /// When SIGKILL was sent; `None` while it had only the soft signal.
    pub(super) killed: Option<Millis>,
}

/// Why a worker that serves well is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wear {
    /// It has answered so many requests.
    Requests(u64),
    /// It holds so many bytes.
    Memory(u64),
    /// It is so old.
    Age(Duration),
}

/// One worker.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) generation: Generation,
    /// `None` until the fork is reported.
    pub(super) pid: Option<u32>,
    pub(super) forked: Millis,
    pub(super) ready: Option<Millis>,
    /// The level of the crash backoff it was born at: its death in youth counts one more.
    pub(super) born: u32,
    /// It takes the place of one that died.
    pub(super) respawn: bool,
    pub(super) going: Option<Going>,
    pub(super) doom: Option<Doom>,
    /// SIGKILL doesn't end it: it holds its slot and counts for nothing.
    pub(super) lost: bool,
    /// Its last sign of life.
    pub(super) beat: Option<Millis>,
    /// The start of the request it has been answering longest.
    pub(super) oldest: Option<Millis>,
    pub(super) seen: Option<Seen>,
    /// The request after which it is worn: `max_requests` and its share of the jitter.
    pub(super) last_request: Option<u64>,
    /// The age at which it is worn.
    pub(super) last_day: Option<Duration>,
    pub(super) worn: Option<Wear>,
}

impl Member {
    /// A worker whose fork was asked for now.
    pub(super) fn new(generation: Generation, now: Millis, born: u32) -> Self {
        Self {
            generation,
            pid: None,
            forked: now,
            ready: None,
            born,
            respawn: false,
            going: None,
            doom: None,
            lost: false,
            beat: None,
            oldest: None,
            seen: None,
            last_request: None,
            last_day: None,
            worn: None,
        }
    }

    /// Whether it is counted on: it boots or serves, or is condemned but not yet reaped.
    pub(super) fn is_standing(&self) -> bool {
        self.going.is_none() && !self.lost
    }

    /// Whether it is yet to be ready, and may be.
    pub(super) fn is_booting(&self) -> bool {
        self.is_standing() && self.ready.is_none() && self.doom.is_none()
    }

    /// Whether it accepts, as far as is known.
    pub(super) fn is_ready(&self) -> bool {
        self.is_standing() && self.ready.is_some() && self.doom.is_none()
    }

    /// Whether it got SIGKILL.
    pub(super) fn is_killed(&self) -> bool {
        self.doom.is_some_and(|doom| doom.killed.is_some())
    }

    /// Its process, 0 before there is one.
    pub(super) fn pid(&self) -> u32 {
        self.pid.unwrap_or_default()
    }

    /// One word for what it does.
    pub(super) fn state(&self) -> &'static str {
        if self.lost {
            "lost"
        } else if self.is_killed() {
            "killed"
        } else if self.going.is_some() {
            "leaving"
        } else if self.doom.is_some() {
            "silent"
        } else if self.ready.is_some() {
            "ready"
        } else {
            "booting"
        }
    }
}

/// All workers, by slot.
#[derive(Debug)]
pub(super) struct Members {
    capacity: u16,
    by_slot: BTreeMap<SlotId, Member>,
    /// It was said that every slot is taken, and is so still.
    full: bool,
}

impl Members {
    /// None yet, of so many slots.
    pub(super) fn new(capacity: u16) -> Self {
        Self { capacity, by_slot: BTreeMap::new(), full: false }
    }

    /// How many may be wanted: one slot is kept free, so that somebody can be replaced.
    pub(super) fn most(&self) -> usize {
        usize::from(self.capacity).saturating_sub(1).max(1)
    }

    /// The lowest slot that nobody has.
    pub(super) fn free(&self) -> Option<SlotId> {
        (0..self.capacity).map(SlotId).find(|slot| !self.by_slot.contains_key(slot))
    }

    pub(super) fn insert(&mut self, slot: SlotId, member: Member) {
        self.by_slot.insert(slot, member);
    }

    pub(super) fn remove(&mut self, slot: SlotId) -> Option<Member> {
        self.full = false;
        self.by_slot.remove(&slot)
    }

    /// Whether it is to be said that every slot is taken: once until one is free.
    pub(super) fn say_full(&mut self) -> bool {
        !std::mem::replace(&mut self.full, true)
    }

    pub(super) fn get(&self, slot: SlotId) -> Option<&Member> {
        self.by_slot.get(&slot)
    }

    pub(super) fn get_mut(&mut self, slot: SlotId) -> Option<&mut Member> {
        self.by_slot.get_mut(&slot)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SlotId, &Member)> {
        self.by_slot.iter().map(|(slot, member)| (*slot, member))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SlotId, &mut Member)> {
        self.by_slot.iter_mut().map(|(slot, member)| (*slot, member))
    }

    /// How many are so.
    pub(super) fn count(&self, so: impl Fn(&Member) -> bool) -> usize {
        self.by_slot.values().filter(|member| so(member)).count()
    }

    /// The slots of those that are so.
    pub(super) fn slots(&self, so: impl Fn(&Member) -> bool) -> Vec<SlotId> {
        self.iter().filter(|(_, member)| so(member)).map(|(slot, _)| slot).collect()
    }

    /// The one of those that was forked first.
    pub(super) fn oldest(&self, so: impl Fn(&Member) -> bool) -> Option<SlotId> {
        self.iter()
            .filter(|(_, member)| so(member))
            .min_by_key(|(slot, member)| (member.forked, *slot))
            .map(|(slot, _)| slot)
    }

    /// The one of those that was forked last.
    pub(super) fn youngest(&self, so: impl Fn(&Member) -> bool) -> Option<SlotId> {
        self.iter()
            .filter(|(_, member)| so(member))
            .max_by_key(|(slot, member)| (member.forked, *slot))
            .map(|(slot, _)| slot)
    }
}
