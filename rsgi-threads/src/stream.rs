//! [`Stream`]: a connected, non-blocking stream socket, TCP or unix, that may be shared between threads.
//!
//! A thin handle: every call is one system call, nothing is buffered, nothing is retried but an interruption.
//!
//! Invariant: writing to a vanished peer is an error, never a SIGPIPE, whatever the process does with that signal.
//! Read on in `wait.rs` for waiting on it, and `listener.rs` for where it comes from.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown};

use crate::Address;
use crate::os;
use crate::poller::Watched;

/// A connected, non-blocking stream socket. Clones share it; the last one dropped closes it.
#[derive(Debug, Clone)]
pub struct Stream {
    fd: Arc<OwnedFd>,
}

impl Stream {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { fd: Arc::new(fd) }
    }

    /// Reads what there is, up to the buffer's length; 0 is the peer's end.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is nothing; else what the operating system says.
    #[inline]
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(again(|| net::recv(&self.fd, &mut *buffer, RecvFlags::empty()))?.0)
    }

    /// Looks at what there is without taking it.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(again(|| net::recv(&self.fd, &mut *buffer, RecvFlags::PEEK))?.0)
    }

    /// Writes as much as there is room for.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is no room at all; else what the operating system says.
    #[inline]
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(again(|| net::send(&self.fd, bytes, SendFlags::NOSIGNAL))?)
    }

    /// Writes like [`write`](Self::write) but tells the kernel that more follows at once, so that it may hold back a
    /// partly filled packet (Linux; elsewhere the same as `write`).
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_more(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(again(|| net::send(&self.fd, bytes, SendFlags::NOSIGNAL | os::SEND_MORE))?)
    }

    /// Writes several pieces with one call, as much as there is room for.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = SendFlags::NOSIGNAL;
        Ok(again(|| net::sendmsg(&self.fd, pieces, &mut SendAncillaryBuffer::default(), flags))?)
    }

    /// Tells the peer that nothing more will be written (FIN); reading goes on.
    ///
    /// # Errors
    ///
    /// What the operating system says; `NotConnected` if the peer is gone.
    pub fn finish(&self) -> io::Result<()> {
        Ok(net::shutdown(&self.fd, Shutdown::Write)?)
    }

    /// The socket, for the poller.
    pub(crate) fn watched(&self) -> Watched {
        self.fd.clone()
    }

    /// The socket, for the poller to have this owner's share of it.
    pub(crate) fn into_watched(self) -> Watched {
        self.fd
    }

    /// Ends both directions; whoever is blocked on the stream wakes up.
    pub(crate) fn cut(&self) {
        // Not connected any more is what is wanted.
        let _ = net::shutdown(&self.fd, Shutdown::Both);
    }

    /// This end's address; one system call.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn local_address(&self) -> io::Result<Address> {
        Ok(Address::from_any(Some(net::getsockname(&self.fd)?)))
    }

    /// The peer's address; one system call, though [`Accepted::peer`](crate::Accepted::peer) has it already.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the peer is gone; else what the operating system says.
    pub fn peer_address(&self) -> io::Result<Address> {
        Ok(Address::from_any(net::getpeername(&self.fd)?))
    }

    /// Tells whether this is a unix socket.
    pub fn is_unix(&self) -> bool {
        net::getsockname(&self.fd).is_ok_and(|address| address.address_family() == AddressFamily::UNIX)
    }

    /// Who is at the other end of a unix socket, as the kernel vouches for it (Linux; `None` elsewhere and on TCP).
    pub fn credentials(&self) -> Option<Credentials> {
        if self.is_unix() { self.credentials_of_unix() } else { None }
    }

    /// The same of what is known to be a unix socket: a call of the system less.
    pub(crate) fn credentials_of_unix(&self) -> Option<Credentials> {
        os::credentials(self.fd.as_fd())
    }
}

impl TryFrom<OwnedFd> for Stream {
    type Error = io::Error;

    /// Takes over a connected stream socket that no engine accepted, such as one end of a pair in a test; it is made
    /// non-blocking.
    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Self::new(fd))
    }
}

impl TryFrom<Stream> for OwnedFd {
    type Error = Stream;

    /// Gives the socket to who has other uses for it; fails while a clone shares it.
    fn try_from(stream: Stream) -> Result<Self, Stream> {
        Arc::try_unwrap(stream.fd).map_err(|fd| Stream { fd })
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Stream::read(self, buffer)
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Stream::write(self, bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        Stream::write_vectored(self, pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The process at the other end of a unix socket, when it connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Credentials {
    /// Process id.
    pub pid: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Credentials {
    pub(crate) fn new(pid: u32, uid: u32, gid: u32) -> Self {
        Self { pid, uid, gid }
    }
}

/// Repeats a system call that a signal interrupted.
pub(crate) fn again<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}
