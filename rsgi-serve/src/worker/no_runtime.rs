//! Without tokio: an asynchronous factory runs on this thread alone, and no request is ended by a clock of ours.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::process::Child;

/// Where a factory's future runs.
#[derive(Debug, Default)]
pub(super) struct Ground(());

impl Ground {
    /// Waits for a future.
    #[expect(clippy::unused_self, reason = "it has a runtime where there is one")]
    pub(super) fn wait_for<T>(&mut self, _: &Child, future: impl Future<Output = T>) -> std::io::Result<T> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(value) => return Ok(value),
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Ends it.
    pub(super) fn leave(self) {
        let Self(()) = self;
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The time that one request may take, which only an asynchronous server can end.
#[derive(Debug)]
pub(super) struct Limit(());

impl Limit {
    pub(super) fn begin(_: Option<Duration>) -> Self {
        Self(())
    }

    pub(super) fn is_over(&mut self, _: &mut Context<'_>) -> bool {
        let Self(()) = self;
        false
    }
}

/// The sign of life of a runtime, where there is none.
#[derive(Debug, Default)]
pub(super) struct Pulse(());

impl Pulse {
    pub(super) fn meet(&self) {
        let Self(()) = self;
    }

    pub(super) fn beats(&self) -> bool {
        let Self(()) = self;
        true
    }
}
