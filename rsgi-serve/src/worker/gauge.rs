//! [`Gauge`]: whether the threads of a worker get on, and what its slot of the page is told.
//!
//! A server of threads (std) gets on as long as one of them does: when all have been inside the app since the last look, nobody
//! takes a request any more, and the worker is silent, though its heart's own thread runs. A server of reactors (hyper) runs
//! blocking apps elsewhere, and what holds one reactor for that long blocks where it must not: what else is that reactor's waits
//! for ever. There one is enough; and the runtime itself is asked for a sign of life ([`Pulse`]).
//!
//! An app that waits without holding a thread (`.await`) is never counted, however many of its requests are slow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::marks::{Inside, Marks};
use super::running::Running;
use super::runtime::Pulse;
use super::words::Mouth;
use crate::log::statsd::Statsd;
use crate::page::Slot;

/// What the requests of a worker are counted with.
#[derive(Debug)]
pub(crate) struct Gauge {
    pub(super) slot: Slot<'static>,
    pub(super) statsd: Option<Arc<Statsd>>,
    /// The limit of one request; zero is none.
    pub(super) request_limit: Duration,
    /// The same where the server can drop a request that is over it; the master ends the worker elsewhere.
    pub(super) drop_after: Option<Duration>,
    /// Where the app is mounted, or empty.
    pub(super) root: String,
    /// The requests that have a limit.
    pub(super) running: Running,
    /// Of the server's runtime, where the app is polled by one.
    pulse: Option<Pulse>,
    inside: Marks,
    /// What is said to the master.
    mouth: Mutex<Option<Mouth>>,
}

impl Gauge {
    pub(crate) fn new(
        slot: Slot<'static>,
        statsd: Option<Arc<Statsd>>,
        request_limit: Duration,
        root: String,
    ) -> Self {
        Self {
            slot,
            statsd,
            request_limit,
            drop_after: None,
            root,
            running: Running::default(),
            pulse: None,
            inside: Marks::new(),
            mouth: Mutex::default(),
        }
    }

    /// For a server of reactors: its runtime is asked for a sign of life, and requests are dropped that come over the limit.
    pub(super) fn of_reactors(mut self) -> Self {
        self.drop_after = Some(self.request_limit).filter(|limit| !limit.is_zero());
        self.pulse = Some(Pulse::default());
        self
    }

    /// With a master, to whom something may be said.
    pub(super) fn with_mouth(mut self, mouth: Option<Mouth>) -> Self {
        self.mouth = Mutex::new(mouth);
        self
    }

    /// What is said to the master, if there is one.
    pub(super) fn mouth(&self) -> MutexGuard<'_, Option<Mouth>> {
        self.mouth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the master look at the slot now.
    #[cold]
    pub(super) fn say_look(&self) {
        if let Some(mouth) = self.mouth().as_mut() {
            mouth.say_look();
        }
    }

    /// The app is called in the server's runtime.
    pub(super) fn meet_runtime(&self) {
        if let Some(pulse) = &self.pulse {
            pulse.meet();
        }
    }

    /// A thread goes into the app.
    pub(super) fn enter(&self) -> Inside {
        self.inside.enter()
    }

    /// Whether a worker of so many threads got on since the last look.
    pub(super) fn gets_on(&self, threads: usize) -> bool {
        let stuck = self.inside.stuck();
        match &self.pulse {
            Some(pulse) => pulse.beats() && stuck == 0,
            None => stuck < threads,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;
    use crate::clock::Millis;
    use crate::fleet::SlotId;
    use crate::page::Page;

    fn gauge() -> Gauge {
        let page = Page::create(1, getpid(), Millis(0)).unwrap().keep();
        Gauge::new(page.slot(SlotId(0)).unwrap(), None, Duration::ZERO, String::new())
    }

    #[test]
    fn a_server_of_threads_does_not_get_on_when_all_are_held() {
        let gauge = gauge();
        assert!(gauge.gets_on(1), "idle");
        let held = gauge.enter();
        assert!(gauge.gets_on(1), "just now");
        assert!(!gauge.gets_on(1));
        assert!(gauge.gets_on(2), "another thread is free");
        drop(held);
        assert!(gauge.gets_on(1));
    }

    #[test]
    fn a_server_of_reactors_does_not_get_on_when_one_is_held() {
        let gauge = gauge().of_reactors();
        assert!(gauge.gets_on(8));
        let held = gauge.enter();
        assert!(gauge.gets_on(8) && !gauge.gets_on(8));
        drop(held);
        assert!(gauge.gets_on(8));
    }
}
