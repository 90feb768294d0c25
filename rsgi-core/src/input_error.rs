//! Why a request's body could not be read to its end: typed, so that a truncated body is never taken for a whole.
//!
//! The kinds are the same on every adapter. `respond` answers an app that gives one of them back unhandled with
//! the status that [`InputErrorKind::status`] says.

use std::fmt;
use std::io;

use http::StatusCode;

/// What went wrong with the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputErrorKind {
    /// The body ended before its declared length or last chunk.
    Truncated,
    /// The body is longer than the server or the app allows.
    Limit,
    /// The client sent nothing for too long.
    TimedOut,
    /// The client has gone.
    Disconnected,
    /// The body's framing is broken.
    Malformed,
    /// `read` was called on a thread that must not block: wrap the app in `blocking`, or read the frames.
    WouldBlock,
    /// Reading failed in another way; `source()` says how.
    Other,
}

impl InputErrorKind {
    /// The status for an app that gives the error back unhandled: the one table of it (RFC 9110 sections 15.5.1,
    /// 15.5.9, 15.5.14).
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Limit => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Truncated | Self::Malformed | Self::Disconnected => StatusCode::BAD_REQUEST,
            Self::WouldBlock | Self::Other => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Truncated => "request body truncated",
            Self::Limit => "request body over the limit `body_bytes`",
            Self::TimedOut => "request body timed out (`body_progress`)",
            Self::Disconnected => "client disconnected",
            Self::Malformed => "request body malformed",
            Self::WouldBlock => {
                "blocking read on a thread that must not block; wrap the app in `blocking` or read its frames"
            }
            Self::Other => "request body unreadable",
        }
    }
}

/// An error of the input.
#[derive(Debug)]
pub struct InputError {
    kind: InputErrorKind,
    source: Option<crate::Error>,
}

impl InputError {
    /// Makes an error of a kind; for adapters.
    #[must_use]
    pub const fn new(kind: InputErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// Adds what lies beneath, found by `source()`.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<crate::Error>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> InputErrorKind {
        self.kind
    }

    /// Finds an input error in `error` or along its sources, also inside an [`io::Error`].
    #[must_use]
    pub fn find<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut current = Some(error);
        while let Some(error) = current {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found);
            }
            // The source of an `io::Error` is its inner error's source, not the inner error itself.
            current = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind.text())
    }
}

impl std::error::Error for InputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

impl From<InputError> for io::Error {
    fn from(error: InputError) -> Self {
        let kind = match error.kind {
            InputErrorKind::Truncated => io::ErrorKind::UnexpectedEof,
            InputErrorKind::TimedOut => io::ErrorKind::TimedOut,
            InputErrorKind::Disconnected => io::ErrorKind::ConnectionReset,
            InputErrorKind::Malformed => io::ErrorKind::InvalidData,
            InputErrorKind::Limit | InputErrorKind::WouldBlock | InputErrorKind::Other => {
                io::ErrorKind::Other
            }
        };
        Self::new(kind, error)
    }
}
