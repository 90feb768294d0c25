//! [`Transport`]: the connection's bytes in and out, in the clear or through a TLS session.
//!
//! Non-blocking, every call; who waits is the engine, or a handler by the engine's wait functions. It gathers nothing
//! of its own in the clear; a TLS session holds at most its own bounded buffer of sealed bytes.
//!
//! Invariant: bytes count as the operating system's only once `flush` has said `true`.
//! Next: `wire.rs`, what lies gathered in front of it.

use std::io::{self, IoSlice};
use std::time::Duration;

use rsgi_threads::Stream;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv, sockopt};

use crate::tls::Session;

/// A connection's socket, with its TLS session if there is one. Clones share both.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    stream: Stream,
    session: Option<Session>,
}

impl Transport {
    pub(crate) fn plain(stream: Stream) -> Self {
        Self { stream, session: None }
    }

    pub(crate) fn sealed(stream: Stream, session: Session) -> Self {
        Self { stream, session: Some(session) }
    }

    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.session.is_none()
    }

    /// Tells whether a read that came back short proves that the socket is drained.
    pub(crate) fn short_read_drains(&self) -> bool {
        self.session.is_none()
    }

    /// Reads into initialised memory.
    #[inline]
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.session {
            None => self.stream.read(buffer),
            Some(session) => session.read(&self.stream, buffer),
        }
    }

    /// Reads into a vector's spare capacity.
    pub(crate) fn read_into(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match &self.session {
            None => loop {
                match recv(&self.stream, spare_capacity(buffer), RecvFlags::empty()) {
                    Ok((read, _)) => return Ok(read),
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            },
            Some(session) => {
                let filled = buffer.len();
                buffer.resize(buffer.capacity(), 0);
                let read = session.read(&self.stream, &mut buffer[filled..]);
                buffer.truncate(filled + read.as_ref().copied().unwrap_or(0));
                read
            }
        }
    }

    /// Writes, telling the system that more follows at once.
    pub(crate) fn write_more(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.session {
            None => self.stream.write_more(bytes),
            Some(session) => session.write(&self.stream, bytes),
        }
    }

    /// Writes pieces, one after the other.
    #[inline]
    pub(crate) fn write_parts(&self, [first, second, third]: [&[u8]; 3]) -> io::Result<usize> {
        match &self.session {
            None if second.is_empty() => self.stream.write(first),
            None if first.is_empty() && third.is_empty() => self.stream.write(second),
            None => {
                self.stream.write_vectored(&[IoSlice::new(first), IoSlice::new(second), IoSlice::new(third)])
            }
            Some(session) => session.write_parts(&self.stream, [first, second, third]),
        }
    }

    /// Sends on what a session still holds; tells whether the system has everything.
    #[inline]
    pub(crate) fn flush(&self) -> io::Result<bool> {
        match &self.session {
            None => Ok(true),
            Some(session) => session.flush(&self.stream),
        }
    }

    /// Says that nothing more will be written; reading goes on.
    pub(crate) fn finish(&self) -> io::Result<()> {
        if let Some(session) = &self.session {
            session.finish(&self.stream)?;
        }
        self.stream.finish()
    }

    /// Has the socket's end be a reset, so that no peer takes what it got for the whole.
    pub(crate) fn reset_at_close(&self) {
        // Refused only by what is no TCP socket, whose peer can't be told more than the end.
        let _refused = sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
    }
}
