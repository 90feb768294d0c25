//! The one wrapper round a connection's byte stream: hyper reads and writes through it.
//!
//! Three things happen here because only here they can be seen in time: informational heads are written when hyper's
//! own buffer is empty, the outcome is told when the system has accepted the last byte, and a client that goes away
//! is noticed while hyper doesn't read. What they mean is the business of [`Duties`], one implementation for each
//! protocol (`http1/wire.rs`, `http2/wire.rs`). And answers to pipelined requests are gathered here, since hyper's own
//! `pipeline_flush` would hold a stream back for as long as a next request lies in its buffer.
//!
//! Invariants: hyper flushes the stream only when it has no byte left of its own, so what is written in
//! [`poll_flush`](AsyncWrite::poll_flush) never lands inside a message. What was gathered is sent before hyper waits
//! for anything.

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
    /// Whether more than one request is likely to have come in one read.
    fn gathers(&self) -> bool;
    /// Whether hyper looks for the next request as soon as it believes that all it gave is flushed, and nobody wants to
    /// know when it is.
    fn may_wait(&self) -> bool;
    /// Whether hyper has yet to make the answer to the last request that it read, or to be given it: it flushes then.
    fn is_answering(&self) -> bool;
    /// What is to be written behind all that hyper gave, which hyper counts as given.
    fn large(&self) -> Option<Bytes>;
    /// So many bytes of that were written.
    fn wrote_large(&self, bytes: usize);
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
    /// Answers that wait for those to the requests that came with theirs.
    gathered: Vec<u8>,
}

impl<S: Stream, D: Duties> Transport<S, D> {
    pub(crate) fn new(stream: S, duties: D) -> Self {
        Self { stream, duties, informational: Bytes::new(), reading: false, gathered: Vec::new() }
    }

    /// The stream, and what was gathered for it and not sent.
    pub(crate) fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.gathered)
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

    /// Takes what hyper writes to the answers that were gathered; if they are too many, sends those first.
    #[cold]
    fn poll_gather(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.gathered.len() + bytes.len() <= GATHERED_MOST {
            if self.gathered.capacity() == 0 {
                self.gathered.reserve(4 * bytes.len().max(1024));
            }
            self.gathered.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_gathered(context))?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(&written, |bytes| *bytes);
        written
    }

    /// Writes what was gathered.
    #[cold]
    fn poll_gathered(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut sent = 0;
        while sent < self.gathered.len() {
            let written = Pin::new(&mut self.stream).poll_write(context, &self.gathered[sent..]);
            self.note(&written, |bytes| *bytes);
            match written {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(bytes)) => sent += bytes,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.gathered.drain(..sent);
                    return Poll::Pending;
                }
            }
        }
        // An idle connection holds no memory for it.
        self.gathered = Vec::new();
        Poll::Ready(Ok(()))
    }

    /// Writes what hyper gives and what follows it round hyper at once; tells how much of hyper's was taken.
    #[inline(never)]
    fn poll_with_large(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        large: &[u8],
    ) -> Poll<io::Result<usize>> {
        let parts = [IoSlice::new(bytes), IoSlice::new(large)];
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, &parts);
        self.note(&written, |bytes| *bytes);
        written.map_ok(|written| {
            let beyond = written.saturating_sub(bytes.len());
            if beyond > 0 {
                self.duties.wrote_large(beyond);
            }
            written - beyond
        })
    }

    /// Writes what goes round hyper.
    #[cold]
    fn poll_large(&mut self, mut bytes: Bytes, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !bytes.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(context, &bytes);
            self.note(&written, |bytes| *bytes);
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => {
                    self.duties.wrote_large(count);
                    bytes.advance(count);
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends all there is, with the informational heads that wait behind it.
    #[inline(always)]
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_informational(context))?;
            if !self.gathered.is_empty() {
                ready!(self.poll_gathered(context))?;
            }
            if let Some(large) = self.duties.large() {
                ready!(self.poll_large(large, context))?;
            }
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
        Poll::Ready(Ok(()))
    }

    /// As [`poll_send`](Self::poll_send), where hyper is about to wait for a request.
    #[cold]
    fn poll_send_first(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(context)
    }
}

impl<S: Stream, D: Duties + Unpin> AsyncRead for Transport<S, D> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // hyper looks for the client's end while it waits for an answer, too.
        if !self.gathered.is_empty() && !self.duties.is_answering() {
            let sent = self.poll_send_first(context);
            self.reading = sent.is_pending();
            ready!(sent)?;
        }
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
        if !self.gathered.is_empty() || !self.reading && self.duties.gathers() {
            return self.poll_gather(context, bytes);
        }
        if let Some(large) = self.duties.large() {
            return self.poll_with_large(context, bytes, &large);
        }
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
        if !self.gathered.is_empty() {
            ready!(self.poll_gathered(context))?;
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.note(&written, |bytes| *bytes);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper goes on to the next request, or reads, or shuts down: each sends it.
        if !self.gathered.is_empty() && !self.reading && self.duties.may_wait() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send(context))?;
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
        if !self.gathered.is_empty() {
            ready!(self.poll_send_first(context))?;
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The most bytes of answers that are gathered.
const GATHERED_MOST: usize = 16 * 1024;
