//! Waiting for a future on the calling thread, for threads that may block.
//!
//! Used where blocking code reads an input or fills a body whose other side is polled. The flag beside the park
//! token makes a token that was swallowed inside a poll harmless. A wait may go through wrappers that only poll, down to the source that can
//! wait itself.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Polls `future` on the calling thread until it is ready, sleeping in between; for adapters that give each
/// connection a thread, and for tests. Never on a thread that others' futures are polled on.
///
/// # Examples
///
/// ```
/// use rsgi_core::{app_fn, respond, wait, Environ};
/// use rsgi_core::http::{Request, StatusCode};
///
/// let app = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::NO_CONTENT).empty()) });
/// let answer = wait(respond(&app, Environ::for_test(Request::new(()))));
/// assert_eq!(answer.status(), StatusCode::NO_CONTENT);
/// ```
pub fn wait<F: Future>(future: F) -> F::Output {
    let unpark = Arc::new(Unpark { thread: std::thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&unpark));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        while !unpark.woken.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
    }
}

thread_local! {
    static THROUGHOUT: Cell<bool> = const { Cell::new(false) };
}

/// As [`wait`], and whoever polls an input meanwhile waits on this thread as well: a blocking server gives a request that
/// is being handled no turn in which its input could be woken.
pub(crate) fn wait_throughout<F: Future>(future: F) -> F::Output {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            THROUGHOUT.set(self.0);
        }
    }
    let _restore = Restore(THROUGHOUT.replace(true));
    wait(future)
}

/// Tells whether an input that is polled is to wait.
pub(crate) fn waits_throughout() -> bool {
    THROUGHOUT.get()
}
