//! [`Reading`]: bytes to frames of one request's body, reading the socket as long as it gives something.
//!
//! It never waits and knows nobody who does. After an accepted upgrade what follows the body is given as it comes.
//!
//! Invariants: a body that broke off is never taken for one that ended; what lies behind the body stays in `buf`.
//! Next: `body_in.rs`, who waits for it.

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rsgi_core::Exchange;
use rsgi_core::http::HeaderMap;
use rsgi_core::http_body::Frame;
use rsgi_core::{InputError, InputErrorKind};

use crate::body_in::InputFrame;
use crate::conn::Socket;
use crate::h1::{BodyDecoder, BodyError, BodyErrorKind, Decoded};
use crate::shared::Shared;
use crate::transport::Transport;

#[expect(clippy::struct_excessive_bools, reason = "marks that have nothing to do with each other")]
pub(crate) struct Reading {
    /// Gone once the connection has taken the body back.
    pub(crate) transport: Option<Transport>,
    /// The request's, by which an upgrade is known.
    pub(crate) exchange: Option<Arc<Exchange>>,
    pub(crate) buf: BytesMut,
    pub(crate) decoder: BodyDecoder,
    /// Content that was read before the app was called.
    pub(crate) ahead: BytesMut,
    /// The trailers behind it.
    pub(crate) ahead_trailers: Option<HeaderMap>,
    /// Whether the client waits for `100 Continue`.
    pub(crate) expects: bool,
    /// What the last read found of the socket; `None`: it wasn't read.
    pub(crate) socket: Option<Socket>,
    /// Whether `buf` holds a body's beginning, and more was to be had at once.
    joins: bool,
    pub(crate) timed_out: bool,
    pub(crate) input_dropped: bool,
    /// Who waits for bytes, and until when.
    pub(crate) waiter: Option<(Waker, Option<Instant>)>,
}

/// What one look at the bytes came to.
pub(crate) enum Look {
    Frame(InputFrame),
    End,
    /// There is nothing more without reading, which would block.
    Wait,
}

impl Reading {
    /// Begins a body with what was read of it along with its head; `socket` is what that read found.
    pub(crate) fn new(
        transport: Transport,
        buf: BytesMut,
        decoder: BodyDecoder,
        expects: bool,
        socket: Socket,
    ) -> Self {
        Self {
            joins: socket == Socket::MayHaveMore && (1..=JOIN_MOST).contains(&buf.len()),
            transport: Some(transport),
            exchange: None,
            buf,
            decoder,
            ahead: BytesMut::new(),
            ahead_trailers: None,
            expects,
            socket: None,
            timed_out: false,
            input_dropped: false,
            waiter: None,
        }
    }

    /// Sends `100 Continue` if the client waits for it, and has sent nothing yet (RFC 9110 section 10.1.1).
    pub(crate) fn ask_for_body(&mut self, shared: &Shared) {
        if self.expects && !self.decoder.is_done() {
            self.expects = false;
            if self.buf.is_empty() {
                shared.send_continue();
            }
        }
    }

    /// What was read ahead.
    pub(crate) fn take_ahead(&mut self) -> Option<Frame<Bytes>> {
        if !self.ahead.is_empty() {
            return Some(Frame::data(std::mem::take(&mut self.ahead).freeze()));
        }
        self.ahead_trailers.take().map(Frame::trailers)
    }

    /// Decodes what is there, reading as long as the socket gives something.
    pub(crate) fn look(&mut self) -> Look {
        self.join_first();
        loop {
            if let Some(look) = self.decode() {
                return look;
            }
            if self.socket == Some(Socket::Ended) {
                return Look::Frame(Err(InputError::new(InputErrorKind::Truncated)));
            }
            match self.fill() {
                Ok(0) => self.socket = Some(Socket::Ended),
                Ok(_) => self.timed_out = false,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Look::Wait,
                Err(error) => {
                    return Look::Frame(
                        Err(InputError::new(InputErrorKind::Disconnected).with_source(error)),
                    );
                }
            }
        }
    }

    /// Reads the rest of a body whose beginning filled the read that brought its head, so that the two are one piece.
    fn join_first(&mut self) {
        let partial = self.decoder.remaining().is_some_and(|left| left > self.buf.len() as u64);
        if std::mem::take(&mut self.joins) && partial && self.fill().is_ok_and(|read| read == 0) {
            self.socket = Some(Socket::Ended);
        }
    }

