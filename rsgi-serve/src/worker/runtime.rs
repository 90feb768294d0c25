//! Where an asynchronous factory runs: a tokio runtime that lives as long as the worker, so that what the factory opened in it
//! (a pool of connections, a task) goes on; without tokio, on this thread alone.

use std::future::Future;

use crate::process::Child;

/// What a factory's future ran on, to be kept until the worker's end.
#[derive(Debug, Default)]
pub(super) struct Ground {
    #[cfg(feature = "hyper")]
    runtime: Option<tokio::runtime::Runtime>,
}

impl Ground {
    /// Waits for a future.
    #[cfg(feature = "hyper")]
    pub(super) fn wait_for<T>(&mut self, _: &Child, future: impl Future<Output = T>) -> std::io::Result<T> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("rsgi-factory").enable_all().build()?;
        Ok(self.runtime.insert(runtime).block_on(future))
    }

    /// Waits for a future.
    #[cfg(not(feature = "hyper"))]
    pub(super) fn wait_for<T>(&mut self, _: &Child, future: impl Future<Output = T>) -> std::io::Result<T> {
        use std::sync::Arc;
        use std::task::{Context, Poll, Wake, Waker};
        use std::thread::{self, Thread};

        struct Unpark(Thread);

        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }

        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut future = std::pin::pin!(future);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(value) => return Ok(value),
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Ends it without waiting for what the app left running in it.
    pub(super) fn leave(self) {
        #[cfg(feature = "hyper")]
        if let Some(runtime) = self.runtime {
            runtime.shutdown_background();
        }
    }
}
