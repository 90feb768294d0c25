//! [`MasterLine`]: what the master says of itself and of the number of its workers.
//!
//! Not here: what it says at its start (name, addresses, kind of worker), which the loop knows and the fleet doesn't.

use std::fmt;
use std::io;
use std::time::Duration;

use super::{Span, Workers};
use crate::fleet::action::HookPoint;
use crate::fleet::event::Sig;
use crate::log::level::Level;

/// A line of the master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MasterLine {
    Handling(Sig),
    Ignoring { signal: Sig, why: &'static str },
    AllReady { workers: usize, took: Duration },
    Count { from: usize, to: usize },
    Crowded { waiting: u64 },
    Calm { time: Duration },
    NoFewer,
    NoMore { most: usize },
    NoSlot,
    BackingOff { wait: Duration },
    ForkFailed { errno: i32, wait: Option<Duration> },
    Draining { time: Duration },
    ShuttingDown,
    Reason(String),
    QuickRequested,
    Away,
    Late { by: Duration },
    Stranger { pid: u32 },
    HookPanicked { point: HookPoint, message: String },
}

impl MasterLine {
    /// How loud it is.
    pub(super) fn level(&self) -> Level {
        match self {
            Self::Stranger { .. } => Level::Debug,
            Self::Handling(_)
            | Self::AllReady { .. }
            | Self::Count { .. }
            | Self::Crowded { .. }
            | Self::Calm { .. }
            | Self::Draining { .. }
            | Self::ShuttingDown
            | Self::QuickRequested
            | Self::Away => Level::Info,
            Self::Ignoring { .. }
            | Self::NoFewer
            | Self::NoMore { .. }
            | Self::NoSlot
            | Self::BackingOff { .. }
            | Self::Late { .. } => Level::Warning,
            Self::ForkFailed { .. } | Self::Reason(_) | Self::HookPanicked { .. } => Level::Error,
        }
    }
}

impl fmt::Display for MasterLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handling(signal) => write!(f, "Handling signal: {signal}"),
            Self::Ignoring { signal, why } => write!(f, "Ignoring signal: {signal} ({why})"),
            Self::AllReady { workers, took } => write!(f, "{} ready in {}", Workers(*workers), Span(*took)),
            Self::Count { from, to } => write!(f, "{from} -> {}", Workers(*to)),
            Self::Crowded { waiting: 1 } => write!(f, "1 connection waits for a worker"),
            Self::Crowded { waiting } => write!(f, "{waiting} connections wait for a worker"),
            Self::Calm { time } => write!(f, "No connection had to wait for {}", Span(*time)),
            Self::NoFewer => write!(f, "There is one worker, and it stays"),
            Self::NoMore { most } => write!(f, "There are {} already, and no room for more", Workers(*most)),
            Self::NoSlot => write!(f, "Every slot is taken: the next worker waits until one has left"),
            Self::BackingOff { wait } => {
                write!(f, "Workers die soon after their start: the next one is started in {}", Span(*wait))
            }
            Self::ForkFailed { errno, wait } => {
                write!(f, "Can't fork a worker: {}", io::Error::from_raw_os_error(*errno))?;
                match wait {
                    Some(wait) => write!(f, ". Retrying in {}.", Span(*wait)),
                    None => Ok(()),
                }
            }
            Self::Draining { time } => write!(f, "Draining for {} before the stop", Span(*time)),
            Self::ShuttingDown => write!(f, "Shutting down: Master"),
            Self::Reason(reason) => write!(f, "Reason: {reason}"),
            Self::QuickRequested => write!(f, "Quick shutdown requested"),
            Self::Away => write!(f, "The workers leave and the master stays, until a reload"),
            Self::Late { by } => {
                write!(f, "The master did not run for {}: that time counts against no worker", Span(*by))
            }
            Self::Stranger { pid } => write!(f, "Reaped a child that is no worker (pid: {pid})"),
            Self::HookPanicked { point, message } => write!(f, "The hook {point} panicked: {message}"),
        }
    }
}
