//! [`View`]: the fleet as others may see it: the status page, the metrics, and `show`.
//!
//! A copy of one moment, as plain data. What the workers say of themselves is as old as the last check.

use std::fmt::Write as _;
use std::time::Duration;

use super::Fleet;
use super::event::InHand;
use super::lines::{Span, Workers};
use super::member::{Generation, Member, SlotId};
use super::reload::Reload;
use super::stop::Phase;
use super::upgrade::Upgrade;

/// The fleet at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// One word: `starting`, `running`, `reloading`, `upgrading`, `away`, `draining`, `stopping`.
    pub(crate) state: &'static str,
    pub(crate) generation: Generation,
    pub(crate) wanted: usize,
    pub(crate) ready: usize,
    /// How often workers died soon after their start, one after the other; 0 if all is well.
    pub(crate) crash_level: u32,
    pub(crate) workers: Vec<WorkerView>,
}

/// A worker at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerView {
    pub(crate) slot: SlotId,
    pub(crate) pid: u32,
    pub(crate) generation: Generation,
    /// One word: `booting`, `ready`, `silent`, `leaving`, `killed`, `lost`.
    pub(crate) state: &'static str,
    pub(crate) age: Duration,
    pub(crate) requests: u64,
    pub(crate) busy: u32,
    pub(crate) rss: u64,
    /// The request it has been answering longest, and for how long.
    pub(crate) in_hand: Option<(InHand, Duration)>,
}

impl Fleet {
    /// How it is now.
    pub(crate) fn view(&self) -> View {
        View {
            state: self.state(),
            generation: self.generation,
            wanted: self.target(),
            ready: self.members.count(Member::is_ready),
            crash_level: self.crashes.level(),
            workers: self.members.iter().map(|(slot, member)| self.view_of(slot, member)).collect(),
        }
    }

    fn state(&self) -> &'static str {
        match (&self.phase, &self.reload, &self.upgrade) {
            (Phase::Waiting | Phase::Starting { .. }, ..) => "starting",
            (Phase::Draining { .. }, ..) => "draining",
            (Phase::Stopping(_) | Phase::Over, ..) => "stopping",
            (Phase::Running, Some(Reload::Rolling(rolling)), _) if rolling.takeover => "upgrading",
            (Phase::Running, Some(_), _) => "reloading",
            (Phase::Running, None, Upgrade::Probing { .. } | Upgrade::Executing { .. }) => "upgrading",
            (Phase::Running, None, _) if self.away => "away",
            (Phase::Running, None, _) if self.leave_at.is_some() => "draining",
            (Phase::Running, None, _) => "running",
        }
    }

    fn view_of(&self, slot: SlotId, member: &Member) -> WorkerView {
        let now = self.now();
        let seen = member.seen.as_ref();
        let oldest = seen.and_then(|seen| seen.oldest.clone());
        WorkerView {
            slot,
            pid: member.pid(),
            generation: member.generation,
            state: member.state(),
            age: now.since(member.forked),
            requests: seen.map_or(0, |seen| seen.requests),
            busy: seen.map_or(0, |seen| seen.busy),
            rss: seen.map_or(0, |seen| seen.rss),
            in_hand: oldest.zip(member.oldest.map(|began| now.since(began))),
        }
    }

    /// The answer to `show`: a line on the fleet and one a worker.
    pub(super) fn show(&self) -> String {
        let view = self.view();
        let mut text = format!(
            "{}, generation {}: {} wanted, {} ready",
            view.state,
            view.generation.0,
            Workers(view.wanted),
            view.ready
        );
        for worker in &view.workers {
            // Writing to a string can't fail.
            let _ = write!(
                text,
                "\nslot {} pid {} generation {} {} age {} requests {} busy {} memory {} MiB",
                worker.slot.0,
                worker.pid,
                worker.generation.0,
                worker.state,
                Span(worker.age),
                worker.requests,
                worker.busy,
                worker.rss / (1024 * 1024),
            );
            if let Some((request, time)) = &worker.in_hand {
                let _ = write!(text, " answering {} {} for {}", request.method, request.target, Span(*time));
            }
        }
        text
    }
}
