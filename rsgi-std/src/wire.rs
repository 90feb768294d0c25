//! [`Wire`]: what lies gathered for a client, in order, in front of the transport.
//!
//! Small pieces are copied together, a large one lies beside them as the shared bytes it is and goes out with them by
//! one vectored write. It never waits; who may block waits in `body_out.rs`. Not here: framing.
//!
//! Invariant: `small` goes before `large`, and nothing is appended while `large` is not empty.
//! Next: `shared.rs`, whose lock it lies under.

use std::io;

use bytes::{Buf, Bytes};
use rsgi_core::Cause;
use rsgi_core::server::HalfClose;

use crate::transport::Transport;

/// Output on its way.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four marks that have nothing to do with each other")]
pub(crate) struct Wire {
    /// Gone once the connection is.
    transport: Option<Transport>,
    /// `None` at rest.
    lying: Option<Box<Lying>>,
    /// Whether a session may hold sealed bytes of ours.
    sealed: bool,
    /// Whether the system took something since that was last told.
    moved: bool,
    /// Whether a handler's blocking body writes here, so that nobody else sends on what it left.
    pub(crate) driven: bool,
    /// Whether a tick was asked for and hasn't come.
    pub(crate) asked: bool,
    /// Why there is nobody to write to.
    pub(crate) gone: Option<Cause>,
    /// What the end of the client's half means; kept here, where it takes no room of its own.
    pub(crate) half_close: HalfClose,
}

/// What lies gathered; kept by the threads for the next connection that gathers.
#[derive(Debug, Default)]
pub(crate) struct Lying {
    small: Vec<u8>,
    /// How much of `small` went out.
    start: usize,
    large: Bytes,
    /// What follows `large`.
    tail: &'static [u8],
}

/// How far a flush came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flushed {
    /// The system has everything.
    All,
    /// The system has taken some since the last flush, and has no more room.
    Some,
    /// The system has no room.
    Nothing,
}

impl Wire {
    pub(crate) fn new(transport: Transport, half_close: HalfClose) -> Self {
        Self {
            transport: Some(transport),
            lying: None,
            sealed: false,
            moved: false,
            driven: false,
            asked: false,
            gone: None,
            half_close,
        }
    }

    /// Puts a TLS session in the plain transport's place.
    pub(crate) fn replace(&mut self, transport: Transport) {
        self.transport = Some(transport);
    }

    /// Lets go of the socket, and of what was not sent.
    pub(crate) fn close(&mut self) {
        self.transport = None;
        self.lying = None;
    }

    pub(crate) fn transport(&self) -> Option<&Transport> {
        self.transport.as_ref()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.sealed && self.lying.as_ref().is_none_or(|lying| lying.is_empty())
    }

    /// How many bytes lie here.
    pub(crate) fn len(&self) -> usize {
        self.lying.as_ref().map_or(0, |lying| lying.small.len() - lying.start + lying.large.len())
    }

    /// Tells whether a piece lies here that nothing can be gathered behind without a copy.
    pub(crate) fn has_large(&self) -> bool {
        self.lying.as_ref().is_some_and(|lying| !lying.large.is_empty())
    }

    /// The place for small pieces.
    pub(crate) fn small(&mut self) -> &mut Vec<u8> {
        let lying = self.lying.get_or_insert_default();
        if !lying.large.is_empty() {
            // Not reached by our own callers, who flush first; the order is kept all the same.
            lying.small.extend_from_slice(&lying.large);
            lying.small.extend_from_slice(std::mem::take(&mut lying.tail));
            lying.large = Bytes::new();
        }
        &mut lying.small
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.small().extend_from_slice(bytes);
    }

    /// Adds a piece and what follows it: copied if small, as it is if large.
    pub(crate) fn push(&mut self, piece: Bytes, tail: &'static [u8]) {
        if piece.len() < LARGE || self.has_large() {
            self.append(&piece);
            self.append(tail);
        } else {
            let lying = self.lying.get_or_insert_default();
            (lying.large, lying.tail) = (piece, tail);
        }
    }

    /// Writes what was never gathered: the hot path of answers in memory. What the system doesn't take lies here then.
    #[inline]
    pub(crate) fn write_now(&mut self, head: &[u8], body: Bytes) -> io::Result<Flushed> {
        let total = head.len() + body.len();
        if total == 0 || !self.is_empty() {
            self.append(head);
            self.push(body, &[]);
            return self.flush();
        }
        let Some(transport) = &self.transport else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let written = match transport.write_parts([head, &body, &[]]) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if written == total && transport.is_plain() {
            return Ok(Flushed::All);
        }
        self.sealed = !transport.is_plain();
        if let Some(rest) = head.get(written..) {
            self.append(rest);
            self.push(body, &[]);
        } else {
            self.push(body.slice(written - head.len()..), &[]);
        }
        self.moved |= written > 0;
        self.flush()
    }

    /// Sends as much as the system takes.
    pub(crate) fn flush(&mut self) -> io::Result<Flushed> {
        if self.send()? {
            return Ok(Flushed::All);
        }
        Ok(if std::mem::take(&mut self.moved) { Flushed::Some } else { Flushed::Nothing })
    }

