//! What became of an answer, told after it: the value that access logs, billing and clean-up are made of.
//!
//! Told exactly once, by the adapter after its flush, not by the body's end or drop. See `exchange.rs` for how it
//! is registered and told.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::disconnect::Cause;

/// Who accepted the last byte of a whole answer. Never 'read by the client': no server can know that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptedBy {
    /// Every byte was accepted by the operating system's socket.
    System,
    /// Every byte was accepted by a multiplexed protocol's layer, and no reset was seen.
    Protocol,
    /// Handed to a caller in this process, as a test client is.
    Caller,
}

/// How the transmission of an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// Sent whole.
    Whole(AcceptedBy),
    /// The client went away, or reset the stream.
    Aborted(Cause),
    /// The client took too long to read, or to send its body.
    TimedOut,
    /// The app failed after the head was sent, or the answer could not be made whole.
    Failed,
}

/// How far the answer had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// The app had not answered yet.
    App,
    /// The head was finished, no byte of the body produced.
    Head,
    /// Some of the body was produced.
    Body,
    /// All of the body was produced.
    End,
}

/// What was wrong with the answer itself; logged as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The app returned an error before its head.
    Error,
    /// The app panicked before its head.
    Panic,
    /// The body gave an error.
    BodyError,
    /// The body panicked.
    BodyPanic,
    /// The body held more bytes than `Content-Length` said; the surplus was not sent.
    Surplus,
    /// The body held fewer bytes than `Content-Length` said.
    Missing,
    /// The head contradicted itself or the body, and was replaced by a 500 before sending.
    Refused,
}

/// What became of the answer's trailers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trailers {
    /// The answer had none.
    None,
    /// Handed to the protocol.
    Sent,
    /// Not sent: the client didn't say `TE: trailers`, or the protocol or framing has no place for them.
    NotSent,
}

/// What became of one answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// How the transmission ended.
    pub delivery: Delivery,
    /// How far the answer had come.
    pub phase: Phase,
    /// The status that was to be sent; `None` if the app never answered.
    pub status: Option<StatusCode>,
    /// Bytes of content handed to the protocol, without framing.
    pub body_bytes: u64,
    /// What was wrong with the answer itself.
    pub fault: Option<Fault>,
    /// What became of the trailers.
    pub trailers: Trailers,
    /// From the request's head being complete to now.
    pub elapsed: Duration,
}

impl Outcome {
    /// Tells whether the client's system or protocol got the whole of a faultless answer.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.delivery, Delivery::Whole(_)) && self.fault.is_none()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map_or(0, |status| status.as_u16());
        write!(formatter, "{status} {:?} in {:?}, {} bytes", self.delivery, self.phase, self.body_bytes)
    }
}
