//! [`Service`]: what the master says of the whole service, and [`Totals`]: what all workers counted, those that died included.
//!
//! Both stand in the page's header, so they outlive workers and upgrades. The master alone writes them. A dead worker's counts move from its
//! slot to the totals in one step for those who read by [`Page::steady`]: a count never goes down, and nothing is counted twice.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use super::layout::{BUCKETS, COUNTERS, header};
use super::{Facts, Histogram, Page};
use crate::clock::Millis;
use crate::fleet::SlotId;

/// What the master says of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// One of [`PHASES`].
    pub(crate) phase: &'static str,
    pub(crate) generation: u32,
    /// How many workers there shall be.
    pub(crate) wanted: u64,
    /// How often workers died soon after their start, one after the other.
    pub(crate) crash_level: u64,
    /// What the master counted; who counts what is `observe`'s matter.
    pub(crate) counters: [u64; COUNTERS],
}

/// What workers counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) requests: u64,
    pub(crate) accepted: u64,
    /// Answers by their first digit, from 1.
    pub(crate) statuses: [u64; 5],
    pub(crate) bytes: u64,
    /// The sum of all requests' times.
    pub(crate) time: Duration,
    pub(crate) unnoted: u64,
    pub(crate) latencies: Histogram,
}

impl Totals {
    /// Adds a worker's counts, which may be any numbers.
    pub(crate) fn add(&mut self, facts: &Facts) {
        self.requests = self.requests.saturating_add(facts.requests);
        self.accepted = self.accepted.saturating_add(facts.accepted);
        for (sum, more) in self.statuses.iter_mut().zip(facts.statuses) {
            *sum = sum.saturating_add(more);
        }
        self.bytes = self.bytes.saturating_add(facts.bytes);
        self.time = self.time.saturating_add(facts.time);
        self.unnoted = self.unnoted.saturating_add(facts.unnoted);
        self.latencies.add(&facts.latencies);
    }
}

impl Page {
    // The master's side.

    /// Says how the service is.
    pub(crate) fn publish(&self, service: &Service) {
        let phase = PHASES.iter().position(|phase| *phase == service.phase).map_or(0, |at| at + 1);
        self.set(header::PHASE, phase as u64);
        self.set(header::GENERATION, service.generation.into());
        self.set(header::WANTED, service.wanted);
        self.set(header::CRASH_LEVEL, service.crash_level);
        for (at, count) in service.counters.iter().enumerate() {
            self.set(header::COUNTERS + at, *count);
        }
    }

    /// Says whether balancers shall send requests, if a worker is ready.
    pub(crate) fn set_serving(&self, serving: bool) {
        self.set(header::SERVING, serving.into());
    }

    /// Gives back the slot of a worker that was reaped, and keeps what it counted.
    pub(crate) fn bury(&self, id: SlotId) {
        let Some(slot) = self.slot(id) else { return };
        let epoch = self.word(header::EPOCH);
        // It was left odd if a master died at this very place.
        let writing = epoch.load(Ordering::Relaxed) | 1;
        epoch.store(writing, Ordering::Relaxed);
        // What follows isn't seen before the word above.
        fence(Ordering::Release);
        let mut totals = self.dead();
        totals.add(&slot.facts());
        self.set_dead(&totals);
        slot.release();
        epoch.store(writing.wrapping_add(1), Ordering::Release);
    }

    // Everybody's.

    /// How the service is, as the master said last.
    pub(crate) fn service(&self) -> Service {
        let phase = usize::try_from(self.value(header::PHASE)).ok().and_then(|number| number.checked_sub(1));
        Service {
            phase: phase.and_then(|at| PHASES.get(at)).copied().unwrap_or(UNKNOWN),
            generation: u32::try_from(self.value(header::GENERATION)).unwrap_or_default(),
            wanted: self.value(header::WANTED),
            crash_level: self.value(header::CRASH_LEVEL),
            counters: std::array::from_fn(|at| self.value(header::COUNTERS + at)),
        }
    }

    /// Whether balancers shall send requests, if a worker is ready.
    pub(crate) fn is_serving(&self) -> bool {
        self.value(header::SERVING) == 1
    }

    /// What workers counted that are dead.
    pub(crate) fn dead(&self) -> Totals {
        let at = |offset: usize| self.value(header::DEAD + offset);
        Totals {
            requests: at(0),
            accepted: at(1),
            statuses: std::array::from_fn(|class| at(2 + class)),
            bytes: at(7),
            time: Duration::from_micros(at(8)),
            unnoted: at(9),
            latencies: Histogram::of((0..BUCKETS).map(|bucket| self.value(header::DEAD_HISTOGRAM + bucket))),
        }
    }

    /// Reads while no dead worker's counts are on their way; `read` may be called several times. A master that died on the way is not
    /// waited for.
    pub(crate) fn steady<T>(&self, read: impl Fn() -> T) -> T {
        for _ in 0..STEADY_TRIES {
            if let Some(found) = self.read_steadily(&read) {
                return found;
            }
            std::thread::yield_now();
        }
        read()
    }

