//! Why a session can't hold or give what it is asked to.

use std::fmt;

/// What went wrong with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The system has no random bytes to name a session by.
    NoRandomness,
    /// The secret of a key is shorter than 32 bytes.
    ShortKey,
    /// The session's cookie would be larger than the 4096 bytes that browsers keep (RFC 6265 section 6.1). The session is
    /// as it was: keep a key in it, and what it stands for elsewhere.
    TooLarge,
    /// The answer's head is made: what changes now can't reach the client any more.
    TooLate,
    /// A value can't be written as JSON, or read as the type that was asked for; `source()` says why.
    Value,
}

/// Why a session can't hold or give what it is asked to.
#[derive(Debug)]
pub struct SessionError {
    kind: SessionErrorKind,
    text: String,
    source: Option<serde_json::Error>,
}

impl SessionError {
    pub(super) fn new(kind: SessionErrorKind, text: String) -> Self {
        Self { kind, text, source: None }
    }

    pub(super) fn value(text: String, source: serde_json::Error) -> Self {
        Self { kind: SessionErrorKind::Value, text, source: Some(source) }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for SessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
