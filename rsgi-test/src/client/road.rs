//! What the test client needs of a way to an app: in memory, over HTTP/1.1, over HTTP/2.
//!
//! A [`Road`] begins a request and gives a [`Flight`], which is asked for events until the answer ends or breaks, and
//! through which the request's other side is driven by hand. What a road can't do it says, as
//! [`Unsupported`](crate::ClientErrorKind::Unsupported). Roads know nothing of redirects, cookies, or defaults.
//!
//! Read next: `memory/flight.rs`.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, StatusCode, Version};
use rsgi_core::{Cause, InputErrorKind, Outcome};

use crate::client::answer::{Framing, Informational};
use crate::client::error::{ClientError, ClientErrorKind};
use crate::client::outline::Outline;

/// A way to an app.
pub(crate) trait Road: Send + fmt::Debug {
    /// Begins a request. Nothing needs to have happened before the flight is polled.
    fn open(&mut self, outline: Outline) -> Result<Box<dyn Flight>, ClientError>;

    /// What the Host field says where the request doesn't.
    fn authority(&self) -> String {
        String::from("localhost")
    }

    /// Whether the last hop is encrypted, for the URLs of cookies and redirects.
    fn is_secure(&self) -> bool {
        false
    }

    /// Ends the app, where it is the client's to end.
    fn stop(&mut self) {}
}

/// How a flight is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One step of the app or body.
    Step,
    /// To the end: a body that blocks may be driven there in one go.
    Whole,
}

/// One request on its way.
pub(crate) trait Flight: Send {
    /// Gives the next event. In memory this polls the app or the body once; a live road waits here, within bounds.
    fn poll(&mut self, pace: Pace, context: &mut Context<'_>) -> Poll<Event>;

    /// The server handed the stream over, and what is fed from here on is its own. Content that is still open ends, as nobody
    /// changes the protocol in the middle of a message (RFC 9110 section 7.8).
    fn switch(&mut self) {}

    /// Sends a piece of the request's content, or of an upgraded stream behind it.
    fn feed(&mut self, piece: Bytes) -> Result<(), ClientError>;

    /// Ends the request's content, or the client's direction of an upgraded stream behind it.
    fn end_input(&mut self, trailers: Option<HeaderMap>) -> Result<(), ClientError>;

    /// Breaks the request's content off.
    fn break_input(&mut self, _kind: InputErrorKind) -> Result<(), ClientError> {
        Err(unsupported("breaking the input by kind"))
    }

    /// Lets time pass for the request.
    fn advance(&mut self, _time: Duration) -> Result<(), ClientError> {
        Err(unsupported("moving time"))
    }

    /// Begins the server's graceful end.
    fn drain(&mut self) -> Result<(), ClientError> {
        Err(unsupported("a drain"))
    }

    /// Goes away without a word.
    fn vanish(&mut self, cause: Cause);

    /// What the app was told of the answer.
    fn outcome(&self) -> Option<Outcome> {
        None
    }

    /// What the app wrote to its error stream.
    fn errors(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// What comes of a request.
#[derive(Debug)]
pub(crate) enum Event {
    Informational(Informational),
    Head(AnswerHead),
    Piece(Bytes),
    Trailers(HeaderMap),
    /// The answer is whole; nothing follows.
    End,
    /// The answer isn't; nothing follows.
    Broken(ClientError),
}

/// The head of a final answer.
#[derive(Debug, Clone)]
pub(crate) struct AnswerHead {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) framing: Framing,
}

fn unsupported(what: &str) -> ClientError {
    ClientError::new(ClientErrorKind::Unsupported, format!("{what} works in memory only"))
}
