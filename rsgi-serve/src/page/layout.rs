//! Where everything stands in the shared page, in words of eight bytes.
//!
//! A header, then the slots, all of one size. The page outlives the program's image at an upgrade, and the new image may be another
//! version: whatever moves here takes a new [`VERSION`], and a page of another one is not adopted. New counters fit into the reserved words
//! without that, for a new slot begins as zeros.

use std::ops::Range;

/// Says that this is such a page.
pub(super) const MAGIC: u64 = u64::from_be_bytes(*b"rsgipage");
/// The layout below.
pub(super) const VERSION: u64 = 1;

pub(super) const HEADER_WORDS: usize = 128;
pub(super) const SLOT_WORDS: usize = 256;

/// Words of the header.
pub(super) mod header {
    pub(in crate::page) const MAGIC: usize = 0;
    pub(in crate::page) const VERSION: usize = 1;
    pub(in crate::page) const SLOT_WORDS: usize = 2;
    pub(in crate::page) const SLOTS: usize = 3;
    pub(in crate::page) const STARTED: usize = 4;
    pub(in crate::page) const MASTER: usize = 5;
    /// Odd while the master moves a dead worker's counts to the totals.
    pub(in crate::page) const EPOCH: usize = 6;
    pub(in crate::page) const STATUS_BEAT: usize = 7;
    pub(in crate::page) const SERVING: usize = 8;
    pub(in crate::page) const PHASE: usize = 9;
    pub(in crate::page) const GENERATION: usize = 10;
    pub(in crate::page) const WANTED: usize = 11;
    pub(in crate::page) const CRASH_LEVEL: usize = 12;
    /// The master's counters; 13 to 15 are reserved.
    pub(in crate::page) const COUNTERS: usize = 16;
    /// The counts of workers that died: ten words, then the histogram.
    pub(in crate::page) const DEAD: usize = 48;
    pub(in crate::page) const DEAD_HISTOGRAM: usize = 58;
}

/// Words of a slot. 23 to 31 are reserved.
pub(super) mod slot {
    pub(in crate::page) const PID: usize = 0;
    pub(in crate::page) const GENERATION: usize = 1;
    pub(in crate::page) const STATE: usize = 2;
    pub(in crate::page) const ORDER: usize = 3;
    pub(in crate::page) const REOPENS: usize = 4;
    pub(in crate::page) const HEARTBEAT: usize = 5;
    pub(in crate::page) const FORKED: usize = 6;
    pub(in crate::page) const BOOTED: usize = 7;
    pub(in crate::page) const REQUESTS: usize = 8;
    pub(in crate::page) const BUSY: usize = 9;
    pub(in crate::page) const ACCEPTED: usize = 10;
    pub(in crate::page) const CONNECTIONS: usize = 11;
    /// Five words: 1xx to 5xx.
    pub(in crate::page) const STATUSES: usize = 12;
    pub(in crate::page) const BYTES: usize = 17;
    pub(in crate::page) const MICROSECONDS: usize = 18;
    pub(in crate::page) const MEMORY: usize = 19;
    pub(in crate::page) const PEAK_MEMORY: usize = 20;
    pub(in crate::page) const UNNOTED: usize = 21;
    /// How many requests make the worker worn; zero is never.
    pub(in crate::page) const REQUEST_LIMIT: usize = 22;
    /// One word a bucket.
    pub(in crate::page) const HISTOGRAM: usize = 32;
    /// The requests in hand.
    pub(in crate::page) const IN_HAND: usize = 96;
}

/// How many buckets the histogram has.
pub(super) const BUCKETS: usize = 64;
/// How many requests in hand are noted.
pub(super) const ENTRIES: usize = 4;
pub(super) const ENTRY_WORDS: usize = 40;

/// Words of an entry.
pub(super) mod entry {
    use super::Range;

    pub(in crate::page) const SEQUENCE: usize = 0;
    pub(in crate::page) const STARTED: usize = 1;
    pub(in crate::page) const LENGTHS: usize = 2;
    pub(in crate::page) const METHOD: Range<usize> = 3..5;
    pub(in crate::page) const TARGET: Range<usize> = 5..29;
    pub(in crate::page) const PEER: Range<usize> = 29..35;
    pub(in crate::page) const REQUEST: Range<usize> = 35..40;
}

/// How many counters the master has room for.
pub(crate) const COUNTERS: usize = 32;

// What the parts need is what there is.
const _: () = assert!(header::COUNTERS + COUNTERS == header::DEAD);
const _: () = assert!(header::DEAD_HISTOGRAM + BUCKETS <= HEADER_WORDS);
const _: () = assert!(slot::HISTOGRAM + BUCKETS == slot::IN_HAND);
const _: () = assert!(slot::IN_HAND + ENTRIES * ENTRY_WORDS == SLOT_WORDS);