    fn is_upgraded(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.is_upgraded())
    }

    /// Tells whether what comes is an upgraded stream, which may be silent for as long as it likes.
    pub(crate) fn is_raw(&self) -> bool {
        self.decoder.is_done() && self.is_upgraded()
    }

    /// One step without reading; `None` if bytes are wanting.
    fn decode(&mut self) -> Option<Look> {
        let upgraded = self.is_upgraded();
        loop {
            if self.decoder.is_done() {
                return if upgraded { self.raw() } else { Some(Look::End) };
            }
            return match self.decoder.decode(&mut self.buf) {
                // What an app left unread of the body before it took over the stream isn't part of that.
                Ok(Decoded::Data(_) | Decoded::End(_)) if upgraded => continue,
                Ok(Decoded::Data(data)) => Some(Look::Frame(Ok(Frame::data(data)))),
                Ok(Decoded::Incomplete) => None,
                Ok(Decoded::End(trailers)) => {
                    for name in trailers.iter().flat_map(|trailers| &trailers.dropped) {
                        tracing::info!(target: "rsgi", trailer = name.as_str(), "forbidden request trailer dropped");
                    }
                    let fields = trailers.map(|trailers| trailers.fields).filter(|fields| !fields.is_empty());
                    Some(fields.map_or(Look::End, |fields| Look::Frame(Ok(Frame::trailers(fields)))))
                }
                Err(error) => Some(Look::Frame(Err(input_error(error)))),
            };
        }
    }

    /// The inbound half of an upgraded stream.
    fn raw(&mut self) -> Option<Look> {
        if !self.buf.is_empty() {
            return Some(Look::Frame(Ok(Frame::data(self.buf.split().freeze()))));
        }
        (self.socket == Some(Socket::Ended)).then_some(Look::End)
    }

    /// Reads once, into memory of its own that becomes the pieces.
    fn fill(&mut self) -> io::Result<usize> {
        let Some(transport) = &self.transport else { return Err(io::ErrorKind::NotConnected.into()) };
        let wanted = self.decoder.remaining().and_then(|left| usize::try_from(left).ok());
        // A little more than is wanted: so a read that comes back short says that nothing else is there.
        let room = match wanted {
            Some(left @ 1..) => left.min(READ_MOST) + READ_BEYOND,
            _ => READ_UNKNOWN + self.buf.len(),
        };
        let mut memory = Vec::with_capacity(room);
        // What lies here already joins it: the rest of a framing line, or the body's beginning.
        memory.extend_from_slice(&self.buf);
        self.socket = Some(Socket::MayHaveMore);
        let read = transport.read_into(&mut memory)?;
        if memory.len() < room && transport.short_read_drains() {
            self.socket = Some(Socket::Drained);
        }
        if memory.len() >= room / 4 {
            // Its only owner: taken over, not copied.
            self.buf = Bytes::from(memory).into();
        } else {
            // A few bytes must not hold the whole of it.
            self.buf.extend_from_slice(&memory[self.buf.len()..]);
        }
        Ok(read)
    }
}

/// The app's view of a framing error.
fn input_error(error: BodyError) -> InputError {
    let kind = match error.kind() {
        BodyErrorKind::Truncated => InputErrorKind::Truncated,
        _ if error == BodyError::TooLarge => InputErrorKind::Limit,
        _ => InputErrorKind::Malformed,
    };
    InputError::new(kind).with_source(error)
}

/// Bytes read at once, where a body's length is known.
const READ_MOST: usize = 64 * 1024;
/// A longer beginning is a piece by itself: copying it would cost more than that spares.
const JOIN_MOST: usize = 16 * 1024;
/// Room for what comes behind a body: the next request.
const READ_BEYOND: usize = 1024;
/// Bytes read at once, where it isn't.
const READ_UNKNOWN: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use rsgi_threads::Stream;

    use super::*;
    use crate::h1::{BodyLimits, Framing};

    fn reading(framing: Framing, buffered: &[u8], socket: Socket) -> (Reading, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let transport = Transport::plain(Stream::try_from(OwnedFd::from(ours)).unwrap());
        let decoder = BodyDecoder::new(framing, &BodyLimits::default()).unwrap();
        (Reading::new(transport, BytesMut::from(buffered), decoder, false, socket), theirs)
    }

    fn data(reading: &mut Reading) -> Vec<u8> {
        match reading.look() {
            Look::Frame(Ok(frame)) => frame.into_data().unwrap().to_vec(),
            Look::Frame(Err(error)) => panic!("{error}"),
            Look::End => b"(end)".to_vec(),
            Look::Wait => b"(wait)".to_vec(),
        }
    }

    fn error(reading: &mut Reading) -> InputErrorKind {
        match reading.look() {
            Look::Frame(Err(error)) => error.kind(),
            _ => panic!("no error"),
        }
    }

    #[test]
    fn a_beginning_and_the_rest_that_is_there_are_one_piece() {
        let (mut reading, mut client) = reading(Framing::Length(10), b"abc", Socket::MayHaveMore);
        client.write_all(b"defghijGET").unwrap();
        assert_eq!(data(&mut reading), b"abcdefghij");
        assert_eq!(data(&mut reading), b"(end)");
        assert_eq!(&reading.buf[..], b"GET");
        assert_eq!(reading.socket, Some(Socket::Drained));
    }

    #[test]
    fn a_beginning_is_given_at_once_if_nothing_else_is_there() {
        for socket in [Socket::MayHaveMore, Socket::Drained] {
            let (mut reading, mut client) = reading(Framing::Length(5), b"abc", socket);
            assert_eq!(data(&mut reading), b"abc");
            assert_eq!(data(&mut reading), b"(wait)");
            client.write_all(b"de").unwrap();
            assert_eq!(data(&mut reading), b"de");
        }
    }

    #[test]
    fn an_end_that_comes_too_early_is_an_error_however_it_comes() {
        for (framing, buffered) in
            [(Framing::Length(5), &b"abc"[..]), (Framing::Length(5), b""), (Framing::Chunked, b"5\r\nabc")]
        {
            let (mut reading, client) = reading(framing, buffered, Socket::MayHaveMore);
            drop(client);
            if !buffered.is_empty() {
                assert_eq!(data(&mut reading), b"abc");
            }
            assert_eq!(error(&mut reading), InputErrorKind::Truncated);
        }
    }

    #[test]
    fn broken_framing_is_malformed_and_the_taken_back_body_gone() {
        let (mut reading, mut client) = reading(Framing::Chunked, b"", Socket::Drained);
        client.write_all(b"5\r\nabcdeX").unwrap();
        assert_eq!(data(&mut reading), b"abcde");
        assert_eq!(error(&mut reading), InputErrorKind::Malformed);
        reading.transport = None;
        reading.decoder = BodyDecoder::new(Framing::Length(1), &BodyLimits::default()).unwrap();
        reading.buf.clear();
        assert_eq!(error(&mut reading), InputErrorKind::Disconnected);
    }
}
