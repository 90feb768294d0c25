//! An answer as the test client got it, the same whether it crossed a wire or not.
//!
//! Whole unless [`Answer::is_whole`] says otherwise. Read next: `open.rs`, which gathers it.

use std::sync::Arc;

use rsgi_core::Outcome;
use rsgi_core::bytes::{Bytes, BytesMut};
use rsgi_core::http::{HeaderMap, StatusCode, Version};

use crate::client::road::AnswerHead;

/// How the end of an answer's content was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// There is no content: HEAD, 204, 304.
    None,
    /// By `Content-Length`.
    Length(u64),
    /// By chunks; in memory: as HTTP/1.1 would send a body of unknown length.
    Chunked,
    /// By the end of the connection, as HTTP/1.0 does.
    Close,
    /// By the end of the stream, as HTTP/2 does.
    Stream,
    /// Not at all: the stream was handed over to another protocol.
    Upgraded,
}

/// An informational answer, which came before the final one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Informational {
    /// Its status, such as 103.
    pub status: StatusCode,
    /// Its fields.
    pub headers: HeaderMap,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    head: AnswerHead,
    informational: Vec<Informational>,
    body: Bytes,
    trailers: Option<HeaderMap>,
    is_whole: bool,
    outcome: Option<Outcome>,
    errors: Vec<u8>,
    history: Vec<Arc<Answer>>,
}

impl Answer {
    pub(crate) fn new(head: AnswerHead, informational: Vec<Informational>) -> Self {
        Self {
            head,
            informational,
            body: Bytes::new(),
            trailers: None,
            is_whole: false,
            outcome: None,
            errors: Vec::new(),
            history: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, piece: Bytes) {
        if self.body.is_empty() {
            self.body = piece;
            return;
        }
        let mut whole = BytesMut::from(std::mem::take(&mut self.body));
        whole.extend_from_slice(&piece);
        self.body = whole.freeze();
    }

    pub(crate) fn set_trailers(&mut self, trailers: HeaderMap) {
        self.trailers = Some(trailers);
    }

    pub(crate) fn end(&mut self) {
        self.is_whole = true;
    }

    pub(crate) fn told(&mut self, outcome: Option<Outcome>, errors: Vec<u8>) {
        (self.outcome, self.errors) = (outcome, errors);
    }

    pub(crate) fn set_history(&mut self, history: Vec<Arc<Self>>) {
        self.history = history;
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// The version of the protocol that it came by.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The one field of a name.
    ///
    /// # Panics
    ///
    /// There are several, or it is no text.
    pub fn field(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} is there {} times: {:?}", all.len(), self.head.headers);
        all.first().copied()
    }

    /// All fields of a name, in order.
    ///
    /// # Panics
    ///
    /// One is no text; bytes are in [`headers`](Self::headers).
    pub fn all(&self, name: &str) -> Vec<&str> {
        let values = self.head.headers.get_all(name).into_iter();
        values.map(|value| std::str::from_utf8(value.as_bytes()).expect("the field is text")).collect()
    }

    /// The fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The content.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The content as text.
    ///
    /// # Panics
    ///
    /// It is no UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the content is text")
    }

    /// The fields behind the content.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// The informational answers before it.
    pub fn informational(&self) -> &[Informational] {
        &self.informational
    }

    /// What became of it, as the app was told; `None` of a live server, whose outcome is its own affair.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// What the app wrote to its error stream; empty of a live server, whose log has it.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.errors).into_owned()
    }

    /// How the end of its content was told.
    pub fn framing(&self) -> Framing {
        self.head.framing
    }

    /// Tells whether it came to its end.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The redirects that led to it, first to last.
    pub fn history(&self) -> &[Arc<Self>] {
        &self.history
    }
}
