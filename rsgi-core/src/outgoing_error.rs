//! Why an answer could not be completed: always a reason to end the connection visibly (or reset the stream).

use std::fmt;
use std::io;

use crate::outcome::Fault;

/// What broke an answer after its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutgoingErrorKind {
    /// The app's body failed: [`Fault`] says how.
    App(Fault),
    /// The client has gone, or took too long.
    Client,
}

/// An answer was broken off.
#[derive(Debug)]
pub struct OutgoingError {
    kind: OutgoingErrorKind,
    source: Option<io::Error>,
}

impl OutgoingError {
    pub(crate) fn app(fault: Fault) -> Self {
        Self { kind: OutgoingErrorKind::App(fault), source: None }
    }

    pub(crate) fn client(source: io::Error) -> Self {
        Self { kind: OutgoingErrorKind::Client, source: Some(source) }
    }

    /// What broke the answer.
    #[must_use]
    pub fn kind(&self) -> OutgoingErrorKind {
        self.kind
    }
}

impl fmt::Display for OutgoingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.kind {
            OutgoingErrorKind::App(Fault::Missing) => "answer broken off: fewer bytes than declared",
            OutgoingErrorKind::App(Fault::BodyPanic) => "answer broken off: its body panicked",
            OutgoingErrorKind::App(_) => "answer broken off: its body failed",
            OutgoingErrorKind::Client => "answer broken off: the client has gone or took too long",
        })
    }
}

impl std::error::Error for OutgoingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
