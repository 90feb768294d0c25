//! What a worker has of tokio: where an asynchronous factory runs, the clock that ends a request, and the reactors' sign of life.
//!
//! The factory's runtime lives as long as the worker, so that what it opened there (a pool of connections, a task) goes on.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
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

/// Whether the server's runtime gets on: something small is given to it to run, and was run at the next look or wasn't.
///
/// Its reactors may be many and one of them free, and yet nobody reads a socket: the free one sleeps until it is woken, while the
/// one that had the poller is held by an app that blocks. Being given something to run wakes it, so the question mends that, too.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Unknown before the first request: until then no app can hold a reactor.
    runtime: OnceLock<Handle>,
    asked: AtomicBool,
    answered: Arc<AtomicBool>,
}

impl Pulse {
    /// The server's runtime is the one that calls this.
    pub(super) fn meet(&self) {
        if self.runtime.get().is_none()
            && let Ok(runtime) = Handle::try_current()
        {
            self.runtime.get_or_init(|| runtime);
        }
    }

    /// Whether what was given to the runtime at the last look was run, and gives it the next. Asked by one thread.
    pub(super) fn beats(&self) -> bool {
        let Some(runtime) = self.runtime.get() else { return true };
        let answered = self.answered.swap(false, Ordering::Relaxed);
        if self.asked.swap(true, Ordering::Relaxed) && !answered {
            return false;
        }
        let answer = Arc::clone(&self.answered);
        runtime.spawn(async move { answer.store(true, Ordering::Relaxed) });
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_runtime_whose_reactor_is_held_has_no_pulse_until_it_is_let_go() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let pulse = Arc::new(Pulse::default());
        assert!(pulse.beats() && pulse.beats(), "nobody has called an app yet");
        let (go, held) = mpsc::channel::<()>();
        let (inside, is_inside) = mpsc::channel();
        let theirs = Arc::clone(&pulse);
        let stuck = runtime.spawn(async move {
            theirs.meet();
            inside.send(()).unwrap();
            // What an app must not do here.
            let _ = held.recv();
        });
        is_inside.recv().unwrap();
        assert!(pulse.beats(), "the first question");
        assert!(!pulse.beats() && !pulse.beats());
        go.send(()).unwrap();
        runtime.block_on(stuck).unwrap();
        while !pulse.beats() {
            std::thread::yield_now();
        }
    }
}
