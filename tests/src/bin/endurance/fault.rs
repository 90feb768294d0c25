//! What a client found wrong, by the kinds that the table at the end counts.

use std::fmt;
use std::io;

/// One thing that went wrong.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Its kind.
    pub(crate) kind: FaultKind,
    text: String,
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// A byte that shouldn't be there.
    Wrong,
    /// The server went away in the middle, or before its answer.
    Closed,
    /// Nothing came.
    TimedOut,
}

impl Fault {
    /// A wrong byte, answer or ending.
    pub(crate) fn wrong(text: impl Into<String>) -> Self {
        Self { kind: FaultKind::Wrong, text: text.into() }
    }

    /// The end of the stream where bytes were to come.
    pub(crate) fn closed(text: impl Into<String>) -> Self {
        Self { kind: FaultKind::Closed, text: text.into() }
    }

    /// A read or write that failed.
    pub(crate) fn of(error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => FaultKind::TimedOut,
            _ => FaultKind::Closed,
        };
        Self { kind, text: error.to_string() }
    }

    /// With what was being done.
    pub(crate) fn while_doing(mut self, what: &str) -> Self {
        self.text = format!("{what}: {}", self.text);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.kind, self.text)
    }
}
