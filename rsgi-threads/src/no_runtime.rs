//! What stands in for `runtime.rs` where the feature `tokio` is off: threads run as they are.

use rsgi_core::server::ServeError;

/// A small tokio runtime for a server's threads to enter, where the feature `tokio` is on; nothing where it is off.
///
/// A protocol keeps it and calls [`entered`](Self::entered) in [`around_thread`](crate::Protocol::around_thread).
#[derive(Debug)]
#[non_exhaustive]
pub struct Runtime;

impl Runtime {
    /// Whether a tokio runtime's handle is entered: the feature is off.
    pub const HERE: bool = false;

    /// Starts nothing.
    ///
    /// # Errors
    ///
    /// None: only where the feature is on.
    pub fn new(_thread_name: &str) -> Result<Self, ServeError> {
        Ok(Self)
    }

    /// Does the work.
    pub fn entered(&self, work: &mut dyn FnMut()) {
        work();
    }
}
