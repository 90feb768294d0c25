//! Linux: `accept4`, `SOCK_CLOEXEC`, `POLLRDHUP`, `SO_PEERCRED`, and accepted sockets that inherit `TCP_NODELAY`.
//!
//! Not a place for anything that the other unixes have too. Invariant: see `os/mod.rs`; its twin is `os/unix.rs`.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SendFlags, SocketAddrAny, SocketFlags, SocketType, sockopt};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::stream::Credentials;

/// Tells the kernel that more output follows.
pub(crate) const SEND_MORE: SendFlags = SendFlags::MORE;

/// What `poll` reports when the peer has finished sending.
pub(crate) const POLL_FINISHED: PollFlags = PollFlags::RDHUP;

/// A new stream socket.
pub(crate) fn socket(family: AddressFamily) -> Result<OwnedFd, Errno> {
    net::socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)
}

/// Accepts one connection; it has the listener's `TCP_NODELAY` (Linux copies it).
pub(crate) fn accept(listener: BorrowedFd<'_>) -> Result<(OwnedFd, Option<SocketAddrAny>), Errno> {
    net::acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)
}

/// A pipe to wake a poll with.
pub(crate) fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)
}

/// Who connected to a unix socket.
pub(crate) fn credentials(fd: BorrowedFd<'_>) -> Option<Credentials> {
    let found = sockopt::socket_peercred(fd).ok()?;
    let pid = u32::try_from(found.pid.as_raw_nonzero().get()).ok()?;
    Some(Credentials::new(pid, found.uid.as_raw(), found.gid.as_raw()))
}
