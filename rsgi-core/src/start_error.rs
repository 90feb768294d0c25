//! What `start_response` refuses, each with the value at fault and what to do about it.
//!
//! Returned where the app sets a status or field, so that the fault is found in the app's own code and never on
//! the wire. See `fields.rs` and `start_response.rs` for the checks.

use std::fmt;

use crate::NotSupported;

/// Which rule an answer's head broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartErrorKind {
    /// A final status must lie in 200 to 599; 1xx go through [`Informational`](crate::Informational).
    InvalidStatus,
    /// A field name is no token, or is `Status`.
    InvalidName,
    /// A field value holds a control character.
    InvalidValue,
    /// `Content-Length` is no plain number, or contradicts an earlier one.
    InvalidLength,
    /// The field belongs to the connection and so to the server.
    HopByHop,
    /// More fields than a header map can hold.
    TooManyFields,
    /// The protocol wasn't offered by the client, or the server can't hand over its stream.
    Upgrade,
}

/// An answer's head was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError {
    kind: StartErrorKind,
    value: Box<str>,
}

impl StartError {
    pub(crate) fn new(kind: StartErrorKind, value: &str) -> Self {
        // Shortened: it goes to a log, and the peer of a proxy app may have chosen it.
        let value: String = value.chars().take(80).flat_map(char::escape_default).collect();
        Self { kind, value: value.into() }
    }

    /// Which rule was broken.
    #[must_use]
    pub fn kind(&self) -> StartErrorKind {
        self.kind
    }

    /// The value at fault, shortened and escaped.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = &self.value;
        match self.kind {
            StartErrorKind::InvalidStatus => {
                write!(
                    formatter,
                    "status {value} is no final status; use 200 to 599, or send 1xx by `informational`"
                )
            }
            StartErrorKind::InvalidName => {
                write!(formatter, "field name \"{value}\" is not allowed; use a token")
            }
            StartErrorKind::InvalidValue => {
                write!(formatter, "field value \"{value}\" holds a control character; encode or remove it")
            }
            StartErrorKind::InvalidLength => {
                write!(formatter, "content-length \"{value}\" must be one plain number, the same each time")
            }
            StartErrorKind::HopByHop => {
                write!(formatter, "field \"{value}\" belongs to the connection; leave it to the server")
            }
            StartErrorKind::TooManyFields => formatter.write_str("too many header fields; send fewer"),
            StartErrorKind::Upgrade => {
                write!(formatter, "upgrade to \"{value}\" refused; choose a protocol that the client offered")
            }
        }
    }
}

impl std::error::Error for StartError {}

impl From<NotSupported> for StartError {
    fn from(error: NotSupported) -> Self {
        Self::new(StartErrorKind::Upgrade, &error.to_string())
    }
}
