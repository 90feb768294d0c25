//! The one wrapper round a connection's byte stream: hyper reads and writes through it.
//!
//! Three things happen here because only here they can be seen in time: informational heads are written when hyper's
//! own buffer is empty, the outcome is told when the system has accepted the last byte, and a client that goes away
//! is noticed while hyper doesn't read. What they mean is the business of [`Duties`], one implementation for each
//! protocol (`http1/wire.rs`, `http2/wire.rs`).
//!
//! Invariant: hyper flushes the stream only when it has no byte left of its own, so what is written in
//! [`poll_flush`](AsyncWrite::poll_flush) never lands inside a message.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rsgi_core::Cause;
use rsgi_core::bytes::{Buf, Bytes};
use rsgi_core::server::HalfClose;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A byte stream as connections need it: a socket, TLS over one, or what a caller brought.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Gives bytes back, to be read again.
    fn unread(&mut self, bytes: Bytes);
    /// Polls for the other end's going away, whatever lies unread.
    fn poll_gone(&mut self, context: &mut Context<'_>, half_close: HalfClose) -> Poll<Cause>;
    /// Ends the stream so that its other end can tell it from an orderly end, where the stream can say so.
    fn reset(self);
}

/// What a protocol does about what happens to its byte stream.
pub(crate) trait Duties: Send {
    /// Bytes came; or with 0 the end of the stream.
    fn read(&self, bytes: usize);
    /// The stream can't be read or written any more.
    fn broken(&self, error: &io::Error);
    /// The stream took bytes, or takes none now.
    fn wrote(&self, progress: Progress);
    /// Heads to be written before hyper's next byte.
    fn take_informational(&self) -> Option<Bytes>;
    /// Those heads are written.
    fn sent_informational(&self);
    /// The system has accepted every byte that hyper gave.
    fn flushed(&self);
    /// Whether the client's going away must be looked for beside hyper's reading, and what a half-close means.
    fn watches(&self) -> Option<HalfClose>;
    /// The client has gone.
    fn gone(&self, cause: Cause);
}

/// How writing goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Progress {
    /// So many bytes were taken.
    Bytes(usize),
    /// The client takes none for now.
    Blocked,
}

/// A byte stream with its duties.
pub(crate) struct Transport<S, D> {
    stream: S,
    duties: D,
    /// An informational head that is written, or being written.
    informational: Bytes,
    /// hyper waits for bytes itself, and so sees the end of the stream.
    reading: bool,
}

impl<S: Stream, D: Duties> Transport<S, D> {
    pub(crate) fn new(stream: S, duties: D) -> Self {
        Self { stream, duties, informational: Bytes::new(), reading: false }
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    fn note<T>(&self, written: &Poll<io::Result<T>>, count: impl FnOnce(&T) -> usize) {
        match written {
            Poll::Ready(Ok(value)) => self.duties.wrote(Progress::Bytes(count(value))),
            Poll::Ready(Err(error)) => self.duties.broken(error),
            Poll::Pending => self.duties.wrote(Progress::Blocked),
        }
    }

    /// Writes the informational head that was begun, if there is one.
    #[inline(always)]
    fn poll_informational(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.informational.is_empty() { Poll::Ready(Ok(())) } else { self.poll_begun(context) }
    }

    #[cold]
    fn poll_begun(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.informational.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(context, &self.informational);
            self.note(&written, |bytes| *bytes);
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                bytes => self.informational.advance(bytes),
            }
        }
        self.duties.sent_informational();
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream, D: Duties + Unpin> AsyncRead for Transport<S, D> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.reading = read.is_pending();
        match &read {
            Poll::Ready(Ok(())) => self.duties.read(buffer.filled().len() - before),
            Poll::Ready(Err(error)) => self.duties.broken(error),
            Poll::Pending => {}
        }
        read
    }
}

impl<S: Stream, D: Duties + Unpin> AsyncWrite for Transport<S, D> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_informational(context))?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(&written, |bytes| *bytes);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_informational(context))?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.note(&written, |bytes| *bytes);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_informational(context))?;
            let flushed = Pin::new(&mut self.stream).poll_flush(context);
            if !matches!(flushed, Poll::Ready(Ok(()))) {
                self.note(&flushed, |()| 0);
                return flushed;
            }
            match self.duties.take_informational() {
                Some(heads) => self.informational = heads,
                None => break,
            }
        }
        self.duties.flushed();
        if !self.reading
            && let Some(half_close) = self.duties.watches()
            && let Poll::Ready(cause) = self.stream.poll_gone(context, half_close)
        {
            self.duties.gone(cause);
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
