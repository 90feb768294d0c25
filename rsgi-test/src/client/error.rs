//! What can keep the test client from a whole answer.
//!
//! One error for all roads. What came before an answer broke is held by the error, so that a test can look at it;
//! `Display` shows it, so that a test which didn't expect it can be read.

use std::fmt;

use crate::client::answer::Answer;

/// Which way a request of the test client failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientErrorKind {
    /// The request can't be written: an illegal field, method or target.
    Request,
    /// No connection to the server.
    Connect,
    /// The answer broke off, or was illegal; [`ClientError::came`] holds what came.
    Broken,
    /// The client gave the request up itself: by `vanish`, or by its time being over.
    Vanished,
    /// Nothing came for too long.
    Silent,
    /// More redirects than the client was told to follow.
    Redirects,
    /// This road can't do what was asked of it, such as moving a live server's time.
    Unsupported,
    /// A fixture can't be read or written.
    Fixture,
}

/// A request of the test client that got no whole answer.
#[derive(Debug)]
pub struct ClientError {
    kind: ClientErrorKind,
    text: String,
    came: Option<Box<Answer>>,
    source: Option<rsgi_core::Error>,
}

impl ClientError {
    pub(crate) fn new(kind: ClientErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), came: None, source: None }
    }

    pub(crate) fn with_source(mut self, source: impl Into<rsgi_core::Error>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn with_answer(mut self, came: Option<Answer>) -> Self {
        self.came = came.map(Box::new);
        self
    }

    /// Which way it failed.
    pub fn kind(&self) -> ClientErrorKind {
        self.kind
    }

    /// What came of the answer, if its head did.
    pub fn came(&self) -> Option<&Answer> {
        self.came.as_deref()
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.kind, self.text)?;
        match &self.came {
            Some(came) => write!(formatter, ", after {} and {} bytes", came.status(), came.body().len()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
