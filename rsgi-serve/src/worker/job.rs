//! [`Job`]: all that a worker is given, and [`Failure`]: why it couldn't do it.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rsgi_core::server::{Bind, ServeError};

use super::words::Mouth;
use crate::access::Access;
use crate::exit::Exit;
use crate::hooks::{Hooks, Worker};
use crate::log::reopen::Reopen;
use crate::log::statsd::Statsd;
use crate::page::Slot;
use crate::settings::Settings;
use crate::sockets::Listeners;

/// What a worker is given.
pub(crate) struct Job {
    pub(crate) worker: Worker,
    pub(crate) slot: Slot<'static>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) access: Option<Access>,
    pub(crate) statsd: Option<Arc<Statsd>>,
    pub(crate) reopen: Reopen,
    pub(crate) hooks: Arc<dyn Hooks>,
    /// The numbers of its listeners' descriptors.
    pub(crate) binds: Vec<Bind>,
    /// Keeps those descriptors open until the adapter has its own; empty where they stay open anyhow.
    pub(crate) listeners: Listeners,
    /// Where it says that it is ready; `None` without a master.
    pub(crate) mouth: Option<Mouth>,
    /// Called once when it serves, beside what the mouth says.
    pub(crate) ready: Option<Word>,
    /// Called once when it begins to stop.
    pub(crate) stopping: Option<Word>,
    /// Ends with the master; `None` without one.
    pub(crate) life: Option<OwnedFd>,
    pub(crate) purpose: Purpose,
}

/// What is done when a worker serves, or stops.
pub(crate) type Word = Box<dyn FnOnce() + Send>;

/// What a worker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To serve under a master.
    Serve,
    /// To serve without one: HUP reads certificates again, and a second INT is needed to end at once.
    Alone,
    /// To show that it could: it ends when it is ready.
    Check,
}

/// Why a worker couldn't begin, or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// In one sentence, for the log.
    pub(crate) reason: String,
}

impl Failure {
    /// The app's factory failed.
    pub(crate) fn of_app(reason: impl fmt::Display) -> Self {
        Self { exit: Exit::AppFailed, reason: format!("the app couldn't be made: {reason}") }
    }

    /// Anything else.
    pub(crate) fn of_worker(reason: impl fmt::Display) -> Self {
        Self { exit: Exit::WorkerFailed, reason: reason.to_string() }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self::of_worker(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("worker", &self.worker)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}
