//! How many requests a server is answering, and who waits until there are fewer.
//!
//! Counted by connection, when its task comes to rest ([`Share`]): a request that was answered by then is never counted,
//! so most cost nothing here.
//!
//! Invariant: who waits for room is woken by the connection that makes some.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// The requests of all connections.
#[derive(Debug)]
pub(crate) struct Requests {
    running: AtomicUsize,
    /// So many leave no room for new connections.
    most: usize,
    waiting: Mutex<Vec<Waker>>,
}

/// One connection's part in them; given back on drop.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    requests: &'a Requests,
    running: usize,
}

impl Requests {
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self { running: AtomicUsize::new(0), most: most.unwrap_or(usize::MAX), waiting: Mutex::default() }
    }

    /// How many are being answered.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// A connection's part, with none of its own yet.
    pub(crate) fn share(&self) -> Share<'_> {
        Share { requests: self, running: 0 }
    }

    /// Lets `work` go on only while there is room. Cancel safety: that of `work`.
    pub(crate) async fn while_room<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| match self.poll_room(context) {
            Poll::Ready(()) => work.as_mut().poll(context),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    fn has_room(&self) -> bool {
        self.running() < self.most
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.iter().any(|known| known.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        // Whoever makes room from here on takes the lock and finds us.
        if self.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }

    #[cold]
    fn change(&self, before: usize, after: usize) {
        if after > before {
            self.running.fetch_add(after - before, Ordering::SeqCst);
            return;
        }
        let all = self.running.fetch_sub(before - after, Ordering::SeqCst);
        if all >= self.most && all - (before - after) < self.most {
            let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            for waker in waiting {
                waker.wake();
            }
        }
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Share<'_> {
    /// The connection has come to rest with so many.
    #[inline]
    pub(crate) fn set(&mut self, running: usize) {
        if running != self.running {
            self.requests.change(self.running, running);
            self.running = running;
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_room_goes_on_when_a_request_is_over() {
        let requests = Requests::new(Some(2));
        let (mut first, mut second) = (requests.share(), requests.share());
        first.set(1);
        assert_eq!(requests.while_room(async { "room" }).await, "room");
        second.set(3);
        assert_eq!(requests.running(), 4);
        let mut waits = pin!(requests.while_room(async { "room" }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        let ended = async {
            tokio::task::yield_now().await;
            drop(second);
        };
        assert_eq!(tokio::join!(waits, ended).0, "room");
        drop(first);
        assert_eq!(requests.running(), 0);
    }
}
