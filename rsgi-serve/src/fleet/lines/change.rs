//! [`ChangeLine`]: what the master says of reloads and upgrades.
//!
//! Whatever fails is an error with its reason and what is in force now; whatever works is one line with how long it took.

use std::fmt;
use std::time::Duration;

use super::{Span, Workers};
use crate::log::level::Level;

/// A line of a reload or an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChangeLine {
    HangUp,
    SharingOut,
    Remembered,
    CountForgotten { had: usize, now: usize },
    Rolling { workers: usize, batch: usize },
    Reloaded { workers: usize, took: Duration },
    Refused { reason: String },
    Undone { reason: String },
    UpgradeBegun,
    UpgradeRefused { why: &'static str },
    UpgradeFailed { reason: String },
    TakingOver { took: Duration },
    Adopted { workers: usize },
    Upgraded { workers: usize, took: Duration },
    RollingBack { reason: String },
    RolledBack { reason: String },
    CannotRollBack { reason: String },
    Successor { pid: u32 },
    SuccessorGone { reason: String },
    Promoted,
}

impl ChangeLine {
    /// How loud it is.
    pub(super) fn level(&self) -> Level {
        match self {
            Self::UpgradeRefused { .. } | Self::SuccessorGone { .. } => Level::Warning,
            Self::Refused { .. }
            | Self::Undone { .. }
            | Self::UpgradeFailed { .. }
            | Self::RollingBack { .. }
            | Self::RolledBack { .. } => Level::Error,
            Self::CannotRollBack { .. } => Level::Critical,
            _ => Level::Info,
        }
    }
}

impl fmt::Display for ChangeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HangUp => write!(f, "Hang up: Master"),
            Self::SharingOut => {
                write!(f, "A socket has no worker: workers are replaced by as many that have all sockets")
            }
            Self::Remembered => write!(f, "A reload is remembered, and done after what is in progress"),
            Self::CountForgotten { had, now } => {
                write!(f, "{} again, not {had}: a reload forgets TTIN and TTOU", Workers(*now))
            }
            Self::Rolling { workers, batch } => {
                write!(f, "Replacing the workers by {workers} new, {batch} at a time")
            }
            Self::Reloaded { workers, took } => {
                write!(f, "Reloaded: {} ready in {}", Workers(*workers), Span(*took))
            }
            Self::Refused { reason } => {
                write!(f, "Reload refused: {reason}. Settings and workers stay as they are.")
            }
            Self::Undone { reason } => write!(f, "Reload undone: {reason}. The old workers stay."),
            Self::UpgradeBegun => write!(f, "Upgrading: the new binary is tried"),
            Self::UpgradeRefused { why } => write!(f, "Upgrade refused: {why}"),
            Self::UpgradeFailed { reason } => write!(f, "Upgrade failed: {reason}. The old binary goes on."),
            Self::TakingOver { took } => {
                write!(f, "The new binary is ready after {}: it takes over", Span(*took))
            }
            Self::Adopted { workers } => write!(f, "Took over {}", Workers(*workers)),
            Self::Upgraded { workers, took } => {
                write!(f, "Upgraded: {} ready in {}", Workers(*workers), Span(*took))
            }
            Self::RollingBack { reason } => write!(f, "Takeover failed: {reason}. Back to the old binary."),
            Self::RolledBack { reason } => write!(f, "Upgrade undone: {reason}. The old binary is back."),
            Self::CannotRollBack { reason } => {
                write!(f, "The old binary can't be run: {reason}. The new one goes on with the old workers.")
            }
            Self::Successor { pid } => write!(f, "Started a second master (pid: {pid})"),
            Self::SuccessorGone { reason } => write!(f, "The second master is gone: {reason}"),
            Self::Promoted => write!(f, "Master has been promoted."),
        }
    }
}
