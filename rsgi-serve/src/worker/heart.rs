//! A worker's heart: a thread that writes the time into the slot as long as the worker gets on, and notices the master's end.
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
use crate::log::level::{Level, say};
use crate::page::{Reading, Slot};
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
    /// The limit of one request; zero is none.
    pub(super) limit: Duration,
    pub(super) reins: Arc<Reins>,
}

/// Requests over their limit that were said already.
#[derive(Debug, Default)]
struct Slow(Vec<(Millis, String)>);

impl Heart {
    /// Begins to beat.
    pub(super) fn start(self, _: &Child) -> io::Result<()> {
        thread::Builder::new().name("rsgi-heart".to_owned()).spawn(move || self.beat())?;
        Ok(())
    }

    fn beat(mut self) {
        let period = period(self.silence);
        let (mut last, mut slow) = (0, Slow::default());
        loop {
            if self.reins.gauge.gets_on(self.threads, &mut last) {
                self.slot.beat(Millis::now());
            }
            if let Some(memory) = memory::resident() {
                self.slot.set_memory(memory.now);
            }
            if let Some(load) = self.reins.load() {
                self.slot.set_connections(load.accepted, load.connections as u64);
            }
            slow.look(self.slot, self.limit);
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

impl Slow {
    /// Says which requests have come over their limit. After the same time again the master ends the worker.
    fn look(&mut self, slot: Slot<'_>, limit: Duration) {
        if limit.is_zero() {
            return;
        }
        let now = Millis::now();
        let over: Vec<_> = slot
            .in_hand()
            .filter_map(|reading| if let Reading::Whole(request) = reading { Some(request) } else { None })
            .filter(|request| now.since(request.started) >= limit)
            .collect();
        for request in &over {
            let known =
                self.0.iter().any(|(started, id)| *started == request.started && *id == request.request);
            if !known {
                let (method, target) = (&request.method, &request.target);
                say(
                    Level::Warning,
                    format_args!(
                        "REQUEST TIMEOUT: {method} {target} takes longer than {limit:?} (id {})",
                        request.request
                    ),
                );
            }
        }
        self.0 = over.into_iter().map(|request| (request.started, request.request)).collect();
    }
}

/// Four beats in the limit, and one a second at least.
fn period(silence: Duration) -> Duration {
    if silence.is_zero() { SLOWEST } else { (silence / 4).clamp(FASTEST, SLOWEST) }
}

const SLOWEST: Duration = Duration::from_secs(1);
const FASTEST: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heart_beats_four_times_in_the_limit() {
        assert_eq!(period(Duration::from_secs(2)), Duration::from_millis(500));
        assert_eq!(period(Duration::from_secs(30)), SLOWEST);
        assert_eq!(period(Duration::ZERO), SLOWEST);
        assert_eq!(period(Duration::from_millis(1)), FASTEST);
    }
}
