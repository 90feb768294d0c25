//! [`ReactorSocket`]: a connection as the machine's [`Socket`], and [`Watched`], by which tokio tells what is new of one.
//!
//! Reading and writing ask the system itself; tokio is only asked for news, and forgets each as it tells it. Its poller is
//! edge-triggered: what comes after the last look is told again, however much of what came before was left.
//!
//! Invariant: news is taken before the look at the system that it leads to, so none is lost. Next: `connection.rs`.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, recv, send, sendmsg, shutdown, sockopt,
};
use tokio::io::{Interest, Ready};
use tokio::net::UnixStream;

use crate::conn::{Socket, Way};

/// A non-blocking socket of any kind, known to the current runtime.
///
/// tokio tells the readiness of a descriptor that is none of its own types only by unsafe code. So all go by as unix streams
/// here, of which nothing is asked but that.
#[derive(Debug)]
pub(super) struct Watched(UnixStream);

/// What is new of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Bytes, or room for some.
    Ready,
    /// The peer has ended it. Told over and over.
    Ended,
}

impl Watched {
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        Ok(Self(UnixStream::from_std(socket.into())?))
    }

    /// Waits for news of what can be read, or accepted.
    pub(super) fn poll_input(&self, context: &mut Context<'_>) -> Poll<io::Result<News>> {
        ready!(self.0.poll_read_ready(context))?;
        Poll::Ready(Ok(self.take(Interest::READABLE, Ready::is_read_closed)))
    }

    /// Waits for news of what can be written. Here an end is more than the peer's last byte: it takes nothing more.
    pub(super) fn poll_output(&self, context: &mut Context<'_>) -> Poll<io::Result<News>> {
        ready!(self.0.poll_write_ready(context))?;
        Poll::Ready(Ok(self.take(Interest::WRITABLE, Ready::is_write_closed)))
    }

    /// Takes what is known of one direction, and has tokio forget it until the next event; an end it keeps.
    fn take(&self, interest: Interest, is_ended: impl FnOnce(Ready) -> bool) -> News {
        let known = pin!(self.0.ready(interest)).poll(&mut Context::from_waker(Waker::noop()));
        let _would_block = self.0.try_io(interest, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        match known {
            Poll::Ready(Ok(ready)) if is_ended(ready) => News::Ended,
            // Even without a word the system may be asked.
            _ => News::Ready,
        }
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A connection's socket.
#[derive(Debug, Clone)]
pub(super) struct ReactorSocket(Arc<Watched>);

impl ReactorSocket {
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        Ok(Self(Arc::new(Watched::new(socket)?)))
    }

    pub(super) fn watched(&self) -> &Watched {
        &self.0
    }

    /// Whether the connection was reset; an end was orderly otherwise. To be asked once.
    pub(super) fn was_reset(&self) -> bool {
        !matches!(sockopt::socket_error(&self.0), Ok(Ok(())))
    }
}

impl Socket for ReactorSocket {
    const BLOCKS: bool = false;

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(&self.0, buffer, RecvFlags::empty())?.0)
    }

    fn write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        // Never a SIGPIPE, whatever the process does with that signal.
        Ok(match pieces {
            [piece] => send(&self.0, piece, SendFlags::NOSIGNAL)?,
            pieces => sendmsg(&self.0, pieces, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)?,
        })
    }

    fn finish(&self) -> io::Result<()> {
        Ok(shutdown(&self.0, Shutdown::Write)?)
    }

    fn reset_at_close(&self) {
        // On a unix socket there is no reset, and nothing to set.
        let _never_mind = sockopt::set_socket_linger(&self.0, Some(Duration::ZERO));
    }

    fn wait(&self, _: Way, _: Option<Instant>) -> io::Result<bool> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a reactor's thread doesn't wait"))
    }
}