    /// Sends as much as the system takes, and leaves it to the next flush to tell that something went out. Tells
    /// whether the system has everything.
    pub(crate) fn send(&mut self) -> io::Result<bool> {
        loop {
            let Some(transport) = &self.transport else { return Err(io::ErrorKind::BrokenPipe.into()) };
            let Some(lying) = self.lying.as_mut().filter(|lying| !lying.is_empty()) else {
                if self.sealed && !transport.flush()? {
                    return Ok(false);
                }
                self.sealed = false;
                return Ok(true);
            };
            self.sealed = !transport.is_plain();
            let small = &lying.small[lying.start..];
            let written = match transport.write_parts([small, &lying.large, lying.tail]) {
                Ok(0) => return Ok(false),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            self.moved = true;
            let of_small = written.min(small.len());
            lying.advance(of_small, written - of_small);
        }
    }

    /// Sends what lies here, telling the system that more follows at once.
    pub(crate) fn flush_more(&mut self) -> io::Result<Flushed> {
        if let (Some(transport), Some(lying)) = (&self.transport, &mut self.lying)
            && lying.large.is_empty()
            && transport.is_plain()
            && lying.start < lying.small.len()
        {
            match transport.write_more(&lying.small[lying.start..]) {
                Ok(written) => lying.advance(written, 0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Flushed::Nothing),
                Err(error) => return Err(error),
            }
            if lying.small.is_empty() {
                return Ok(Flushed::All);
            }
        }
        self.flush()
    }

    /// Gives the emptied memory away: to rest without it, or to use it elsewhere.
    #[inline]
    pub(crate) fn take_memory(&mut self) -> Option<Box<Lying>> {
        self.lying.take_if(|lying| lying.is_empty())
    }

    /// Takes memory to gather in, if it has none.
    pub(crate) fn give_memory(&mut self, memory: impl FnOnce() -> Option<Box<Lying>>) {
        if self.lying.is_none() {
            self.lying = memory();
        }
    }
}

impl Lying {
    /// How much memory it has.
    pub(crate) fn capacity(&self) -> usize {
        self.small.capacity()
    }

    fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_empty()
    }

    /// Takes off what went out: so much of `small`, so much of what follows it.
    fn advance(&mut self, of_small: usize, beyond: usize) {
        self.start += of_small;
        if self.start == self.small.len() {
            self.small.clear();
            self.start = 0;
        }
        let of_large = beyond.min(self.large.len());
        self.large.advance(of_large);
        if self.large.is_empty() {
            // An empty rest would still hold the app's memory, for as long as the connection lives.
            self.large = Bytes::new();
            // Never more than the tail's own length.
            let rest = self.tail.get(beyond - of_large..).unwrap_or_default();
            self.small.extend_from_slice(rest);
            self.tail = &[];
        }
    }
}

/// From this length on a piece isn't copied: below it copying is cheaper than a second piece in a vectored write.
pub(crate) const LARGE: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use rsgi_threads::Stream;

    use super::*;

    fn pair() -> (Wire, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let stream = Stream::try_from(OwnedFd::from(ours)).unwrap();
        (Wire::new(Transport::plain(stream), HalfClose::default()), theirs)
    }

    /// Reads some of what has come.
    fn read(client: &mut UnixStream, seen: &mut Vec<u8>, most: usize) {
        let mut buffer = vec![0; most];
        let read = client.read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..read]);
    }

    #[test]
    fn pieces_of_any_size_keep_their_order_whatever_the_system_takes() {
        let (mut wire, mut client) = pair();
        let (mut expected, mut seen) = (Vec::new(), Vec::new());
        for round in 0..60_u8 {
            let piece = vec![round; usize::from(round) * 997 + 1];
            wire.append(&[round, b'<']);
            wire.push(Bytes::from(piece.clone()), b">\r\n");
            expected.extend_from_slice(&[round, b'<']);
            expected.extend_from_slice(&piece);
            expected.extend_from_slice(b">\r\n");
            // Sometimes there is no room, sometimes nobody flushes.
            while round % 3 != 0 && wire.flush().unwrap() != Flushed::All {
                read(&mut client, &mut seen, 30_000);
            }
        }
        while wire.flush().unwrap() != Flushed::All {
            read(&mut client, &mut seen, 5_000);
        }
        while seen.len() < expected.len() {
            read(&mut client, &mut seen, 100_000);
        }
        assert!(seen == expected && wire.is_empty());
    }

    #[test]
    fn an_answer_that_is_not_taken_lies_here_and_goes_on() {
        let (mut wire, mut client) = pair();
        let body = Bytes::from(vec![b'b'; 3_000_000]);
        assert_eq!(wire.write_now(b"head ", body.clone()).unwrap(), Flushed::Some);
        assert_eq!(wire.flush().unwrap(), Flushed::Nothing);
        let mut seen = Vec::new();
        read(&mut client, &mut seen, 100_000);
        // What another thread sent in between counts as progress once.
        assert!(!wire.send().unwrap());
        assert_eq!(wire.flush().unwrap(), Flushed::Some);
        assert_eq!(wire.flush().unwrap(), Flushed::Nothing);
        while wire.flush().unwrap() != Flushed::All {
            read(&mut client, &mut seen, 100_000);
        }
        while seen.len() < 3_000_005 {
            read(&mut client, &mut seen, 100_000);
        }
        assert!(seen.starts_with(b"head b") && seen[5..] == body[..]);
        assert!(body.is_unique(), "what went out is let go, though the connection stays");
    }

    #[test]
    fn nothing_is_written_once_the_connection_is_over() {
        let (mut wire, _client) = pair();
        wire.append(b"late");
        wire.close();
        assert_eq!(wire.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(wire.transport().is_none() && wire.is_empty());
    }
}
