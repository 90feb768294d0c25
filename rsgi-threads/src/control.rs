//! [`Control`]: one connection's (or listener's) state word: who may touch it, what is pending, what it waits for.
//!
//! All transitions are here, each one atomic step on one word; what they mean to queues and protocols is decided by the
//! callers. The connection itself lives in `cells.rs`.
//!
//! Invariants: an entry stands in a queue if and only if its status is `Queued`; exactly one thread has it while it is
//! `Held`; an event that comes while it is `Queued` or `Held` is remembered, and seen at the latest when the holder
//! lets it rest; a key of an earlier tenant changes nothing (the generation differs). The tests try every transition.
//! Read on in `hub.rs`.

use std::fmt;

use crate::next::{Hangup, Interest, Readiness};
use crate::sync::atomic::{AtomicU64, Ordering};

/// A slot and its generation: the name of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl Key {
    pub(crate) fn to_u64(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    pub(crate) fn from_u64(raw: u64) -> Self {
        Self { index: raw as u32, generation: (raw >> 32) as u32 }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

/// What has happened to an entry and was not yet told to its protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Events(u8);

impl Events {
    pub(crate) const NONE: Self = Self(0);
    /// The two directions have the same bits as in `Interest`.
    pub(crate) const READ: Self = Self(1);
    pub(crate) const WRITE: Self = Self(2);
    pub(crate) const FINISHED: Self = Self(4);
    pub(crate) const GONE: Self = Self(8);
    pub(crate) const WOKEN: Self = Self(16);
    pub(crate) const TIMEOUT: Self = Self(32);
    pub(crate) const DRAIN: Self = Self(64);
    /// Nothing happened: the connection waits for a thread that may run it.
    pub(crate) const RUN: Self = Self(128);

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The hang-up among them.
    pub(crate) fn hangup(self) -> Option<Hangup> {
        if self.has(Self::GONE) {
            Some(Hangup::Gone)
        } else if self.has(Self::FINISHED) {
            Some(Hangup::Finished)
        } else {
            None
        }
    }

    /// Whatever of this a resting entry is roused by, whatever it waits for.
    const ROUSING: Self = Self(4 | 8 | 16 | 32 | 64 | 128);
    /// What stays known for good.
    const LASTING: Self = Self(4 | 8);
    /// What `Protocol::ready` is called for.
    const READY: Self = Self(1 | 2 | 4 | 8 | 16);
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08b}", self.0)
    }
}

/// What a holder finds when it takes an entry up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) events: Events,
    /// What it had been waiting for.
    pub(crate) interest: Interest,
    lasting: Events,
}

impl Taken {
    /// What to tell `Protocol::ready`, if there is anything.
    pub(crate) fn readiness(self) -> Option<Readiness> {
        self.events.has(Events::READY).then(|| Readiness {
            readable: self.events.has(Events::READ),
            writable: self.events.has(Events::WRITE),
            woken: self.events.has(Events::WOKEN),
            hangup: self.lasting.hangup(),
        })
    }
}

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    /// The key's connection is gone.
    Stale,
    /// It is remembered.
    Kept,
    /// The entry is `Queued` now: put it in the queue of the ready.
    Queue,
    /// It is remembered while a handler has the connection or is due, whose shared part must hear of what can't wait: of
    /// this hang-up, which is news.
    Busy(Option<Hangup>),
}

/// What came of letting an entry rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rested {
    /// It waits.
    Waiting,
    /// Something had come meanwhile; it is `Queued` now: put it in the queue of the ready.
    Queue,
}

/// One entry's state word, and its deadline's two numbers (which `timers.rs` explains).
#[derive(Debug)]
pub(crate) struct Control {
    word: AtomicU64,
    pub(crate) deadline: AtomicU64,
    pub(crate) armed: AtomicU64,
}

impl Control {
    /// Gives a free entry to its next tenant, held by the caller.
    pub(crate) fn occupy(&self) -> u32 {
        let mut generation = 0;
        self.update(|word| {
            debug_assert_eq!(word.status, Status::Free);
            generation = word.generation;
            Some((Word { status: Status::Held, ..Word::free(generation) }, ()))
        });
        generation
    }

    /// Tells the entry that something happened.
    pub(crate) fn post(&self, generation: u32, events: Events) -> Posted {
        self.update(|word| {
            if word.generation != generation {
                return None;
            }
            let mut next = word;
            next.pending = word.pending.and(events);
            next.lasting = word.lasting.and(Events(events.0 & Events::LASTING.0));
            match word.status {
                Status::Free => None,
                Status::Waiting if next.is_roused() => {
                    next.status = Status::Queued;
                    Some((next, Posted::Queue))
                }
                Status::Queued if !word.pending.has(Events::RUN) => Some((next, Posted::Kept)),
                Status::Waiting => Some((next, Posted::Kept)),
                Status::Queued | Status::Held => {
                    let news = events.hangup().filter(|_| next.lasting != word.lasting);
                    Some((next, Posted::Busy(news)))
                }
            }
        })
        .unwrap_or(Posted::Stale)
    }

