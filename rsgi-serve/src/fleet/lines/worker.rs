//! [`WorkerLine`]: what the master says of one worker: its beginning, its end, and what it did when it was ended.
//!
//! The words are Gunicorn's where it has them; the hint at memory only where nobody of us sent the SIGKILL.

use std::fmt;
use std::time::Duration;

use super::Span;
use crate::fleet::event::{InHand, Status};
use crate::fleet::member::Wear;
use crate::log::level::Level;

/// A line of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WorkerLine {
    Booting,
    /// It ended as it was told.
    Exiting,
    /// It ended otherwise.
    Died {
        status: Status,
        /// Whether we did it, or asked for it.
        by_us: bool,
    },
    LastWords(String),
    WasDoing {
        request: InHand,
        time: Duration,
    },
    Silent {
        time: Duration,
    },
    RequestTooLong {
        limit: Duration,
    },
    BootTooLong {
        limit: Duration,
    },
    Overdue {
        limit: Duration,
    },
    NotQuick,
    Unkillable,
    Recycling {
        wear: Wear,
    },
}

impl WorkerLine {
    /// How loud it is.
    pub(super) fn level(&self) -> Level {
        match self {
            Self::Booting | Self::Exiting | Self::Recycling { .. } => Level::Info,
            Self::Died { status, by_us } => match (status, by_us) {
                _ if status.is_term() => Level::Info,
                (Status::Code(0), _) | (_, true) => Level::Warning,
                (Status::Signal(_), false) if !status.is_kill() => Level::Warning,
                _ => Level::Error,
            },
            Self::WasDoing { .. } | Self::NotQuick => Level::Warning,
            Self::LastWords(_) | Self::BootTooLong { .. } | Self::Overdue { .. } => Level::Error,
            Self::Silent { .. } | Self::RequestTooLong { .. } | Self::Unkillable => Level::Critical,
        }
    }

    /// The words.
    pub(super) fn write(&self, pid: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Booting => write!(f, "Booting worker with pid: {pid}"),
            Self::Exiting => write!(f, "Worker exiting (pid: {pid})"),
            Self::Died { status: status @ Status::Code(_), .. } => write!(f, "Worker (pid:{pid}) {status}."),
            Self::Died { status, by_us } => {
                write!(f, "Worker (pid:{pid}) {status}!")?;
                if status.is_kill() && !by_us { write!(f, " Perhaps out of memory?") } else { Ok(()) }
            }
            Self::LastWords(words) => write!(f, "Worker (pid:{pid}) said: {words}"),
            Self::WasDoing { request, time } => {
                let InHand { method, target, peer, id, .. } = request;
                write!(
                    f,
                    "Worker (pid:{pid}) was answering {method} {target} of {peer} for {}",
                    Span(*time)
                )?;
                if id.is_empty() { Ok(()) } else { write!(f, " (request {id})") }
            }
            Self::Silent { time } => write!(f, "WORKER TIMEOUT (pid:{pid}), silent for {}", Span(*time)),
            Self::RequestTooLong { limit } => {
                write!(
                    f,
                    "WORKER REQUEST TIMEOUT (pid:{pid}), one request runs twice its limit of {}",
                    Span(*limit)
                )
            }
            Self::BootTooLong { limit } => {
                write!(f, "Worker (pid:{pid}) is not ready after {}: killed", Span(*limit))
            }
            Self::Overdue { limit } => {
                write!(f, "Worker (pid:{pid}) has not left in {}: killed", Span(*limit))
            }
            Self::NotQuick => write!(f, "Worker (pid:{pid}) does not end at once: killed"),
            Self::Unkillable => write!(f, "Worker (pid:{pid}) was killed but does not end: left behind"),
            Self::Recycling { wear } => {
                write!(f, "Autorestarting worker after current request. (pid:{pid}, ")?;
                match wear {
                    Wear::Requests(requests) => write!(f, "{requests} requests)"),
                    Wear::Memory(bytes) => write!(f, "{} MiB)", bytes / (1024 * 1024)),
                    Wear::Age(age) => write!(f, "{} old)", Span(*age)),
                }
            }
        }
    }
}
