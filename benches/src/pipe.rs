//! A connection in memory: what the client sends is a constant, what the server writes is counted and dropped.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The request that wrk sends.
pub(crate) const PING: &[u8] = b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";

/// Both ends of the pipe.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pipe(Arc<Mutex<Ends>>);

#[derive(Debug)]
struct Ends {
    /// What the client sends at once.
    sending: &'static [u8],
    sendings: usize,
    written: usize,
}

impl Default for Ends {
    fn default() -> Self {
        Self { sending: PING, sendings: 0, written: 0 }
    }
}

impl Pipe {
    /// A pipe whose client sends something else than one ping at once.
    pub(crate) fn sending(sending: &'static [u8]) -> Self {
        Self(Arc::new(Mutex::new(Ends { sending, ..Ends::default() })))
    }

    /// Has the server find one sending more.
    pub(crate) fn send(&self) {
        self.with(|ends| ends.sendings += 1);
    }

    /// How many bytes the server has written.
    pub(crate) fn written(&self) -> usize {
        self.with(|ends| ends.written)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Ends) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|ends| {
            if ends.sendings == 0 {
                return Poll::Pending;
            }
            ends.sendings -= 1;
            buffer.put_slice(ends.sending);
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|ends| ends.written += bytes.len());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        self.with(|ends| ends.written += bytes);
        Poll::Ready(Ok(bytes))
    }
}
