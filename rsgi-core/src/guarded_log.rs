//! [`guarded`]: a log that fails takes nothing along.
//!
//! A subscriber may panic: that of `tracing-subscriber` does when it can't tell the standard error what went wrong, as on a
//! full disk. Not for what only ends the connection that it concerns.
//!
//! Invariant: what is logged while an answer is being made changes nothing about the answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Logs, and goes on whatever comes of it.
pub(crate) fn guarded(log: impl FnOnce()) {
    let _unheard = catch_unwind(AssertUnwindSafe(log));
}
