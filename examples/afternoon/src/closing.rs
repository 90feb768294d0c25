//! The ends of a connection: an ordinary one, which loses no answer, and one that the client can tell from it.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use rsgi_core::Framing;
use rsgi_core::http::{HeaderMap, StatusCode};

use crate::body_out::{Coding, Persistence, head};
use crate::conn::Conn;

impl Conn {
    /// Answers with a status alone.
    pub(crate) fn write_refusal(&self, status: StatusCode) {
        let (framing, fields) = (Framing::Length(0), HeaderMap::new());
        let config = &self.shared.config;
        let head = head(config, status, &fields, framing, Coding::Plain, Persistence::Closed);
        let _may_be_gone = self.wire.write_all(&[&head]);
    }

    /// Answers with a status alone, and ends the connection.
    pub(crate) fn refuse(&self, status: StatusCode) {
        self.write_refusal(status);
        self.linger();
    }

    /// Ends the connection so that whoever still sends gets the answer and not a reset (RFC 9112 section 9.6).
    pub(crate) fn linger(&self) {
        let config = &self.shared.config;
        if self.wire.stream.shutdown(Shutdown::Write).is_ok() {
            let deadline = config.timeouts.linger.map(|time| Instant::now() + time);
            let mut left = config.limits.discard_bytes;
            let mut piece = [0; 16 * 1024];
            while left > 0 && self.wire.wait(deadline).is_ok() {
                let Ok(read @ 1..) = self.wire.receive(&mut piece) else { break };
                left = left.saturating_sub(read as u64);
            }
        }
        self.end();
    }

    /// Closes both directions, though a token of the app's may hold the socket still.
    pub(crate) fn end(&self) {
        let _may_be_closed = self.wire.stream.shutdown(Shutdown::Both);
    }

    /// Breaks the connection off, so that the client can tell.
    pub(crate) fn reset(&self) {
        let _only_tcp = rustix::net::sockopt::set_socket_linger(&self.wire.stream, Some(Duration::ZERO));
        if rustix::net::connect_unspec(&self.wire.stream).is_err() {
            self.end();
        }
    }
}
