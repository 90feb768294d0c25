//! The socket of a connection: reads that don't wait, waits with a limit, writes, and what precedes the final head.
//!
//! A unix socket is held in std's type for TCP sockets: what is used of it here is the same for both.
//!
//! Invariant: nothing informational is written once the final head has begun.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rsgi_core::http::{HeaderMap, StatusCode};
use rsgi_core::{Link, Told};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags};

/// A connection's socket.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    early: Mutex<Early>,
}

/// What goes out before a final head.
#[derive(Default)]
struct Early {
    /// What the system didn't take at once: it goes out with the final head.
    kept: Vec<u8>,
    is_over: bool,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, early: Mutex::default() }
    }

    fn early(&self) -> MutexGuard<'_, Early> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request: what is informational may go out again.
    pub(crate) fn begin(&self) {
        *self.early() = Early::default();
    }

    /// Ends what precedes the final head; gives what has yet to be sent of it.
    pub(crate) fn end_early(&self) -> Vec<u8> {
        let mut early = self.early();
        early.is_over = true;
        std::mem::take(&mut early.kept)
    }

    /// Sends bytes ahead of the final head, without waiting.
    pub(crate) fn send_early(&self, bytes: &[u8]) -> Told {
        let mut early = self.early();
        if early.is_over {
            return Told::TooLate;
        }
        early.kept.extend_from_slice(bytes);
        match rustix::net::send(&self.stream, &early.kept, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(sent) => drop(early.kept.drain(..sent)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(_) => return Told::Gone,
        }
        Told::Sent
    }

    /// Receives what is there; `WouldBlock` if nothing is.
    pub(crate) fn receive(&self, piece: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::net::recv(&self.stream, &mut *piece, RecvFlags::DONTWAIT) {
                Ok((read, _)) => return Ok(read),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until something can be received; `WouldBlock` if the deadline passes.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> io::Result<()> {
        loop {
            let mut fds = [PollFd::new(&self.stream, PollFlags::IN)];
            match poll(&mut fds, timeout(deadline).as_ref()) {
                Ok(0) if deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
                    return Err(ErrorKind::WouldBlock.into());
                }
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes all of several pieces.
    pub(crate) fn write_all(&self, pieces: &[&[u8]]) -> io::Result<()> {
        let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut left = &mut slices[..];
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match (&self.stream).write_vectored(left) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut left, written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Link for Wire {
    fn informational(&self, status: StatusCode, fields: &HeaderMap) -> Told {
        let mut head = status_line(status);
        write_fields(&mut head, fields);
        head.extend_from_slice(b"\r\n");
        self.send_early(&head)
    }
}

/// The first line of an answer, with the standard reason or none.
pub(crate) fn status_line(status: StatusCode) -> Vec<u8> {
    format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default()).into_bytes()
}

pub(crate) fn write_fields(head: &mut Vec<u8>, fields: &HeaderMap) {
    for (name, value) in fields {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
}

/// The time up to a deadline, for `poll`.
pub(crate) fn timeout(deadline: Option<Instant>) -> Option<Timespec> {
    deadline.map(|deadline| {
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up: a wait that ends early would spin.
        let left = left.saturating_add(Duration::from_millis(u64::from(!left.is_zero())));
        Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::from(i32::MAX), tv_nsec: 0 })
    })
}

/// What `poll` says of each of some sockets.
pub(crate) fn poll_now<F: AsFd>(sockets: &[F], flags: PollFlags) -> Vec<PollFlags> {
    let mut fds: Vec<_> = sockets.iter().map(|socket| PollFd::new(socket, flags)).collect();
    let none = Timespec { tv_sec: 0, tv_nsec: 0 };
    let _nothing_known_after_an_error = poll(&mut fds, Some(&none));
    fds.iter().map(PollFd::revents).collect()
}
