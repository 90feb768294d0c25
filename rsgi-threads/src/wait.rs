//! Waiting on one stream, on the calling thread: for [`Protocol::run`](crate::Protocol::run), which may block.
//!
//! Not for any other callback. The connection stays registered with the engine's poller meanwhile; neither disturbs
//! the other.
//!
//! Invariant: when the engine cuts the connection (the graceful timeout, a stop), the wait ends with `Ready`, and the
//! next read or write tells why. Read on in `handle.rs`.

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::Stream;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waited {
    /// Reading or writing will not block: there are bytes, there is room, or there is an end or an error to be told.
    Ready,
    /// The deadline has passed.
    TimedOut,
}

/// Blocks the thread until the stream can be read or the deadline passes (`None`: for ever).
///
/// # Errors
///
/// What the operating system says; out of memory at most.
pub fn wait_readable(stream: &Stream, deadline: Option<Instant>) -> io::Result<Waited> {
    wait(stream, PollFlags::IN, deadline)
}

/// Blocks the thread until the stream can be written or the deadline passes (`None`: for ever).
///
/// # Errors
///
/// As [`wait_readable`].
pub fn wait_writable(stream: &Stream, deadline: Option<Instant>) -> io::Result<Waited> {
    wait(stream, PollFlags::OUT, deadline)
}

fn wait(stream: &Stream, flags: PollFlags, deadline: Option<Instant>) -> io::Result<Waited> {
    let fd = stream.as_fd();
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::from_borrowed_fd(fd, flags)], timeout.as_ref()) {
            Ok(0) if deadline.is_some_and(|at| at <= Instant::now()) => return Ok(Waited::TimedOut),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(Waited::Ready),
            Err(error) => return Err(error.into()),
        }
    }
}
