//! What stands in for `runtime.rs` where the feature `tokio` is off: threads run as they are.

use rsgi_core::server::ServeError;

/// No runtime.
#[derive(Debug)]
pub(crate) struct Runtime;

impl Runtime {
    #[expect(clippy::unnecessary_wraps, reason = "its twin may fail")]
    pub(crate) fn new() -> Result<Self, ServeError> {
        Ok(Self)
    }

    #[expect(clippy::unused_self, reason = "its twin needs it")]
    pub(crate) fn entered(&self, work: &mut dyn FnMut()) {
        work();
    }
}

/// Whether a tokio runtime's handle is entered on every thread.
pub(crate) const HERE: bool = false;