    /// Rouses an entry whose deadline has passed; the key to put in the queue, if it was waiting. Who holds the entry
    /// may have set that very deadline and be about to let it wait, so it is remembered there; one in the queue will be
    /// held first, and its deadline set then.
    pub(crate) fn expire(&self, index: u32) -> Option<Key> {
        self.update(|word| {
            let mut next = word;
            next.pending = word.pending.and(Events::TIMEOUT);
            match word.status {
                Status::Waiting => {
                    next.status = Status::Queued;
                    Some((next, Some(Key { index, generation: word.generation })))
                }
                Status::Held => Some((next, None)),
                Status::Queued | Status::Free => None,
            }
        })
        .flatten()
    }

    /// Takes a queued entry up, with all that is pending. `None`: it is somebody else's by now.
    ///
    /// For one that waits to be run everything else stays pending.
    pub(crate) fn take(&self, generation: u32) -> Option<Taken> {
        self.update(|word| {
            if word.generation != generation || word.status != Status::Queued {
                return None;
            }
            let mut next = Word { status: Status::Held, pending: Events::NONE, ..word };
            let mut taken = Taken { events: word.pending, interest: word.interest, lasting: word.lasting };
            if word.pending.has(Events::RUN) {
                next.pending = Events(word.pending.0 & !Events::RUN.0);
                taken.events = Events::RUN;
            }
            Some((next, taken))
        })
    }

    /// Takes an entry up that nobody holds, whatever is pending, in order to close it.
    pub(crate) fn seize(&self) -> bool {
        self.update(|word| {
            let free = matches!(word.status, Status::Waiting | Status::Queued);
            free.then_some((Word { status: Status::Held, ..word }, ()))
        })
        .is_some()
    }

    /// Lets a held entry wait, unless what it would wait for has come.
    pub(crate) fn rest(&self, interest: Interest) -> Rested {
        self.update(|word| {
            debug_assert_eq!(word.status, Status::Held);
            let mut next = Word { status: Status::Waiting, interest, ..word };
            if next.is_roused() {
                next.status = Status::Queued;
                return Some((next, Rested::Queue));
            }
            Some((next, Rested::Waiting))
        })
        .unwrap_or(Rested::Waiting)
    }

    /// Puts a held entry back into a queue, with `events` pending besides what has come.
    pub(crate) fn requeue(&self, events: Events) {
        self.update(|word| {
            debug_assert_eq!(word.status, Status::Held);
            Some((Word { status: Status::Queued, pending: word.pending.and(events), ..word }, ()))
        });
    }

    /// Ends a held entry's tenancy; older keys are stale from now on.
    pub(crate) fn vacate(&self) {
        self.update(|word| {
            debug_assert_eq!(word.status, Status::Held);
            Some((Word::free(word.generation.wrapping_add(1)), ()))
        });
    }

    /// The key of the present tenant, if there is one.
    pub(crate) fn tenant(&self, index: u32) -> Option<Key> {
        let word = Word::unpack(self.word.load(Ordering::Acquire));
        (word.status != Status::Free).then_some(Key { index, generation: word.generation })
    }

    /// One atomic step, tried until nobody came between.
    #[inline]
    fn update<T>(&self, mut step: impl FnMut(Word) -> Option<(Word, T)>) -> Option<T> {
        let mut seen = self.word.load(Ordering::Acquire);
        loop {
            let (next, result) = step(Word::unpack(seen))?;
            match self.word.compare_exchange_weak(seen, next.pack(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(result),
                Err(now) => seen = now,
            }
        }
    }
}

impl Default for Control {
    fn default() -> Self {
        Self { word: AtomicU64::new(0), deadline: AtomicU64::new(u64::MAX), armed: AtomicU64::new(u64::MAX) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Free,
    Waiting,
    Queued,
    Held,
}

/// The state word, unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    generation: u32,
    status: Status,
    interest: Interest,
    pending: Events,
    lasting: Events,
}

impl Word {
    fn free(generation: u32) -> Self {
        let none = Events::NONE;
        Self { generation, status: Status::Free, interest: Interest::NONE, pending: none, lasting: none }
    }

    fn is_roused(self) -> bool {
        self.pending.0 & (Events::ROUSING.0 | self.interest.bits()) != 0
    }

    fn pack(self) -> u64 {
        u64::from(self.generation) << 32
            | u64::from(self.lasting.0) << 24
            | u64::from(self.pending.0) << 16
            | u64::from(self.interest.bits()) << 8
            | self.status as u64
    }

    fn unpack(raw: u64) -> Self {
        let byte = |at: u32| raw.to_le_bytes()[at as usize];
        let status = match byte(0) {
            0 => Status::Free,
            1 => Status::Waiting,
            2 => Status::Queued,
            _ => Status::Held,
        };
        Self {
            generation: Key::from_u64(raw).generation,
            status,
            interest: Interest::from_bits(byte(1)),
            pending: Events(byte(2)),
            lasting: Events(byte(3)),
        }
    }
}

#[cfg(test)]
mod tests;
