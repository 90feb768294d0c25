//! [`Slot`]: what one worker tells of itself, and what the master tells it.
//!
//! The worker writes all but the orders; the master writes those and clears the slot for a new worker. Every value is a word of its own
//! and read as it is at that moment, so two of them need not fit together: `requests` may be one ahead of the histogram.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::Pid;

use super::histogram::{self, Histogram};
use super::in_hand::{self, Note, Noted, Reading};
use super::layout::{BUCKETS, SLOT_WORDS, slot};
use crate::clock::Millis;
use crate::fleet::Generation;

/// A worker's part of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'a> {
    /// Exactly the slot's words.
    words: &'a [AtomicU64; SLOT_WORDS],
}

/// Where a worker is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// No worker has the slot.
    #[default]
    Free,
    /// It was forked and isn't ready.
    Booting,
    /// It serves.
    Ready,
    /// It takes no more connections and keeps those it has until their next answer.
    Leaving,
    /// It finishes what it has and ends.
    Stopping,
}

/// What the master wants of a worker's life. A later one is always stronger: [`Slot::give`] never takes one back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wanted {
    /// To serve.
    #[default]
    Serve,
    /// To leave while the service goes on.
    Leave,
    /// To stop gracefully.
    Stop,
    /// To stop at once.
    Quick,
}

/// Everything a slot says, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) pid: Option<i32>,
    pub(crate) generation: u32,
    pub(crate) state: State,
    pub(crate) heartbeat: Millis,
    pub(crate) forked: Millis,
    /// When it became ready; zero before.
    pub(crate) booted: Millis,
    pub(crate) requests: u64,
    /// How many requests it has in hand now.
    pub(crate) busy: u64,
    pub(crate) accepted: u64,
    /// How many connections it has open now.
    pub(crate) connections: u64,
    /// Answers by their first digit, from 1.
    pub(crate) statuses: [u64; 5],
    pub(crate) bytes: u64,
    /// The sum of all requests' times.
    pub(crate) time: Duration,
    /// Resident memory in bytes, now and at most.
    pub(crate) memory: u64,
    pub(crate) peak_memory: u64,
    /// Requests that weren't noted because too many were in hand.
    pub(crate) unnoted: u64,
    pub(crate) latencies: Histogram,
}

impl<'a> Slot<'a> {
    pub(super) fn new(words: &'a [AtomicU64; SLOT_WORDS]) -> Self {
        Self { words }
    }

    // The master's side.

    /// Clears the slot for a new worker. Only when the one before is dead: it would go on writing.
    pub(crate) fn prepare(self, generation: Generation, now: Millis) {
        self.release();
        self.set(slot::GENERATION, generation.0.into());
        self.set(slot::FORKED, now.0);
        self.set(slot::HEARTBEAT, now.0);
        self.set(slot::STATE, encode(State::Booting));
    }

    /// Says with how many requests the worker will be worn; zero is never.
    pub(crate) fn limit_requests(self, most: u64) {
        self.set(slot::REQUEST_LIMIT, most);
    }

    /// Gives the slot back after its worker's death.
    pub(crate) fn release(self) {
        // First of all, so that nobody takes what is left for a worker.
        self.set(slot::STATE, encode(State::Free));
        self.words.iter().for_each(|word| word.store(0, Ordering::Release));
    }

    /// Sets the worker's number; master and worker both may, whoever comes first.
    pub(crate) fn set_pid(self, pid: Pid) {
        self.set(slot::PID, u64::from(pid.as_raw_nonzero().get().unsigned_abs()));
    }

    /// Orders it. A weaker order than the one given before changes nothing.
    pub(crate) fn give(self, wanted: Wanted) {
        self.words[slot::ORDER].fetch_max(wanted as u64, Ordering::AcqRel);
    }

    /// Asks it to open its logs again.
    pub(crate) fn ask_to_reopen(self) {
        self.words[slot::REOPENS].fetch_add(1, Ordering::AcqRel);
    }

    // The worker's side.

    /// What the master wants.
    pub(crate) fn wanted(self) -> Wanted {
        match self.value(slot::ORDER) {
            0 => Wanted::Serve,
            1 => Wanted::Leave,
            2 => Wanted::Stop,
            _ => Wanted::Quick,
        }
    }

    /// How often it was asked to open its logs again: it does so whenever this has changed.
    pub(crate) fn reopens(self) -> u64 {
        self.value(slot::REOPENS)
    }

    /// Says that it lives.
    pub(crate) fn beat(self, now: Millis) {
        self.set(slot::HEARTBEAT, now.0);
    }

    /// Says that it serves from now on.
    pub(crate) fn set_ready(self, now: Millis) {
        self.set(slot::BOOTED, now.0);
        self.beat(now);
        self.set(slot::STATE, encode(State::Ready));
    }

    /// Says how far it has got in obeying.
    pub(crate) fn set_state(self, state: State) {
        self.set(slot::STATE, encode(state));
    }

