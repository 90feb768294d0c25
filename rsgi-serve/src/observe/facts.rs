//! [`Facts`]: how the service is at a moment, all of it read from the shared page.
//!
//! What is shown is made of this and of nothing else, so all views agree. It can be sent as JSON and read back, as the terminal's view does.
//! Texts of requests come from clients and, where a worker went mad, are any bytes: they are cleaned here, once.
//!
//! Invariant: sums cover the workers that died too, and never go down while the service lives.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::counters;
use super::queues::{Queue, Queues};
use crate::clock::Millis;
use crate::fleet::SlotId;
use crate::page::{self, Histogram, Page, Reading, Slot, State, Totals};

/// The service at a moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Facts {
    /// Of this library.
    pub(crate) version: String,
    /// The master's process.
    pub(crate) master: i32,
    /// One word: `starting`, `running`, `reloading`, `upgrading`, `away`, `draining`, `stopping`.
    pub(crate) state: String,
    /// Whether requests are welcome, as the master has it; see [`Facts::refusal`].
    pub(crate) serving: bool,
    pub(crate) uptime_ms: u64,
    pub(crate) generation: u32,
    pub(crate) wanted: u64,
    pub(crate) ready: u64,
    /// How often workers died soon after their start, one after the other.
    pub(crate) crash_level: u64,
    /// Requests being answered now.
    pub(crate) busy: u64,
    /// Connections open now.
    pub(crate) connections: u64,
    /// What living and dead workers counted.
    pub(crate) traffic: Traffic,
    pub(crate) workers: Vec<Worker>,
    pub(crate) counters: Vec<Counted>,
    /// Where connections wait to be accepted; those that can't be asked are missing.
    pub(crate) queues: Vec<Queue>,
}

/// What was served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Traffic {
    pub(crate) requests: u64,
    pub(crate) accepted: u64,
    /// Answers by their first digit, from 1.
    pub(crate) statuses: [u64; 5],
    pub(crate) bytes: u64,
    /// The sum of all requests' times.
    pub(crate) time_us: u64,
    pub(crate) latency: Latency,
    /// What `latency` was made of.
    #[serde(skip)]
    pub(crate) latencies: Histogram,
}

/// How long requests took; nothing without any.
#[expect(clippy::struct_field_names, reason = "the unit is part of what a reader of the JSON sees")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Latency {
    pub(crate) p50_us: Option<u64>,
    pub(crate) p90_us: Option<u64>,
    pub(crate) p99_us: Option<u64>,
    pub(crate) p999_us: Option<u64>,
}

/// A worker at a moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Worker {
    pub(crate) slot: u16,
    /// 0 before it has one.
    pub(crate) pid: i32,
    pub(crate) generation: u32,
    /// One word: `booting`, `ready`, `leaving`, `stopping`.
    pub(crate) state: String,
    pub(crate) age_ms: u64,
    /// Since its last sign of life.
    pub(crate) silent_ms: u64,
    pub(crate) busy: u64,
    pub(crate) connections: u64,
    /// Bytes, now and at most.
    pub(crate) memory: u64,
    pub(crate) peak_memory: u64,
    pub(crate) traffic: Traffic,
    /// The requests it is answering, the oldest first; of many, some.
    pub(crate) in_hand: Vec<Running>,
}

/// A request that is being answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Running {
    pub(crate) ms: u64,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) peer: String,
    pub(crate) id: String,
}

/// A counter of the master's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counted {
    pub(crate) name: String,
    /// Which of that name, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) of: Option<String>,
    pub(crate) count: u64,
}

