//! [`Socket`]: what the machine needs of a connection's socket, which threads and tokio have in different types.
//!
//! Invariant: only `wait` waits, and it is called on a thread that may. Next: `link.rs`.

use std::io::{self, IoSlice};
use std::time::Instant;

/// A connected stream socket, not blocking; a clone is the same socket.
pub(crate) trait Socket: Clone + Send + Sync + 'static {
    /// Whether the thread that has the connection may block: apps run on it, and bodies that block are driven there.
    const BLOCKS: bool;

    /// Reads what is there; 0 is the end.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// All was read: the host is to tell of more, also while an app has the connection.
    fn drained(&self) {}

    /// Writes what the system takes.
    fn write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Ends our half.
    fn finish(&self) -> io::Result<()>;

    /// Has the socket reset when it is closed.
    fn reset_at_close(&self);

    /// Has what lies gathered sent in a moment, should whoever writes take its time.
    fn tick(&self) {}

    /// Waits, on a thread that may; tells whether it is ready, as it isn't when the deadline passes.
    fn wait(&self, way: Way, deadline: Option<Instant>) -> io::Result<bool>;
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
}
