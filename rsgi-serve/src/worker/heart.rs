//! A worker's heart: a thread that writes the time into the slot as long as the worker gets on, and notices the master's end, or
//! that a leaving worker's time is almost over.
//!
//! The master holds the writing end of a pipe and never writes: its end is read at once when the master dies, however it does.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::reins::Reins;
use crate::clock::Millis;
use crate::page::Slot;
use crate::process::{Child, memory};

/// What a heart needs.
#[derive(Debug)]
pub(super) struct Heart {
    pub(super) slot: Slot<'static>,
    pub(super) life: Option<OwnedFd>,
    /// How many threads of the worker can be held by the app.
    pub(super) threads: usize,
    /// The limit of silence; zero is none.
    pub(super) silence: Duration,
    /// How long a worker that leaves may take.
    pub(super) graceful: Duration,
    /// The limit of one request; zero is none.
    pub(super) limit: Duration,
    pub(super) reins: Arc<Reins>,
}

impl Heart {
    /// Begins to beat.
    pub(super) fn start(self, _: &Child) -> io::Result<()> {
        thread::Builder::new().name("rsgi-heart".to_owned()).spawn(move || self.beat())?;
        Ok(())
    }

    fn beat(mut self) {
        let period = period(self.silence, self.limit, self.graceful);
        loop {
            if self.reins.gauge.gets_on(self.threads) {
                self.slot.beat(Millis::now());
            }
            if let Some(memory) = memory::resident() {
                self.slot.set_memory(memory.now);
            }
            self.reins.note_load();
            if !self.limit.is_zero() {
                self.reins.gauge.running.look(self.slot, self.limit, Millis::now());
            }
            self.reins.close_idle_in_time();
            if self.master_ended_within(period) {
                self.life = None;
                self.reins.orphaned();
            }
        }
    }

    /// Waits for so long, or until the master has ended.
    fn master_ended_within(&self, period: Duration) -> bool {
        let Some(life) = &self.life else {
            thread::sleep(period);
            return false;
        };
        let mut polled = [PollFd::new(life, PollFlags::IN)];
        let timeout = Timespec {
            tv_sec: i64::try_from(period.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: period.subsec_nanos().into(),
        };
        // Interrupted, it is asked again after the next beat.
        matches!(poll(&mut polled, Some(&timeout)), Ok(1..))
    }
}

/// Four beats in the shorter limit, twenty in that of leaving, and one a second at least.
fn period(silence: Duration, request: Duration, graceful: Duration) -> Duration {
    let limits = [silence, request, graceful / 5].into_iter().filter(|limit| !limit.is_zero());
    limits.map(|limit| limit / 4).fold(SLOWEST, Duration::min).max(FASTEST)
}

const SLOWEST: Duration = Duration::from_secs(1);
const FASTEST: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heart_beats_four_times_in_the_shorter_limit() {
        let (off, second) = (Duration::ZERO, Duration::from_secs(1));
        assert_eq!(period(2 * second, off, off), second / 2);
        assert_eq!(period(2 * second, second, off), second / 4);
        assert_eq!(period(30 * second, off, 30 * second), SLOWEST);
        assert_eq!(period(30 * second, off, second), second / 20);
        assert_eq!(period(off, off, off), SLOWEST);
        assert_eq!(period(second / 1000, off, off), FASTEST);
    }
}