impl Facts {
    /// Reads the page, and asks the kernel for the queues.
    pub(crate) fn read(page: &Page, queues: &Queues, now: Millis) -> Self {
        let (mut totals, found) = page.steady(|| {
            let slots = page.slots().filter(|(_, slot)| slot.state() != State::Free);
            (page.dead(), slots.map(|(id, slot)| (id, slot, slot.facts())).collect::<Vec<_>>())
        });
        for (_, _, facts) in &found {
            totals.add(facts);
        }
        // Before the phase, which is written first: a refusal comes with its reason.
        let serving = page.is_serving();
        let service = page.service();
        let sum = |of: fn(&page::Facts) -> u64| {
            found.iter().fold(0_u64, |sum, (_, _, facts)| sum.saturating_add(of(facts)))
        };
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            master: page.master().map_or(0, |pid| pid.as_raw_nonzero().get()),
            state: service.phase.to_owned(),
            serving,
            uptime_ms: millis(now.since(page.started())),
            generation: service.generation,
            wanted: service.wanted,
            ready: sum(|facts| u64::from(facts.state == State::Ready)),
            crash_level: service.crash_level,
            busy: sum(|facts| facts.busy),
            connections: sum(|facts| facts.connections),
            traffic: Traffic::of(&totals),
            workers: found.iter().map(|(id, slot, facts)| Worker::of(*id, *slot, facts, now)).collect(),
            counters: counters::read(&service),
            queues: queues.ask(),
        }
    }

    /// Why requests had better go elsewhere; `None` if they are welcome.
    pub(crate) fn refusal(&self) -> Option<&'static str> {
        match self.state.as_str() {
            "draining" => Some("draining"),
            "stopping" => Some("stopping"),
            "away" => Some("no worker serves until a reload"),
            _ if self.ready == 0 => Some("no worker is ready"),
            _ if !self.serving => Some("not serving yet, or draining"),
            _ => None,
        }
    }

    /// How many workers are in that state.
    pub(crate) fn workers_in(&self, state: &str) -> usize {
        self.workers.iter().filter(|worker| worker.state == state).count()
    }
}

impl Traffic {
    fn of(totals: &Totals) -> Self {
        Self {
            requests: totals.requests,
            accepted: totals.accepted,
            statuses: totals.statuses,
            bytes: totals.bytes,
            time_us: micros(totals.time),
            latency: Latency::of(&totals.latencies),
            latencies: totals.latencies.clone(),
        }
    }
}

impl Latency {
    fn of(latencies: &Histogram) -> Self {
        let at = |thousandths| latencies.percentile(thousandths).map(micros);
        Self { p50_us: at(500), p90_us: at(900), p99_us: at(990), p999_us: at(999) }
    }
}

impl Worker {
    fn of(id: SlotId, slot: Slot<'_>, facts: &page::Facts, now: Millis) -> Self {
        let mut totals = Totals::default();
        totals.add(facts);
        let whole = slot.in_hand().filter_map(|reading| match reading {
            Reading::Whole(request) => Some(Running::of(&request, now)),
            Reading::Free | Reading::Torn => None,
        });
        let mut in_hand: Vec<_> = whole.collect();
        in_hand.sort_by_key(|request| std::cmp::Reverse(request.ms));
        Self {
            slot: id.0,
            pid: facts.pid.unwrap_or_default(),
            generation: facts.generation,
            state: word(facts.state).to_owned(),
            age_ms: millis(now.since(facts.forked)),
            silent_ms: millis(now.since(facts.heartbeat)),
            busy: facts.busy,
            connections: facts.connections,
            memory: facts.memory,
            peak_memory: facts.peak_memory,
            traffic: Traffic::of(&totals),
            in_hand,
        }
    }
}

impl Running {
    fn of(request: &page::InHand, now: Millis) -> Self {
        Self {
            ms: millis(now.since(request.started)),
            method: clean(&request.method),
            target: clean(&request.target),
            peer: clean(&request.peer),
            id: clean(&request.request),
        }
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Free => "free",
        State::Booting => "booting",
        State::Ready => "ready",
        State::Leaving => "leaving",
        State::Stopping => "stopping",
    }
}

/// A text without what moves a terminal's cursor or turns the order of letters round.
fn clean(text: &str) -> String {
    let turns =
        |it: char| matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|it| if it.is_control() || turns(it) { char::REPLACEMENT_CHARACTER } else { it })
        .collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
