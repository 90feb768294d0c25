//! From bytes to the next request: reads, parses, and rests when a head isn't whole.
//!
//! It never blocks and calls no app; a refused head is answered by the server itself. Not here: bodies (`body_in.rs`).
//!
//! Invariant: a connection rests for reading only after a read came back short or would have blocked, for the poller
//! tells each arrival once. Next: `serve.rs`, which runs the request.

use std::io;
use std::time::Instant;

use bytes::BytesMut;
use rsgi_core::http::StatusCode;
use rsgi_threads::Next;

use crate::conn::{Call, Line, Socket, Upcoming};
use crate::desk::Tools;
use crate::h1::{self, Reject};
use crate::site::Site;

/// What looking for the next request came to.
#[derive(Debug)]
pub(crate) enum Headed {
    Call(Call),
    /// The server's own answer lies in the output buffer; the connection ends with it.
    Refused,
    Rest(Next),
}

/// What became of bytes that may hold a head.
#[derive(Debug)]
pub(crate) enum Parsed {
    Call(Call),
    Refused(Reject),
    More,
    /// The connection is over.
    Over,
}

impl Line {
    /// Looks for the next request, in what was read and in the socket.
    #[inline]
    pub(crate) fn next_request(&mut self, tools: &mut Tools, site: &Site, now: Instant) -> Headed {
        let parsed = match self.upcoming.take() {
            Some(Upcoming::Refused(reject)) => Parsed::Refused(reject),
            Some(Upcoming::Over) => Parsed::Over,
            None if self.buf.is_empty() => Parsed::More,
            None => {
                let buf = std::mem::take(&mut self.buf);
                self.parse(tools, site, buf, now)
            }
        };
        match parsed {
            Parsed::Call(call) => return Headed::Call(call),
            Parsed::Refused(reject) => return Self::refuse(tools, reject),
            Parsed::More => self.detach_buffer(),
            Parsed::Over => return Headed::Rest(Next::Close),
        }
        if self.socket == Socket::Drained {
            return Headed::Rest(self.rest_for_head(tools, site, now));
        }
        self.read_request(tools, site, now)
    }

    /// Reads until a request is there, or nothing more.
    pub(crate) fn read_request(&mut self, tools: &mut Tools, site: &Site, now: Instant) -> Headed {
        loop {
            let read =
                if self.uploads { Tools::read_wide(&self.transport) } else { tools.read(&self.transport) };
            let (data, filled) = match read {
                Ok((data, _)) if data.is_empty() => return Headed::Rest(Next::Close),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Headed::Rest(self.rest_for_head(tools, site, now));
                }
                Err(_) => return Headed::Rest(Next::Close),
            };
            let drained = !filled && self.transport.short_read_drains();
            if self.socket != Socket::Ended {
                self.socket = if drained { Socket::Drained } else { Socket::MayHaveMore };
            }
            let buf = if self.buf.is_empty() {
                data
            } else {
                let mut buf = std::mem::take(&mut self.buf);
                buf.extend_from_slice(&data);
                buf
            };
            match self.parse(tools, site, buf, now) {
                Parsed::Call(call) => return Headed::Call(call),
                Parsed::Refused(reject) => return Self::refuse(tools, reject),
                Parsed::More if self.socket == Socket::Drained => {
                    self.detach_buffer();
                    return Headed::Rest(self.rest_for_head(tools, site, now));
                }
                Parsed::More => {}
                Parsed::Over => return Headed::Rest(Next::Close),
            }
        }
    }

    /// Parses a head off the front of `buf` and begins its request; the rest is kept.
    #[inline]
    pub(crate) fn parse(
        &mut self,
        tools: &mut Tools,
        site: &Site,
        mut buf: BytesMut,
        now: Instant,
    ) -> Parsed {
        let parsed = tools.parser.parse(&mut self.progress, &mut buf);
        // An empty handle would keep the window's memory from being used again.
        self.buf = if buf.is_empty() { BytesMut::new() } else { buf };
        match parsed {
            Ok(Some(head)) => {
                self.head_begun = false;
                self.begin(tools, site, head, now).map_or(Parsed::Over, Parsed::Call)
            }
            Ok(None) => Parsed::More,
            Err(reject) => Parsed::Refused(reject),
        }
    }

    /// Puts the server's answer to a bad head into the output buffer.
    #[cold]
    fn refuse(tools: &mut Tools, reject: Reject) -> Headed {
        tracing::debug!(target: "rsgi", rule = reject.name(), source = reject.source_text(), "request refused");
        tools.out.clear();
        h1::encode_reject(&mut tools.out, reject, &tools.standing);
        Headed::Refused
    }

    /// Puts another answer of the server's own into the output buffer.
    #[cold]
    pub(crate) fn refuse_with(tools: &mut Tools, status: StatusCode, text: &str) {
        tools.out.clear();
        h1::encode_error(&mut tools.out, status, text, &tools.standing);
    }

    /// Rests for the next head, or the rest of one.
    fn rest_for_head(&mut self, tools: &mut Tools, site: &Site, now: Instant) -> Next {
        let timeouts = &site.settings.timeouts;
        let begins = !self.buf.is_empty() && !self.head_begun;
        if begins {
            self.head_begun = true;
        }
        if begins && self.served > 0 {
            self.deadline = timeouts.head.map(|time| now + time);
        } else if !self.head_begun && self.served > 0 {
            self.deadline = timeouts.keep_alive.map(|time| tools.idle_deadline(now, time));
        }
        self.rest_reading()
    }

    /// Copies what is kept of a head, so that a slow client doesn't hold a whole window.
    fn detach_buffer(&mut self) {
        if !self.buf.is_empty() && !self.head_begun {
            self.buf = BytesMut::from(&self.buf[..]);
        }
    }
}
