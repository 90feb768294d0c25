//! Why there is no token.

use std::fmt;

/// What is in the way of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CsrfErrorKind {
    /// `Csrf` keeps its secret in the session, and there is none: put `Sessions` before it in the stack.
    NoSession,
    /// The session can't keep the secret; `source()` says why.
    Session,
    /// The answer's head is made, so the client can't be given a secret any more: ask for the token before.
    TooLate,
    /// The system has no random bytes.
    NoRandomness,
}

/// Why there is no token.
#[derive(Debug)]
pub struct CsrfError {
    kind: CsrfErrorKind,
    text: String,
    source: Option<rsgi_core::Error>,
}

impl CsrfError {
    pub(super) fn new(kind: CsrfErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), source: None }
    }

    /// What is in the way.
    #[must_use]
    pub fn kind(&self) -> CsrfErrorKind {
        self.kind
    }
}

#[cfg(feature = "sessions")]
impl From<crate::SessionError> for CsrfError {
    fn from(error: crate::SessionError) -> Self {
        let text = "the session can't keep the secret of tokens".to_owned();
        Self { kind: CsrfErrorKind::Session, text, source: Some(error.into()) }
    }
}

impl fmt::Display for CsrfError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for CsrfError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
