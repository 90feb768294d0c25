//! The engine's stream as the machine's [`Socket`].
//!
//! Next: `protocol.rs`.

use std::io::{self, IoSlice};
use std::time::Instant;

use rsgi_threads::{ConnWaker, Stream, Waited, wait_readable, wait_writable};
use rustix::net::{Shutdown, shutdown};

use crate::conn::{Socket, Way};

/// A stream of the engine's, with its waker.
#[derive(Clone)]
pub(crate) struct EngineSocket {
    pub(crate) stream: Stream,
    pub(crate) waker: ConnWaker,
}

impl Socket for EngineSocket {
    const BLOCKS: bool = true;

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    fn write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match pieces {
            [piece] => self.stream.write(piece),
            pieces => self.stream.write_vectored(pieces),
        }
    }

    fn finish(&self) -> io::Result<()> {
        Ok(shutdown(&self.stream, Shutdown::Write)?)
    }

    fn reset_at_close(&self) {
        // On a unix socket there is no reset, and nothing to set.
        let _never_mind =
            rustix::net::sockopt::set_socket_linger(&self.stream, Some(std::time::Duration::ZERO));
    }

    fn drained(&self) {
        self.waker.watch_bytes();
    }

    fn tick(&self) {
        self.waker.tick();
    }

    fn wait(&self, way: Way, deadline: Option<Instant>) -> io::Result<bool> {
        let waited = match way {
            Way::In => wait_readable(&self.stream, deadline)?,
            Way::Out => wait_writable(&self.stream, deadline)?,
        };
        Ok(waited == Waited::Ready)
    }
}
