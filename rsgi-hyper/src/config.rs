//! The settings that only this adapter has; all others are core's `Config`.
//!
//! Invariant: the defaults serve well without being touched.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// How the reactors use the machine's cores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cores {
    /// One runtime whose threads share all connections: a busy connection's neighbours move to another core.
    #[default]
    Shared,
    /// One single-threaded runtime for each core, each with its own listener (`SO_REUSEPORT`): nothing is shared,
    /// so each request costs less, but a core with busy connections gets no help. For many short, even requests.
    Separate,
}

/// How many reactor threads there are where nobody says: one for each core.
pub(crate) fn default_reactors() -> NonZeroUsize {
    available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// How many threads there may be for blocking work where nobody says. They are started when needed.
pub(crate) const BLOCKING_THREADS: usize = 256;
