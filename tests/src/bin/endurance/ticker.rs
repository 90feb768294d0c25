//! A clock for async apps that no runtime brings: one thread wakes all that wait, once a tick.
//!
//! So an event stream is parked between two events on either server, as it is with the timers of a runtime.

use std::future::{Future, poll_fn};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

/// How far apart the events of a stream are.
pub(crate) const TICK: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Waiting {
    /// Ticks so far.
    count: u64,
    wakers: Vec<Waker>,
}

/// Waits for the next tick.
pub(crate) fn tick() -> impl Future<Output = ()> + Send {
    let mut begun = None;
    poll_fn(move |context| {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        if *begun.get_or_insert(waiting.count) < waiting.count {
            return Poll::Ready(());
        }
        waiting.wakers.push(context.waker().clone());
        Poll::Pending
    })
}

fn start() -> Mutex<Waiting> {
    thread::spawn(|| {
        loop {
            thread::sleep(TICK);
            let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.count += 1;
            let wakers = std::mem::take(&mut waiting.wakers);
            drop(waiting);
            wakers.into_iter().for_each(Waker::wake);
        }
    });
    Mutex::default()
}

static WAITING: LazyLock<Mutex<Waiting>> = LazyLock::new(start);
