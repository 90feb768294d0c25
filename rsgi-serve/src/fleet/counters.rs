//! [`Counters`]: how often everything happened since the start, for the status page and the metrics.
//!
//! Each clock, each way to die and each end of a reload or upgrade has its own. They go along over an exec, so an upgrade doesn't
//! set them back; a field that an older image doesn't know begins at zero.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::Status;
use super::member::Wear;

/// A clock that ends workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// From fork to ready.
    Boot,
    /// Without a sign of life.
    Silence,
    /// One request.
    Request,
    /// From the order to leave or stop.
    Graceful,
    /// From the order to end now.
    Quick,
}

/// How often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counters {
    /// Workers forked.
    pub(crate) forks: u64,
    /// Of them, in place of one that died.
    pub(crate) respawns: u64,
    /// Forks that failed.
    pub(crate) fork_failures: u64,
    /// Workers that died before they were ready, unasked.
    pub(crate) boot_failures: u64,
    /// Workers that ended by themselves, by exit code.
    pub(crate) exits: BTreeMap<i32, u64>,
    /// Workers that a signal ended, by its number.
    pub(crate) signals: BTreeMap<i32, u64>,
    /// Workers ended by each clock.
    pub(crate) boot_timeouts: u64,
    pub(crate) silence_timeouts: u64,
    pub(crate) request_timeouts: u64,
    pub(crate) graceful_timeouts: u64,
    pub(crate) quick_timeouts: u64,
    /// Workers replaced because they were worn.
    pub(crate) recycled_requests: u64,
    pub(crate) recycled_memory: u64,
    pub(crate) recycled_age: u64,
    /// Reloads that were done.
    pub(crate) reloads: u64,
    /// Reloads that were undone, because the new workers failed.
    pub(crate) reloads_undone: u64,
    /// Reloads that never began, because the settings were wrong.
    pub(crate) reloads_refused: u64,
    /// Upgrades that were done.
    pub(crate) upgrades: u64,
    /// Upgrades that failed, before the takeover or in it.
    pub(crate) upgrades_failed: u64,
    /// Children reaped that were no workers.
    pub(crate) strangers: u64,
    /// Times the master itself was stopped or starved.
    pub(crate) pauses: u64,
}

impl Counters {
    pub(super) fn death(&mut self, status: Status) {
        let count = match status {
            Status::Code(code) => self.exits.entry(code).or_default(),
            Status::Signal(number) => self.signals.entry(number).or_default(),
        };
        *count += 1;
    }

    pub(super) fn timeout(&mut self, clock: Clock) {
        *match clock {
            Clock::Boot => &mut self.boot_timeouts,
            Clock::Silence => &mut self.silence_timeouts,
            Clock::Request => &mut self.request_timeouts,
            Clock::Graceful => &mut self.graceful_timeouts,
            Clock::Quick => &mut self.quick_timeouts,
        } += 1;
    }

    pub(super) fn recycled(&mut self, wear: Wear) {
        *match wear {
            Wear::Requests(_) => &mut self.recycled_requests,
            Wear::Memory(_) => &mut self.recycled_memory,
            Wear::Age(_) => &mut self.recycled_age,
        } += 1;
    }
}
