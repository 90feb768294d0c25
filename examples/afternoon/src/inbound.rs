//! What has come from the client and isn't used up: the rest of a body, and behind it the next request.
//!
//! Invariant: a body's bytes are taken by its framing alone, whoever takes them: the app, or what throws the rest away.

use std::io::{self, ErrorKind};
use std::time::Instant;

use rsgi_core::InputErrorKind;
use rsgi_core::bytes::{Bytes, BytesMut};
use rsgi_core::server::Limits;

use crate::chunked::{Chunked, Step};
use crate::wire::Wire;

/// Bytes asked of the system at once.
const PIECE: usize = 16 * 1024;

/// How a request's body is framed, and how much of it has yet to come.
pub(crate) enum Framed {
    Length(u64),
    Chunked(Chunked),
}

/// The inbound side of a connection.
pub(crate) struct Inbound {
    pub(crate) buffer: BytesMut,
    pub(crate) body: Framed,
    /// Which request the body is of: an input that outlived its own gets nothing of the next.
    pub(crate) number: u64,
    /// Whether the client waits for a `100 Continue` that hasn't been sent.
    pub(crate) expects: bool,
    pub(crate) failed: bool,
}

impl Inbound {
    pub(crate) fn new() -> Self {
        Self { buffer: BytesMut::new(), body: Framed::Length(0), number: 0, expects: false, failed: false }
    }

    /// Receives what is there; 0 at the client's end, `WouldBlock` if nothing is.
    pub(crate) fn fill(&mut self, wire: &Wire) -> io::Result<usize> {
        let mut piece = [0; PIECE];
        let read = wire.receive(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..read]);
        Ok(read)
    }

    /// Takes the next part of the body out of what has come.
    pub(crate) fn next(&mut self, limits: &Limits) -> Result<Step, InputErrorKind> {
        let step = match &mut self.body {
            Framed::Length(0) => Ok(Step::End),
            Framed::Length(_) if self.buffer.is_empty() => Ok(Step::More),
            Framed::Length(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(self.buffer.len());
                *left -= most as u64;
                Ok(Step::Data(self.buffer.split_to(most).freeze()))
            }
            Framed::Chunked(chunked) => chunked.next(&mut self.buffer, limits),
        };
        self.failed |= step.is_err();
        step
    }

    /// All that has come, as bytes without a framing.
    pub(crate) fn raw(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }

    pub(crate) fn is_over(&self) -> bool {
        match &self.body {
            Framed::Length(left) => *left == 0,
            Framed::Chunked(chunked) => chunked.is_over(),
        }
    }

    /// Tells whether the rest of the body may be read off, so that the connection can go on.
    pub(crate) fn can_be_discarded(&self, most: u64) -> bool {
        let is_short = match &self.body {
            Framed::Length(left) => *left <= most,
            Framed::Chunked(_) => true,
        };
        self.is_over() || is_short && !self.expects && !self.failed
    }

    /// Reads the rest of the body off; tells whether its end has come.
    pub(crate) fn discard(&mut self, wire: &Wire, limits: &Limits, deadline: Option<Instant>) -> bool {
        let mut left = limits.discard_bytes;
        loop {
            match self.next(limits) {
                Ok(Step::End) => return true,
                Ok(Step::Trailers(_)) => {}
                Ok(Step::Data(data)) if data.len() as u64 > left => return false,
                Ok(Step::Data(data)) => left -= data.len() as u64,
                Err(_) => return false,
                Ok(Step::More) => match self.fill(wire) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        if wire.wait(deadline).is_err() {
                            return false;
                        }
                    }
                    Ok(0) | Err(_) => return false,
                },
            }
        }
    }
}
