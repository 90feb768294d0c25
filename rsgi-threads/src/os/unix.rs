//! The other unixes: plain `accept`, flags set afterwards, `TCP_NODELAY` set on each connection.
//!
//! Not a place for what Linux does better. Invariant: see `os/mod.rs`; its twin is `os/linux.rs`.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::event::PollFlags;
use rustix::io::{Errno, FdFlags, fcntl_setfd, ioctl_fionbio};
use rustix::net::{self, AddressFamily, SendFlags, SocketAddrAny, SocketType, sockopt};

use crate::stream::Credentials;

/// There is no such hint here.
pub(crate) const SEND_MORE: SendFlags = SendFlags::empty();

/// There is no such event here: an end is seen by reading, or when both directions are gone.
pub(crate) const POLL_FINISHED: PollFlags = PollFlags::empty();

/// A new stream socket.
pub(crate) fn socket(family: AddressFamily) -> Result<OwnedFd, Errno> {
    prepare(net::socket(family, SocketType::STREAM, None)?)
}

/// Accepts one connection.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> Result<(OwnedFd, Option<SocketAddrAny>), Errno> {
    let (fd, peer) = net::acceptfrom(listener)?;
    // Fails on unix sockets, which have no such delay.
    let _ = sockopt::set_tcp_nodelay(&fd, true);
    Ok((prepare(fd)?, peer))
}

/// A pipe to wake a poll with.
pub(crate) fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (reader, writer) = rustix::pipe::pipe()?;
    Ok((prepare(reader)?, prepare(writer)?))
}

/// Not asked for here.
pub(crate) fn credentials(_fd: BorrowedFd<'_>) -> Option<Credentials> {
    None
}

fn prepare(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    ioctl_fionbio(&fd, true)?;
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    Ok(fd)
}
