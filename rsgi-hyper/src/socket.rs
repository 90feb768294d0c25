//! The stream that the system gave us, TCP or unix, and how to see that its other end has gone without reading.
//!
//! hyper notices a vanished client only while it reads, and it doesn't read while a request's body or the next
//! request lies unread. This type then waits for the end of the stream beside the unread bytes: it declares the
//! socket unreadable to tokio, so that the next event (more bytes, the end, a reset) wakes the task, and remembers
//! to ask the system itself at the next read.
//!
//! Invariant: `hushed` is set whenever tokio believes the socket unreadable and the system might not.

use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rsgi_core::Cause;
use rsgi_core::bytes::Bytes;
use rsgi_core::server::HalfClose;
use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::{TcpStream, UnixStream};

use crate::transport::Stream;

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Socket {
    io: Io,
    /// Bytes that were looked at and must be read again.
    unread: Bytes,
    /// Reads must ask the system first: tokio was told that there is nothing.
    hushed: bool,
    reset: Option<ResetWatch>,
}

#[derive(Debug)]
enum Io {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Waits for a reset of a stream whose other end has only stopped sending.
struct ResetWatch(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Socket {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        Self { io: Io::Tcp(stream), unread: Bytes::new(), hushed: false, reset: None }
    }

    pub(crate) fn unix(stream: UnixStream) -> Self {
        Self { io: Io::Unix(stream), unread: Bytes::new(), hushed: false, reset: None }
    }

    /// With [`HalfClose::Answered`] only a reset counts.
    fn poll_hangup(&mut self, context: &mut Context<'_>, half_close: HalfClose) -> Poll<Cause> {
        loop {
            if ready!(self.io.poll_read_ready(context)).is_err() {
                return Poll::Ready(Cause::Reset);
            }
            let Poll::Ready(Ok(ready)) = self.poll_state(context) else { continue };
            if ready.is_error() {
                return Poll::Ready(Cause::Reset);
            }
            if ready.is_read_closed() {
                return match half_close {
                    HalfClose::Answered => self.poll_reset(context),
                    _ => Poll::Ready(Cause::Closed),
                };
            }
            self.hush();
        }
    }

    fn poll_reset(&mut self, context: &mut Context<'_>) -> Poll<Cause> {
        if self.reset.is_none() {
            match self.io.duplicate().map(ResetWatch::new) {
                Ok(watch) => self.reset = Some(watch),
                Err(error) => {
                    tracing::debug!(target: "rsgi", %error, "a reset of this half-closed connection won't be seen");
                    return Poll::Pending;
                }
            }
        }
        match &mut self.reset {
            Some(watch) => watch.0.as_mut().poll(context).map(|()| Cause::Reset),
            None => Poll::Pending,
        }
    }

    /// What is known of the socket; called when something is, so it is never pending for long.
    fn poll_state(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        pin!(self.io.ready(Interest::READABLE | Interest::ERROR)).poll(context)
    }

    /// Declares the socket unreadable until its next event.
    fn hush(&mut self) {
        self.hushed = true;
        self.io.forget(Interest::READABLE);
    }

    /// Has the next read ask the system itself: of a socket that was just registered tokio knows nothing yet.
    pub(crate) fn ask_the_system(&mut self) {
        self.hushed = true;
    }

    /// Reads past tokio after a hush; `None` when the system has nothing either, so that tokio is right again.
    fn read_hushed(&mut self, buffer: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        loop {
            let unfilled = buffer.initialize_unfilled();
            match rustix::net::recv(self.as_fd(), unfilled, RecvFlags::DONTWAIT) {
                Ok((_, read)) => {
                    buffer.advance(read);
                    return Some(Ok(()));
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    self.hushed = false;
                    return None;
                }
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

impl Io {
    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(context),
            Self::Unix(stream) => stream.poll_read_ready(context),
        }
    }

    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match self {
            Self::Tcp(stream) => stream.ready(interest).await,
            Self::Unix(stream) => stream.ready(interest).await,
        }
    }

    /// Has tokio believe that the socket isn't ready, until its next event.
    fn forget(&self, interest: Interest) {
        let nothing = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _would_block = match self {
            Self::Tcp(stream) => stream.try_io(interest, nothing),
            Self::Unix(stream) => stream.try_io(interest, nothing),
        };
    }

    /// The same socket, registered a second time.
    fn duplicate(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(TcpStream::from_std(stream.as_fd().try_clone_to_owned()?.into())?),
            Self::Unix(stream) => {
                Self::Unix(UnixStream::from_std(stream.as_fd().try_clone_to_owned()?.into())?)
            }
        })
    }
}

impl ResetWatch {
    /// Takes a duplicate: after the end of stream, the first registration has nothing new to tell.
    fn new(io: Io) -> Self {
        Self(Box::pin(async move {
            while let Ok(ready) = io.ready(Interest::WRITABLE | Interest::ERROR).await {
                if ready.is_error() || ready.is_write_closed() {
                    return;
                }
                io.forget(Interest::WRITABLE);
            }
        }))
    }
}

impl std::fmt::Debug for ResetWatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ResetWatch")
    }
}

impl Stream for Socket {
    fn unread(&mut self, bytes: Bytes) {
        self.unread = bytes;
    }

    fn poll_gone(&mut self, context: &mut Context<'_>, half_close: HalfClose) -> Poll<Cause> {
        self.poll_hangup(context, half_close)
    }

    fn reset(self) {
        // Not for unix sockets, which have no reset; if it fails, the end is an orderly one.
        let _failed = rustix::net::sockopt::set_socket_linger(self.as_fd(), Some(Duration::ZERO));
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.io {
            Io::Tcp(stream) => stream.as_fd(),
            Io::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsyncRead for Socket {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let bytes = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread.split_to(bytes));
            return Poll::Ready(Ok(()));
        }
        if self.hushed
            && let Some(read) = self.read_hushed(buffer)
        {
            return Poll::Ready(read);
        }
        match &mut self.io {
            Io::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Io::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Io::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Io::Unix(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    #[inline]
    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing to do: what was written is the system's.
    #[inline]
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Io::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
