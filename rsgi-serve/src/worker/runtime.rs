//! What a worker has of tokio: where an asynchronous factory runs, and the clock that ends a request.
//!
//! The factory's runtime lives as long as the worker, so that what it opened there (a pool of connections, a task) goes on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::{Sleep, sleep};

use crate::process::Child;

/// What a factory's future ran on, to be kept until the worker's end.
#[derive(Debug, Default)]
pub(super) struct Ground(Option<Runtime>);

impl Ground {
    /// Waits for a future.
    pub(super) fn wait_for<T>(&mut self, _: &Child, future: impl Future<Output = T>) -> std::io::Result<T> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("rsgi-factory").enable_all().build()?;
        Ok(self.0.insert(runtime).block_on(future))
    }

    /// Ends it without waiting for what the app left running in it.
    pub(super) fn leave(self) {
        if let Some(runtime) = self.0 {
            runtime.shutdown_background();
        }
    }
}

/// The time that one request may take; made where a runtime is entered.
#[derive(Debug)]
pub(super) struct Limit(Option<Pin<Box<Sleep>>>);

impl Limit {
    /// Begins to run; `None` never ends.
    pub(super) fn begin(limit: Option<Duration>) -> Self {
        Self(limit.map(|limit| Box::pin(sleep(limit))))
    }

    /// Whether it is over; if not, the task is woken when it is.
    pub(super) fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        self.0.as_mut().is_some_and(|sleep| sleep.as_mut().poll(context) == Poll::Ready(()))
    }
}
