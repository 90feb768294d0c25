//! [`Crowd`]: whether one thread can't keep up although no handler is slow; then a batch is shared out among the cores.
//!
//! Usually one thread serves its batch alone: that costs the least processor time. Only when it has had no rest for a
//! while, and there are cores to spare, does each good-sized batch wake one more. On a single core (or when the process
//! is bound to one) that never happens.
//!
//! Invariant: a wrong guess costs a wake-up a batch, never progress.
//! Read on in `hub.rs` (the batch) and `watchdog.rs` (the judgement).

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::hub::Hub;

#[derive(Debug)]
pub(crate) struct Crowd {
    /// So many threads must sleep, and one more, for one to be woken: the others keep every core busy.
    spare: usize,
    score: AtomicU32,
    crowded: AtomicBool,
}

impl Crowd {
    pub(crate) fn new(threads: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            spare: threads.saturating_sub(cores),
            score: AtomicU32::new(0),
            crowded: AtomicBool::new(false),
        }
    }

    /// A leader has put so many in the queue, and will serve them.
    #[inline]
    pub(crate) fn share(&self, hub: &Hub, batch: usize) {
        if batch >= WORTH_SHARING && self.crowded.load(Ordering::Relaxed) && hub.lead.asleep() > self.spare {
            hub.promote();
        }
    }

    /// A tick's judgement: does somebody wait although work gets done, and nobody rests?
    pub(crate) fn judge(&self, hub: &Hub) {
        let restless = hub.queue.has_ready() && !hub.lead.is_blocked();
        let score = self.score.load(Ordering::Relaxed);
        let score = if restless { (score + 1).min(CROWDED) } else { score.saturating_sub(2) };
        self.score.store(score, Ordering::Relaxed);
        if score == CROWDED {
            self.crowded.store(true, Ordering::Relaxed);
        } else if score == 0 {
            self.crowded.store(false, Ordering::Relaxed);
        }
    }
}

/// A batch of so many is worth a wake-up.
const WORTH_SHARING: usize = 8;

/// So many restless ticks, less two for each other one, make a crowd.
const CROWDED: u32 = 16;