    /// Reads, unless a dead worker's counts were on their way meanwhile.
    fn read_steadily<T>(&self, read: impl Fn() -> T) -> Option<T> {
        let epoch = self.word(header::EPOCH);
        let before = epoch.load(Ordering::Acquire);
        if !before.is_multiple_of(2) {
            return None;
        }
        let found = read();
        fence(Ordering::Acquire);
        (epoch.load(Ordering::Relaxed) == before).then_some(found)
    }

    // The status process's.

    /// When the status process last said that it lives.
    pub(crate) fn status_beat(&self) -> Millis {
        Millis(self.value(header::STATUS_BEAT))
    }

    /// Says that it lives.
    pub(crate) fn beat_status(&self, now: Millis) {
        self.set(header::STATUS_BEAT, now.0);
    }

    fn set_dead(&self, totals: &Totals) {
        let micros = u64::try_from(totals.time.as_micros()).unwrap_or(u64::MAX);
        let [first, second, third, fourth, fifth] = totals.statuses;
        let words = [
            totals.requests,
            totals.accepted,
            first,
            second,
            third,
            fourth,
            fifth,
            totals.bytes,
            micros,
            totals.unnoted,
        ];
        for (offset, value) in words.into_iter().enumerate() {
            self.set(header::DEAD + offset, value);
        }
        for (bucket, count) in totals.latencies.counts().iter().enumerate() {
            self.set(header::DEAD_HISTOGRAM + bucket, *count);
        }
    }

    fn word(&self, at: usize) -> &AtomicU64 {
        &self.mapping.words()[at]
    }

    fn value(&self, at: usize) -> u64 {
        self.word(at).load(Ordering::Acquire)
    }
}

/// The words that a fleet has for its state, in the order of their numbers in the page, from 1.
const PHASES: &[&str] = &["starting", "running", "reloading", "upgrading", "away", "draining", "stopping"];

/// Before the master has said anything, or of a master with other words.
const UNKNOWN: &str = "unknown";

/// A master needs some microseconds; one that was stopped on the way isn't waited for.
const STEADY_TRIES: u32 = 1000;

#[cfg(test)]
mod tests {
    use rustix::process::Pid;

    use super::*;
    use crate::fleet::Generation;

    fn page() -> Page {
        Page::create(2, Pid::INIT, Millis(42)).unwrap()
    }

    fn answer(page: &Page, slot: u16) {
        let slot = page.slot(SlotId(slot)).unwrap();
        slot.connection_began();
        let note =
            super::super::Note { started: Millis(1), method: "GET", target: "/", peer: "", request: "" };
        let noted = slot.request_began(&note);
        slot.request_ended(noted, 200, 10, Duration::from_micros(70));
    }

    #[test]
    fn what_the_master_says_is_read_as_it_was_said() {
        let page = page();
        assert_eq!(page.service().phase, "unknown");
        let mut counters = [0; COUNTERS];
        counters[31] = 7;
        for phase in PHASES {
            let said = Service { phase, generation: 3, wanted: 4, crash_level: 1, counters };
            page.publish(&said);
            assert_eq!(page.service(), said);
        }
        assert!(!page.is_serving());
        page.set_serving(true);
        assert!(page.is_serving());
        page.beat_status(Millis(9));
        assert_eq!(page.status_beat(), Millis(9));
    }

    #[test]
    fn a_dead_workers_counts_stay_and_its_slot_is_free() {
        let page = page();
        for round in 1..=3 {
            page.slot(SlotId(1)).unwrap().prepare(Generation(round), Millis(1));
            answer(&page, 1);
            answer(&page, 1);
            page.bury(SlotId(1));
        }
        let dead = page.dead();
        assert_eq!((dead.requests, dead.accepted, dead.bytes, dead.statuses), (6, 6, 60, [0, 6, 0, 0, 0]));
        assert_eq!((dead.time, dead.latencies.total()), (Duration::from_micros(420), 6));
        assert_eq!(page.slot(SlotId(1)).unwrap().facts(), Facts::default());
        page.bury(SlotId(2));
        assert_eq!(page.dead(), dead, "there is no such slot");
    }

    #[test]
    fn the_sum_over_living_and_dead_never_goes_down() {
        let page = page();
        // However long the machine lets the other thread stand in the middle.
        let sum = || loop {
            let read =
                || page.slots().fold(page.dead().requests, |sum, (_, slot)| sum + slot.facts().requests);
            if let Some(sum) = page.read_steadily(read) {
                return sum;
            }
            std::thread::yield_now();
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..500 {
                    page.slot(SlotId(0)).unwrap().prepare(Generation(round), Millis(1));
                    answer(&page, 0);
                    page.bury(SlotId(0));
                }
            });
            let mut last = 0;
            while last < 500 {
                let now = sum();
                assert!(now >= last && now <= 500, "{last} -> {now}");
                last = now;
            }
        });
    }

    #[test]
    fn a_master_that_died_on_the_way_is_not_waited_for_and_the_next_one_mends_it() {
        let page = page();
        page.set(header::EPOCH, 5);
        assert_eq!(page.steady(|| 1), 1);
        page.bury(SlotId(0));
        assert_eq!(page.value(header::EPOCH), 6);
    }
}
