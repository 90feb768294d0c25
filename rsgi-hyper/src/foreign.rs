//! A byte stream that the caller brought: connections over it miss only what a socket alone can tell.
//!
//! Without a socket nobody sees a client go away while hyper doesn't read; a read or write that fails still tells.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use rsgi_core::Cause;
use rsgi_core::bytes::Bytes;
use rsgi_core::server::HalfClose;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Stream;

/// A caller's stream, with bytes that must be read again.
#[derive(Debug)]
pub(crate) struct Foreign<S> {
    stream: S,
    unread: Bytes,
}

impl<S> Foreign<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, unread: Bytes::new() }
    }
}

impl<S> Stream for Foreign<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn unread(&mut self, bytes: Bytes) {
        self.unread = bytes;
    }

    fn poll_gone(&mut self, _: &mut Context<'_>, _: HalfClose) -> Poll<Cause> {
        Poll::Pending
    }

    /// What the caller brought it may end as it likes; dropping it is all there is here.
    fn reset(self) {}
}

impl<S: AsyncRead + Unpin> AsyncRead for Foreign<S> {
    #[inline(always)]
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let bytes = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread.split_to(bytes));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Foreign<S> {
    #[inline(always)]
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    #[inline(always)]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    #[inline(always)]
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
