//! [`Closings`]: how many answers are still to be closed, for the app's end to wait for.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// The answers of one app that have a `close()` which wasn't called yet.
#[derive(Default)]
pub(super) struct Closings(Mutex<State>);

#[derive(Default)]
struct State {
    open: usize,
    waiting: Vec<Waker>,
}

/// One of them, until it is dropped.
pub(super) struct Open(Arc<Closings>);

impl Closings {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more.
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.lock().open += 1;
        Open(Arc::clone(self))
    }

    /// Waits until there is none.
    pub(super) async fn over(&self) {
        poll_fn(|context| {
            let mut state = self.lock();
            if state.open == 0 {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.open -= 1;
        let waiting = if state.open == 0 { std::mem::take(&mut state.waiting) } else { Vec::new() };
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rsgi_core::wait;

    use super::*;

    #[test]
    fn the_end_waits_for_the_last_one() {
        let closings = Arc::new(Closings::default());
        wait(closings.over());
        let (first, second) = (closings.open(), closings.open());
        drop(first);
        let waiting = thread::spawn({
            let closings = Arc::clone(&closings);
            move || wait(closings.over())
        });
        while closings.lock().waiting.is_empty() {
            thread::yield_now();
        }
        assert!(!waiting.is_finished());
        drop(second);
        waiting.join().unwrap();
    }
}
