//! Two tokens that async code awaits and blocking code polls: the client has gone, and the server is going down.
//!
//! Both are handles on state that the adapter changes; both stay valid after the request, for work that outlives
//! it. See `exchange.rs` and `connection.rs` for who changes them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::exchange::Exchange;

/// Why a request's client no longer waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The client closed its side (FIN) while the app ran.
    Closed,
    /// The connection, or on a multiplexed protocol the stream, was reset.
    Reset,
    /// A time limit of the server ran out.
    TimedOut,
    /// The server ended the connection: its graceful time ran out, or it was told to stop at once.
    ServerStopped,
}

/// Tells that the client has gone, and why.
///
/// # Examples
///
/// ```
/// use rsgi_core::{Environ, Error, StartResponse, Started};
/// use rsgi_core::http::StatusCode;
///
/// fn long_job(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let client = environ.disconnect();
///     for _step in 0..1000 {
///         if let Some(cause) = client.cause() {
///             return Err(format!("gave up: {cause:?}").into());
///         }
///     }
///     Ok(start_response.status(StatusCode::OK).body("done"))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Disconnect {
    exchange: Arc<Exchange>,
}

impl Disconnect {
    pub(crate) fn new(exchange: Arc<Exchange>) -> Self {
        Self { exchange }
    }

    /// Why the client has gone; `None` while it is there, and after an answer that was delivered. That a time limit ran out
    /// stays true: work for a request that was dropped sees it, though the client got an answer.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.exchange.cause()
    }

    /// Tells whether the client has gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.cause().is_some()
    }

    /// Waits until the client has gone. Never ends if the answer is delivered.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub fn gone(&self) -> impl Future<Output = Cause> + Send + use<> {
        Gone { exchange: Arc::clone(&self.exchange), place: None }
    }
}

struct Gone {
    exchange: Arc<Exchange>,
    place: Option<u64>,
}

impl Future for Gone {
    type Output = Cause;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Cause> {
        let this = &mut *self;
        this.exchange.poll_cause(&mut this.place, context)
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.exchange.forget_waiter(place);
        }
    }
}

/// Wakers of those who wait for one event, each at a place that its future knows: who stops waiting leaves nothing
/// behind, however long the event takes to come.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    wakers: BTreeMap<u64, Waker>,
    next: u64,
}

impl Waiters {
    pub(crate) fn register(&mut self, place: &mut Option<u64>, waker: &Waker) {
        let place = *place.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        match self.wakers.entry(place) {
            Entry::Occupied(mut known) if !known.get().will_wake(waker) => {
                known.insert(waker.clone());
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(free) => {
                free.insert(waker.clone());
            }
        }
    }

    pub(crate) fn forget(&mut self, place: u64) -> Option<Waker> {
        self.wakers.remove(&place)
    }

    pub(crate) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(&mut self.wakers).into_values()
    }
}

#[derive(Debug, Default)]
struct DrainState {
    begun: AtomicBool,
    waiters: Mutex<Waiters>,
}

/// Tells that the server is going down, so that an event stream can end itself.
///
/// The adapter owns one for each server and begins it; apps get clones from
/// [`Environ::drain`](crate::Environ::drain).
#[derive(Debug, Clone, Default)]
pub struct Drain {
    state: Arc<DrainState>,
}

impl Drain {
    /// Makes a token that hasn't begun; for adapters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.state.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the drain and wakes whoever waits for it; for adapters. A second call does nothing.
    pub fn begin(&self) {
        self.state.begun.store(true, Ordering::Release);
        let waiters = self.waiters().take();
        for waiter in waiters {
            waiter.wake();
        }
    }

    /// Tells whether the server is going down.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state.begun.load(Ordering::Acquire)
    }

    /// Waits until the server is going down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing, and leaves nothing behind.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + use<> {
        Begun { drain: self.clone(), place: None }
    }

    /// Waits for `future`, but only until the server is going down: `None` then, and `future` is dropped. What an
    /// event stream or an upgraded connection waits by.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::{Body, Environ, Error, StartResponse, Started};
    /// use rsgi_core::http::StatusCode;
    ///
    /// async fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    ///     let drain = environ.drain();
    ///     let body = Body::duplex(environ.take_input(), async move |mut input, sender| {
    ///         while let Some(Some(piece)) = drain.unless_begun(input.piece()).await {
    ///             sender.send(piece?).await?;
    ///         }
    ///         Ok(())
    ///     });
    ///     Ok(start_response.status(StatusCode::OK).body(body))
    /// }
    /// # fn is_app(_: impl rsgi_core::App) {}
    /// # is_app(echo);
    /// ```
    ///
    /// # Cancel safety
    ///
    /// That of `future`.
    pub async fn unless_begun<F: Future>(&self, future: F) -> Option<F::Output> {
        let (mut begun, mut future) = (std::pin::pin!(self.begun()), std::pin::pin!(future));
        std::future::poll_fn(|context| match begun.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => future.as_mut().poll(context).map(Some),
        })
        .await
    }
}

/// Waits for a drain. Its waker goes with it: a server that lives for months sees many streams come and go.
struct Begun {
    drain: Drain,
    place: Option<u64>,
}

impl Future for Begun {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut waiters = this.drain.waiters();
        // Under the lock, so that `begin` either sees this waker or is seen here.
        if this.drain.has_begun() {
            return Poll::Ready(());
        }
        waiters.register(&mut this.place, context.waker());
        Poll::Pending
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = self.drain.waiters().forget(place);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;
    use crate::wait;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_waits_for_the_drain_is_woken_once_and_leaves_nothing_when_dropped() {
        let (drain, count) = (Drain::new(), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        for _stream in 0..3 {
            let mut begun = pin!(drain.begun());
            assert!(begun.as_mut().poll(&mut context).is_pending());
            assert!(begun.as_mut().poll(&mut context).is_pending());
        }
        assert!(drain.waiters().wakers.is_empty(), "dropped futures keep no waker");
        let (mut first, mut second) = (pin!(drain.begun()), pin!(drain.begun()));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        drain.begin();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        assert!(first.poll(&mut context).is_ready() && second.poll(&mut context).is_ready());
    }

    #[test]
    fn a_wait_ends_with_the_drain_or_with_what_it_waits_for() {
        let drain = Drain::new();
        assert_eq!(wait(drain.unless_begun(std::future::ready(7))), Some(7));
        drain.begin();
        assert_eq!(wait(drain.unless_begun(std::future::ready(7))), None);
        assert_eq!(wait(drain.unless_begun(std::future::pending::<()>())), None);
    }
}