    /// Says how much memory it has.
    pub(crate) fn set_memory(self, bytes: u64) {
        self.set(slot::MEMORY, bytes);
        self.words[slot::PEAK_MEMORY].fetch_max(bytes, Ordering::Relaxed);
    }

    /// Says how many connections came since its start, and how many are open, where its server tells.
    pub(crate) fn set_connections(self, accepted: u64, open: u64) {
        self.set(slot::ACCEPTED, accepted);
        self.set(slot::CONNECTIONS, open);
    }

    /// Counts a connection that came.
    pub(crate) fn connection_began(self) {
        self.count(slot::ACCEPTED, 1);
        self.count(slot::CONNECTIONS, 1);
    }

    /// Counts a connection that ended.
    pub(crate) fn connection_ended(self) {
        self.words[slot::CONNECTIONS].fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a request that came, and notes it if there is room.
    pub(crate) fn request_began(self, note: &Note<'_>) -> Option<Noted<'a>> {
        let noted = self.note(note);
        self.count_request(noted.is_some());
        noted
    }

    /// Counts a request that came.
    pub(crate) fn count_request(self, is_noted: bool) {
        self.count(slot::BUSY, 1);
        if !is_noted {
            self.count(slot::UNNOTED, 1);
        }
    }

    /// Notes a request that was counted, if there is room.
    pub(crate) fn note(self, note: &Note<'_>) -> Option<Noted<'a>> {
        in_hand::note(&self.words[slot::IN_HAND..], note)
    }

    /// Counts a request that was answered, whether it was noted or not. Tells whether it was the one that makes the worker worn.
    pub(crate) fn request_ended(
        self,
        noted: Option<Noted<'a>>,
        status: u16,
        bytes: u64,
        took: Duration,
    ) -> bool {
        drop(noted);
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.count(slot::STATUSES + class, 1);
        self.count(slot::BYTES, bytes);
        self.count(slot::MICROSECONDS, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        self.count(slot::HISTOGRAM + histogram::bucket(took).min(BUCKETS - 1), 1);
        let before = self.words[slot::REQUESTS].fetch_add(1, Ordering::Relaxed);
        self.words[slot::BUSY].fetch_sub(1, Ordering::Relaxed);
        before + 1 == self.value(slot::REQUEST_LIMIT)
    }

    // Everybody's.

    /// Where the worker is in its life; a word that means nothing is read as free.
    pub(crate) fn state(self) -> State {
        match self.value(slot::STATE) {
            1 => State::Booting,
            2 => State::Ready,
            3 => State::Leaving,
            4 => State::Stopping,
            _ => State::Free,
        }
    }

    /// When it last said that it lives.
    pub(crate) fn heartbeat(self) -> Millis {
        Millis(self.value(slot::HEARTBEAT))
    }

    /// All that it says.
    pub(crate) fn facts(self) -> Facts {
        Facts {
            pid: i32::try_from(self.value(slot::PID)).ok().filter(|pid| *pid > 0),
            generation: u32::try_from(self.value(slot::GENERATION)).unwrap_or_default(),
            state: self.state(),
            heartbeat: self.heartbeat(),
            forked: Millis(self.value(slot::FORKED)),
            booted: Millis(self.value(slot::BOOTED)),
            requests: self.value(slot::REQUESTS),
            busy: self.value(slot::BUSY),
            accepted: self.value(slot::ACCEPTED),
            connections: self.value(slot::CONNECTIONS),
            statuses: std::array::from_fn(|class| self.value(slot::STATUSES + class)),
            bytes: self.value(slot::BYTES),
            time: Duration::from_micros(self.value(slot::MICROSECONDS)),
            memory: self.value(slot::MEMORY),
            peak_memory: self.value(slot::PEAK_MEMORY),
            unnoted: self.value(slot::UNNOTED),
            latencies: Histogram::of((0..BUCKETS).map(|bucket| self.value(slot::HISTOGRAM + bucket))),
        }
    }

    /// The requests it has, or had, in hand.
    pub(crate) fn in_hand(self) -> impl Iterator<Item = Reading> + 'a {
        in_hand::read(&self.words[slot::IN_HAND..])
    }

    /// Since when it has its oldest request in hand, of those that are noted.
    pub(crate) fn oldest(self) -> Option<Millis> {
        let started = self.in_hand().filter_map(|reading| match reading {
            Reading::Whole(request) => Some(request.started),
            Reading::Free | Reading::Torn => None,
        });
        started.min()
    }

    fn value(self, word: usize) -> u64 {
        self.words[word].load(Ordering::Acquire)
    }

    fn set(self, word: usize, value: u64) {
        self.words[word].store(value, Ordering::Release);
    }

    fn count(self, word: usize, more: u64) {
        self.words[word].fetch_add(more, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn begin_note_and_die(self) {
        in_hand::begin_and_die(&self.words[slot::IN_HAND..]);
    }
}

fn encode(state: State) -> u64 {
    state as u64
}
