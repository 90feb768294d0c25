//! [`Crowd`]: whether one thread can't keep up although no handler is slow; then a batch is shared out among the cores.
//!
//! Usually one thread serves its batch alone: that costs the least processor time. Only when it has had no rest for a
//! while, and there are cores to spare, does each good-sized batch wake one more. One core is left to the kernel and the
//! other processes: on one or two that never happens (tried on two, with the clients beside: it took nothing off the
//! processor time and gave no more requests a second).
//!
//! Invariant: a wrong guess costs a wake-up a batch, never progress.
//! Read on in `hub.rs` (the batch) and `watchdog.rs` (the judgement).

use crate::hub::Hub;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};

#[derive(Debug)]
pub(crate) struct Crowd {
    /// So many threads must sleep, and one more, for one to be woken: the others keep the cores busy.
    spare: usize,
    score: AtomicU32,
    crowded: AtomicBool,
}

impl Crowd {
    pub(crate) fn new(threads: usize, cores: usize) -> Self {
        let at_work = cores.saturating_sub(1).max(1);
        let spare = threads.saturating_sub(at_work);
        Self { spare, score: AtomicU32::new(0), crowded: AtomicBool::new(false) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::control::Key;

    /// A hub in which one waits and nobody polls.
    fn restless() -> Hub {
        let hub = Hub::new(&Config::default(), 1).unwrap();
        hub.queue.push_ready(Key { index: 0, generation: 0 });
        hub
    }

    fn judged(crowd: &Crowd, hub: &Hub, ticks: u32) -> bool {
        for _ in 0..ticks {
            crowd.judge(hub);
        }
        crowd.crowded.load(Ordering::Relaxed)
    }

    #[test]
    fn a_crowd_takes_many_restless_ticks_to_form_and_fewer_to_go() {
        let (hub, crowd) = (restless(), Crowd::new(8, 4));
        assert!(!judged(&crowd, &hub, CROWDED - 1));
        assert!(judged(&crowd, &hub, 1));
        hub.queue.take_ready().unwrap();
        assert!(judged(&crowd, &hub, CROWDED / 2 - 1));
        assert!(!judged(&crowd, &hub, 1));
    }

    #[test]
    fn one_core_is_left_alone_and_one_thread_is_always_at_work() {
        let spares =
            [(8, 4), (8, 2), (8, 1), (2, 16)].map(|(threads, cores)| Crowd::new(threads, cores).spare);
        assert_eq!(spares, [5, 7, 7, 0]);
    }

    #[test]
    fn a_good_sized_batch_wakes_one_of_those_who_sleep_beyond_the_spare() {
        let (hub, crowd) = (restless(), Crowd::new(2, 3));
        judged(&crowd, &hub, CROWDED);
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| hub.lead.sleep(&crate::lead::Berth::new(), || false));
            while hub.lead.asleep() == 0 {
                std::thread::yield_now();
            }
            crowd.share(&hub, WORTH_SHARING - 1);
            assert_eq!(hub.lead.asleep(), 1);
            crowd.share(&hub, WORTH_SHARING);
            sleeper.join().unwrap();
        });
    }
}
