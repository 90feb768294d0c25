//! A socket with both directions open at once: what is to be sent goes out while what comes is read.
//!
//! So a server that answers before it has read everything stops nobody. Nothing here waits longer than [`patience`].

use std::io::{self, Read};
use std::time::Duration;

use rsgi_core::bytes::{Buf, BytesMut};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendFlags, Shutdown, send, shutdown, sockopt};

use crate::wire::Wire;
use crate::wire::answer::{Break, Head, Reader, broken_by};
use crate::wire::deadline::patience;

/// Names in lower case and values, in order.
type Fields = Vec<(String, Vec<u8>)>;

/// One connection.
pub(super) struct Line {
    wire: Box<dyn Wire>,
    /// What came and was not taken.
    pub(super) inbound: Vec<u8>,
    /// What waits to be sent.
    pub(super) outbound: BytesMut,
    /// How the server's direction ended.
    pub(super) ended: Option<Break>,
    /// How many bytes are still to be sent one by one.
    slow: usize,
}

impl Line {
    pub(super) fn new(wire: impl Wire + 'static) -> Self {
        Self { wire: Box::new(wire), inbound: Vec::new(), outbound: BytesMut::new(), ended: None, slow: 0 }
    }

    /// Sends so many bytes one by one.
    pub(super) fn slowly(mut self, bytes: usize) -> Self {
        self.slow = bytes;
        self
    }

    /// Tells whether nothing is there to be read, not even the end.
    pub(super) fn is_silent(&self) -> bool {
        self.inbound.is_empty()
            && self.ended.is_none()
            && self.ready(PollFlags::IN, Duration::ZERO).is_empty()
    }

    fn ready(&self, flags: PollFlags, time: Duration) -> PollFlags {
        let socket = self.wire.socket();
        let mut polled = [PollFd::new(&socket, flags)];
        let time = Timespec::try_from(time).ok();
        match poll(&mut polled, time.as_ref()) {
            Ok(0) => PollFlags::empty(),
            Ok(_) => polled[0].revents(),
            // Interrupted: asked again by whoever waits.
            Err(_) => flags,
        }
    }

    /// Waits until something was sent or came, or until the server's end.
    pub(super) fn exchange(&mut self) -> Result<(), Break> {
        let mut flags = PollFlags::IN;
        if !self.outbound.is_empty() {
            flags |= PollFlags::OUT;
        }
        let ready = self.ready(flags, patience());
        if ready.is_empty() {
            return Err(Break::Silent);
        }
        if ready.contains(PollFlags::OUT) {
            self.send();
        }
        if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            self.receive();
        }
        Ok(())
    }

    /// Sends all that waits, and takes in what comes meanwhile.
    pub(super) fn flush(&mut self) -> Result<(), Break> {
        while !self.outbound.is_empty() && self.ended.is_none() {
            self.exchange()?;
        }
        Ok(())
    }

    fn send(&mut self) {
        let most = if self.slow > 0 { 1 } else { self.outbound.len() };
        match send(self.wire.socket(), &self.outbound[..most], SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(sent) => {
                self.slow = self.slow.saturating_sub(sent);
                self.outbound.advance(sent);
            }
            Err(error) if would_wait(io::Error::from(error).kind()) => {}
            // The server reads no more; what it said before is still to be read.
            Err(_) => self.outbound.clear(),
        }
    }

    fn receive(&mut self) {
        let mut piece = [0; 16 * 1024];
        match self.wire.read(&mut piece) {
            Ok(0) => self.ended = Some(Break::Closed),
            Ok(read) => self.inbound.extend_from_slice(&piece[..read]),
            Err(error) if would_wait(error.kind()) => {}
            Err(error) => self.ended = Some(broken_by(&error)),
        }
        if self.ended.is_some() {
            self.outbound.clear();
        }
    }

    /// Reads something off the front of what came; `None` if not enough of it is there.
    fn attempt<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, Break>,
    ) -> Result<Option<T>, Break> {
        let mut front = self.inbound[..self.inbound.len().min(FRONT)].to_vec();
        let before = front.len();
        let mut nothing = Nothing { ended: self.ended.is_some() };
        match read(&mut Reader { stream: &mut nothing, buffer: &mut front }) {
            Ok(value) => {
                self.inbound.drain(..before - front.len());
                Ok(Some(value))
            }
            Err(Break::Silent) if before < FRONT => Ok(None),
            Err(Break::Closed) => Err(self.ended.take().unwrap_or(Break::Closed)),
            Err(other) => Err(other),
        }
    }

    /// Reads a head; `None` if it isn't all there.
    pub(super) fn head(&mut self) -> Result<Option<Head>, Break> {
        self.attempt(|reader: &mut Reader<'_>| reader.head())
    }

    /// Reads a line; `None` if it isn't all there.
    pub(super) fn text(&mut self) -> Result<Option<Vec<u8>>, Break> {
        self.attempt(|reader: &mut Reader<'_>| reader.line())
    }

    /// Reads fields and the empty line behind them; `None` if they aren't all there.
    pub(super) fn fields(&mut self) -> Result<Option<Fields>, Break> {
        self.attempt(|reader: &mut Reader<'_>| reader.fields())
    }

    /// Ends the client's direction and leaves the other open.
    pub(super) fn half_close(&mut self) -> io::Result<()> {
        Ok(shutdown(self.wire.socket(), Shutdown::Write)?)
    }

    /// Has the end of the connection be a reset.
    pub(super) fn will_reset(&self) {
        // A unix socket has none: then it just ends.
        let _unix = sockopt::set_socket_linger(self.wire.socket(), Some(Duration::ZERO));
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Line").field("ended", &self.ended).finish_non_exhaustive()
    }
}

fn would_wait(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// A stream of which all was read that is there.
struct Nothing {
    ended: bool,
}

impl Read for Nothing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        if self.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }
}

/// As much as a head, or the line of a chunk, may be long.
const FRONT: usize = 256 * 1024;
