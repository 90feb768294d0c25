//! Async push: a future that sends the body piece by piece, held back when the client doesn't read.
//!
//! The future runs inside the body, so dropping the body cancels it; a bounded queue joins the two.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use super::polled::PolledFrame;
use crate::Error;

/// Bytes that wait between the sender and the server before `send` waits: one large piece, or many small.
const QUEUE_BYTES: usize = 64 * 1024;

#[derive(Default)]
struct Queue {
    frames: VecDeque<Frame<Bytes>>,
    bytes: usize,
    /// The server has come for more and taken all there was.
    asked: bool,
    closed: bool,
    sender: Option<Waker>,
    body: Option<Waker>,
}

impl Queue {
    fn push(&mut self, frame: Frame<Bytes>) {
        self.bytes += frame.data_ref().map_or(0, Bytes::len);
        self.frames.push_back(frame);
        self.asked = false;
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

    /// Sends a piece; waits while 64 KiB or more are queued.
    ///
    /// Cancel safety: a dropped future has either queued the whole piece or nothing of it.
    ///
    /// # Errors
    ///
    /// The body has been dropped: the client has gone.
    pub async fn send(&self, piece: impl Into<Bytes>) -> Result<(), Error> {
        let mut piece = Some(piece.into());
        poll_fn(|context| {
            let mut queue = self.lock();
            if queue.closed {
                return Poll::Ready(Err("the client has gone".into()));
            }
            if queue.bytes >= QUEUE_BYTES {
                queue.sender = Some(context.waker().clone());
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
            queue.sender = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Sends trailers, as the last thing.
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
            if let Some(sender) = queue.sender.take() {
                drop(queue);
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
            if let Some(frame) = queue.frames.pop_front() {
                queue.bytes -= frame.data_ref().map_or(0, Bytes::len);
                let sender = queue.sender.take();
                drop(queue);
                if let Some(sender) = sender {
                    sender.wake();
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            queue.asked = true;
            queue.body = Some(context.waker().clone());
            let sender = queue.sender.take();
            drop(queue);
            if let Some(sender) = sender {
                sender.wake();
            }
            if let Some(ended) = this.ended.take() {
                *this.over = true;
                return Poll::Ready(ended.err().map(Err));
            }
            match this.future.as_mut().poll(context) {
                Poll::Ready(ended) => *this.ended = Some(ended),
                Poll::Pending if this.queue.lock().frames.is_empty() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }
}
