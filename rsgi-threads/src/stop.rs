//! Ends an app: polls its `stop` on the calling thread, until it is over or the graceful time is.
//!
//! Invariant: an app whose `stop` panics or never ends doesn't keep the server from ending.
//! Read on in `service.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

use rsgi_core::{App, may_block};

/// Runs the app's `stop` on this thread; after `until` it is dropped, and a panic is logged.
pub(crate) fn stop(app: &impl App, until: Option<Instant>) {
    let ended = catch_unwind(AssertUnwindSafe(|| may_block(|| wait(app, until))));
    match ended {
        Ok(true) => {}
        Ok(false) => tracing::warn!(target: "rsgi", "the app's stop took too long: given up (`graceful`)"),
        Err(_) => tracing::error!(target: "rsgi", "the app's stop panicked"),
    }
}

fn wait(app: &impl App, until: Option<Instant>) -> bool {
    let unpark = Arc::new(Unpark { thread: std::thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&unpark));
    let mut context = Context::from_waker(&waker);
    let mut stopping = pin!(app.stop());
    loop {
        if let Poll::Ready(()) = stopping.as_mut().poll(&mut context) {
            return true;
        }
        while !unpark.woken.swap(false, Ordering::Acquire) {
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => return false,
                Some(left) => std::thread::park_timeout(left),
                None => std::thread::park(),
            }
        }
    }
}

struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rsgi_core::{Environ, Error, StartResponse, Started};

    use super::*;

    struct Never;

    impl App for Never {
        async fn call(&self, _: Environ, _: StartResponse) -> Result<Started, Error> {
            Err("never called".into())
        }

        async fn stop(&self) {
            std::future::pending::<()>().await;
        }
    }

    #[test]
    fn a_stop_that_never_ends_is_given_up_in_time() {
        let begun = Instant::now();
        stop(&Never, Some(begun + Duration::from_millis(20)));
        assert!(begun.elapsed() >= Duration::from_millis(20));
    }
}
