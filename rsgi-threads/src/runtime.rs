//! [`Runtime`]: one small tokio runtime, whose handle every thread of a server has entered for its life: so apps that use
//! tokio's timers, tasks and sockets run there. Only with the feature `tokio`.
//!
//! Apps are still polled by the server's own threads: the runtime has one thread, for timers, sockets and what apps
//! spawn.
//!
//! Invariant: the runtime outlives every thread that has entered it. Its twin is `no_runtime.rs`.

use rsgi_core::server::ServeError;
use tokio::runtime::{Builder, Runtime as Tokio};

/// A small tokio runtime for a server's threads to enter, where the feature `tokio` is on; nothing where it is off.
///
/// A protocol keeps it and calls [`entered`](Self::entered) in [`around_thread`](crate::Protocol::around_thread).
#[derive(Debug)]
pub struct Runtime(Option<Tokio>);

impl Runtime {
    /// Whether a tokio runtime's handle is entered: the feature is on.
    pub const HERE: bool = true;

    /// Starts the runtime; its thread gets this name.
    ///
    /// # Errors
    ///
    /// The operating system grants no thread or poller.
    pub fn new(thread_name: &str) -> Result<Self, ServeError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(thread_name)
            .enable_all()
            .build()
            .map_err(|error| ServeError::io("starting a tokio runtime", error))?;
        Ok(Self(Some(runtime)))
    }

    /// Does the work with the runtime's handle entered.
    pub fn entered(&self, work: &mut dyn FnMut()) {
        let _entered = self.0.as_ref().map(Tokio::enter);
        work();
    }
}

impl Drop for Runtime {
    /// Without waiting for what apps have spawned: it may be dropped on a thread that must not block.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
