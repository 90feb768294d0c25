//! Async push: a future that sends the body piece by piece, held back when the client doesn't read.
//!
//! The future runs inside the body, so dropping the body cancels it; a bounded queue joins the two.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use super::polled::PolledFrame;
use super::{QUEUE_BYTES, weight};
use crate::Error;
use crate::respond::Panicked;

#[derive(Default)]
struct Queue {
    frames: VecDeque<Frame<Bytes>>,
    /// What the frames weigh.
    bytes: usize,
    /// The server has come for more and taken all there was.
    asked: bool,
    closed: bool,
    /// Who waits for room, or for a flush: clones of a sender may wait in tasks of their own.
    senders: Vec<Waker>,
    body: Option<Waker>,
}

impl Queue {
    fn push(&mut self, frame: Frame<Bytes>) {
        self.bytes += weight(&frame);
        self.frames.push_back(frame);
        self.asked = false;
    }

    fn wait(&mut self, waker: &Waker) {
        if !self.senders.iter().any(|known| known.will_wake(waker)) {
            self.senders.push(waker.clone());
        }
    }
}

/// Sends the pieces of a body, from [`Body::send`](crate::Body::send).
///
/// # Examples
///
/// ```
/// use rsgi_core::Body;
///
/// let body = Body::send(async |sender| {
///     sender.send("one ").await?;
///     sender.send("two").await?;
///     Ok(())
/// });
/// # let _ = body;
/// ```
#[derive(Clone)]
pub struct Sender(Arc<Mutex<Queue>>);

impl Sender {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a piece; waits while 64 KiB or more are queued, what holds small pieces counted.
    ///
    /// # Errors
    ///
    /// The body has been dropped: the client has gone.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has either queued the whole piece or nothing of it.
    pub async fn send(&self, piece: impl Into<Bytes>) -> Result<(), Error> {
        let mut piece = Some(piece.into());
        poll_fn(|context| {
            let mut queue = self.lock();
            if queue.closed {
                return Poll::Ready(Err("the client has gone".into()));
            }
            if queue.bytes >= QUEUE_BYTES {
                queue.wait(context.waker());
                return Poll::Pending;
            }
            if let Some(piece) = piece.take().filter(|piece| !piece.is_empty()) {
                queue.push(Frame::data(piece));
            }
            let body = queue.body.take();
            drop(queue);
            if let Some(body) = body {
                body.wake();
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Waits until the server has taken all that was sent and asks for more, which it does once the protocol's
    /// layer has accepted it.
    ///
    /// # Errors
    ///
    /// The body has been dropped: the client has gone.
    pub async fn flush(&self) -> Result<(), Error> {
        poll_fn(|context| {
            let mut queue = self.lock();
            if queue.closed {
                return Poll::Ready(Err("the client has gone".into()));
            }
            if queue.frames.is_empty() && queue.asked {
                return Poll::Ready(Ok(()));
            }
            queue.wait(context.waker());
            Poll::Pending
        })
        .await
    }

    /// Sends trailers, as the last thing; on HTTP/1.1 those whose names
    /// [`Body::announce_trailers`](crate::Body::announce_trailers) named.
    pub fn trailers(&self, trailers: HeaderMap) {
        let mut queue = self.lock();
        queue.push(Frame::trailers(trailers));
        if let Some(body) = queue.body.take() {
            drop(queue);
            body.wake();
        }
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sender").field("queued", &self.lock().bytes).finish()
    }
}

pin_project_lite::pin_project! {
    pub(crate) struct SendBody<F> {
        #[pin]
        future: F,
        queue: Sender,
        ended: Option<Result<(), Error>>,
        over: bool,
    }

    impl<F> PinnedDrop for SendBody<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut queue = this.queue.lock();
            queue.closed = true;
            let senders = std::mem::take(&mut queue.senders);
            drop(queue);
            for sender in senders {
                sender.wake();
            }
        }
    }
}

impl<F> SendBody<F> {
    pub(crate) fn new(send: impl FnOnce(Sender) -> F) -> Self {
        let queue = Sender(Arc::default());
        Self { future: send(queue.clone()), queue, ended: None, over: false }
    }
}

impl<F: Future<Output = Result<(), Error>>> http_body::Body for SendBody<F> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> PolledFrame {
        let mut this = self.project();
        if *this.over {
            return Poll::Ready(None);
        }
        loop {
            let mut queue = this.queue.lock();
            let frame = queue.frames.pop_front();
            match &frame {
                Some(frame) => queue.bytes -= weight(frame),
                None => queue.asked = true,
            }
            let senders = std::mem::take(&mut queue.senders);
            drop(queue);
            for sender in senders {
                // Whoever waits in the future below is polled as soon as the server asks for more.
                if !sender.will_wake(context.waker()) {
                    sender.wake();
                }
            }
            if let Some(frame) = frame {
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(ended) = this.ended.take() {
                *this.over = true;
                return Poll::Ready(ended.err().map(Err));
            }
            // What was sent before a panic goes out before it.
            let polled = catch_unwind(AssertUnwindSafe(|| this.future.as_mut().poll(context)));
            match polled {
                Ok(Poll::Ready(ended)) => *this.ended = Some(ended),
                Err(panic) => *this.ended = Some(Err(Panicked::of(&*panic).into())),
                Ok(Poll::Pending) => {
                    let mut queue = this.queue.lock();
                    if queue.frames.is_empty() {
                        queue.body = Some(context.waker().clone());
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}
