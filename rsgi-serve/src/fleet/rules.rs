//! [`Rules`]: the settings that the fleet decides by, and nothing else of the settings.
//!
//! A clock of zero is off, with one exception that can't be: `graceful` of zero means that nobody is waited for.

use std::time::Duration;

use crate::settings::{ServerKind, Settings, UpgradeMode};

/// What counts as having stayed up, where there is no boot limit to say so.
const STEADY: Duration = Duration::from_secs(30);
/// How often workers are looked at, at most.
const CHECK: Duration = Duration::from_secs(1);
/// And at least.
const CHECK_LEAST: Duration = Duration::from_millis(10);

/// The fleet's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// How many workers serve. At least 1.
    pub(crate) workers: usize,
    /// How many the load may ask for; not more than `workers` keeps their number.
    pub(crate) max_workers: usize,
    /// From fork to ready.
    pub(crate) boot: Duration,
    /// Without a sign of life.
    pub(crate) silence: Duration,
    /// One request, where the worker can only ask for its end: the master ends the worker after twice the time.
    pub(crate) request: Duration,
    /// From the order to leave or stop until SIGKILL.
    pub(crate) graceful: Duration,
    /// Before a stop: readiness says no, and accepting goes on.
    pub(crate) drain_delay: Duration,
    /// How many are replaced at once; a quarter of them, at least one, if not said.
    pub(crate) reload_batch: Option<usize>,
    /// Requests after which a worker is replaced; 0 is never.
    pub(crate) max_requests: u64,
    /// And up to so many more, by chance.
    pub(crate) max_requests_jitter: u64,
    /// Bytes of memory over which a worker is replaced.
    pub(crate) max_memory: Option<u64>,
    /// Age at which a worker is replaced.
    pub(crate) max_age: Option<Duration>,
    /// And up to so much more, by chance.
    pub(crate) max_age_jitter: Duration,
    /// Whether there is no terminal, so that WINCH is no resize of it.
    pub(crate) daemon: bool,
    /// What USR2 does.
    pub(crate) upgrade: UpgradeMode,
    /// How often the service manager wants a sign of life (half its limit).
    pub(crate) watchdog: Option<Duration>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            workers: 1,
            max_workers: 0,
            boot: Duration::from_secs(30),
            silence: Duration::from_secs(30),
            request: Duration::ZERO,
            graceful: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            reload_batch: None,
            max_requests: 0,
            max_requests_jitter: 0,
            max_memory: None,
            max_age: None,
            max_age_jitter: Duration::ZERO,
            daemon: false,
            upgrade: UpgradeMode::InPlace,
            watchdog: None,
        }
    }
}

impl Rules {
    /// Those of the settings. The service manager says by itself how often it wants to hear something.
    pub(crate) fn of(settings: &Settings, watchdog: Option<Duration>) -> Self {
        Self {
            workers: settings.workers.max(1),
            max_workers: settings.max_workers,
            boot: settings.clocks.boot,
            silence: settings.clocks.silence,
            request: match settings.server {
                ServerKind::Std => settings.clocks.request,
                // It drops the request by itself. What goes on is an answer's body, or a blocking call beside the others.
                ServerKind::Hyper => Duration::ZERO,
            },
            graceful: settings.clocks.graceful,
            drain_delay: settings.clocks.drain_delay,
            reload_batch: settings.reload_batch,
            max_requests: settings.recycle.max_requests,
            max_requests_jitter: settings.recycle.max_requests_jitter,
            max_memory: settings.recycle.max_worker_memory,
            max_age: settings.recycle.max_worker_age,
            max_age_jitter: settings.recycle.max_worker_age_jitter,
            daemon: settings.process.daemon,
            upgrade: settings.upgrade_mode,
            watchdog,
        }
    }

    /// How many serve from now on, where so many did: the settings' number, or what the load had asked for.
    pub(super) fn wanted(&self, before: usize) -> usize {
        if self.max_workers > self.workers {
            before.clamp(self.workers, self.max_workers)
        } else {
            self.workers
        }
    }

    /// How many of so many are replaced at once.
    pub(super) fn batch(&self, workers: usize) -> usize {
        self.reload_batch.unwrap_or(workers / 4).max(1)
    }

    /// How long a worker must have been ready before its boot counts as a good one.
    pub(super) fn steady(&self) -> Duration {
        if self.boot.is_zero() { STEADY } else { self.boot }
    }

    /// How often workers are looked at: once a second, or four times in the shortest clock.
    pub(super) fn check(&self) -> Duration {
        [self.silence, self.request]
            .into_iter()
            .filter(|clock| !clock.is_zero())
            .map(|clock| clock / 4)
            .fold(CHECK, Duration::min)
            .max(CHECK_LEAST)
    }
}
