//! One small tokio runtime, whose handle every thread of the server has entered for its life: so apps that use tokio's
//! timers, tasks and sockets run here. Only with the feature `tokio`.
//!
//! Apps are still polled by the server's own threads: the runtime has one thread, for timers, sockets and what apps
//! spawn.
//!
//! Invariant: the runtime outlives every thread that has entered it. Its twin is `no_runtime.rs`.

use rsgi_core::server::ServeError;
use tokio::runtime::{Builder, Runtime as Tokio};

/// The runtime.
#[derive(Debug)]
pub(crate) struct Runtime(Option<Tokio>);

impl Runtime {
    pub(crate) fn new() -> Result<Self, ServeError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("rsgi-std-tokio")
            .enable_all()
            .build()
            .map_err(|error| ServeError::io("starting a tokio runtime", error))?;
        Ok(Self(Some(runtime)))
    }

    pub(crate) fn entered(&self, work: &mut dyn FnMut()) {
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

/// Whether a tokio runtime's handle is entered on every thread.
pub(crate) const HERE: bool = true;
