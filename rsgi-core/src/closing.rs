//! Dropping what an app made, which is PEP 3333's `close()`: where a panic of it goes no further than the log.
//!
//! A drop that panics would otherwise unwind through an adapter's thread. Not here: where a drop may block, which
//! `Offload::detach` and `body/offloaded.rs` see to.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops `value`, a body or what holds one.
pub(crate) fn close<T>(value: T) {
    if catch_unwind(AssertUnwindSafe(|| drop(value))).is_err() {
        tracing::error!(target: "rsgi", "a body panicked when it was dropped");
    }
}
