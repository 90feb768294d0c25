//! What a protocol and the engine tell each other about one connection: [`Readiness`] goes in, [`Next`] comes out.
//!
//! These are plain values; how they are kept in a connection's state word is `control.rs`'s matter.
//!
//! Invariant: a decision is an enum, never a pair of flags, so that "wait" and "close" can't be asked for at once.
//! Read on in `protocol.rs`, which says when each is used.

use std::fmt;
use std::time::Instant;

/// What a connection wants next; every [`Protocol`](crate::Protocol) callback returns one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// Holds no thread until the socket is ready for `interest`, somebody wakes the connection's
    /// [`ConnWaker`](crate::ConnWaker), the peer hangs up, or `deadline` passes.
    ///
    /// The poller is edge-triggered: wait only after a read or write said "would block", or a read came back short
    /// (and [`Readiness::hangup`] had nothing to tell).
    Wait {
        /// What to wait for; [`Interest::NONE`] is a connection parked on a future: only a wake, a hang-up or the
        /// deadline ends it.
        interest: Interest,
        /// When [`Protocol::timeout`](crate::Protocol::timeout) is to be called; `None`: never. Counted in
        /// milliseconds, rounded up.
        deadline: Option<Instant>,
    },
    /// Wants [`Protocol::run`](crate::Protocol::run) on a thread that may block. Usually that is this very thread, at
    /// once; if all are busy the connection waits in line, first come first served. Returned by `run` itself it means:
    /// again, but let the others have their turn first.
    Run,
    /// Is done: the connection is dropped, and with it the socket.
    Close,
}

impl Next {
    /// Waits for bytes to read.
    pub fn read(deadline: Option<Instant>) -> Self {
        Self::Wait { interest: Interest::READ, deadline }
    }

    /// Waits for room to write.
    pub fn write(deadline: Option<Instant>) -> Self {
        Self::Wait { interest: Interest::WRITE, deadline }
    }

    /// Waits for a wake alone: a future is pending.
    pub fn park(deadline: Option<Instant>) -> Self {
        Self::Wait { interest: Interest::NONE, deadline }
    }
}

/// The directions of a socket that a waiting connection cares about.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(u8);

impl Interest {
    /// Neither direction.
    pub const NONE: Self = Self(0);
    /// Bytes to read.
    pub const READ: Self = Self(1);
    /// Room to write.
    pub const WRITE: Self = Self(2);
    /// Either direction.
    pub const BOTH: Self = Self(3);

    /// Tells whether reading is of interest.
    pub fn reads(self) -> bool {
        self.0 & Self::READ.0 != 0
    }

    /// Tells whether writing is of interest.
    pub fn writes(self) -> bool {
        self.0 & Self::WRITE.0 != 0
    }

    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & Self::BOTH.0)
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::NONE => "none",
            Self::READ => "read",
            Self::WRITE => "write",
            _ => "both",
        })
    }
}

/// Why [`Protocol::ready`](crate::Protocol::ready) is called. Hints, not promises: a read may still say "would block".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) woken: bool,
    pub(crate) hangup: Option<Hangup>,
}

impl Readiness {
    /// Bytes (or an end) may have come in since the last call.
    pub fn readable(&self) -> bool {
        self.readable
    }

    /// Room to write may have come up since the last call.
    pub fn writable(&self) -> bool {
        self.writable
    }

    /// The connection's waker was used: a parked future wants to be polled, so return [`Next::Run`].
    pub fn woken(&self) -> bool {
        self.woken
    }

    /// What is known of the peer's end; stays told once it is known. With it a short read no longer means that the
    /// socket is drained: read until 0 or an error.
    pub fn hangup(&self) -> Option<Hangup> {
        self.hangup
    }
}

/// How a peer, or this server, ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Hangup {
    /// The peer has sent its last byte (FIN). It may still read: HTTP clients that shut down their sending half do.
    Finished,
    /// The connection is gone in both directions (reset, or closed on both sides).
    Gone,
    /// This server cuts it: the graceful timeout has passed, or it was told to stop at once.
    Cut,
}
