//! A body that blocks, on an async server: a bounded queue between the offload's threads and the reactor.
//!
//! A job drives the producer until the queue is full or the body ends, then gives its thread back; the reactor asks
//! for the next job when the queue has drained to half. So pieces cross in batches, a slow client holds no thread
//! of a pull body, and a push body waits in its `write`. The producer is only ever run and dropped by jobs.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use super::polled::PolledFrame;
use super::produce::{Produce, Sink, Step};
use super::{QUEUE_BYTES, weight};
use crate::Error;
use crate::closing::close;
use crate::exchange::Exchange;
use crate::live::report_surplus;
use crate::offload::{ABANDONED, Offload, Pool, Work};
use crate::respond::Panicked;

struct Queue {
    frames: VecDeque<Frame<Bytes>>,
    /// What the frames weigh.
    bytes: usize,
    /// Away while a job runs it, and gone after the end.
    producer: Option<Box<dyn Produce>>,
    job: JobState,
    end: Option<Result<(), Error>>,
    /// The reactor no longer wants it.
    closed: bool,
    /// All that was declared has been taken: what comes now is surplus of this exchange.
    enough: Option<Arc<Exchange>>,
    /// The reactor has taken all there was and asks for more.
    asked: bool,
    /// A push body waits for room: to wake nobody is a system call, too.
    waits: bool,
    reader: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum JobState {
    None,
    Submitted,
    Running,
}

struct Shared {
    queue: Mutex<Queue>,
    room: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes a push body that waits.
    fn tell(&self, queue: &mut Queue) {
        if std::mem::take(&mut queue.waits) {
            self.room.notify_all();
        }
    }

    /// Has a push body wait until [`tell`](Self::tell).
    fn wait<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        queue.waits = true;
        self.room.wait(queue).unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reactor's end.
pub(crate) struct Offloaded {
    shared: Arc<Shared>,
    pool: Arc<dyn Pool>,
}

impl Offloaded {
    pub(crate) fn new(producer: Box<dyn Produce>, pool: Arc<dyn Pool>) -> Self {
        let queue = Queue {
            frames: VecDeque::new(),
            bytes: 0,
            producer: Some(producer),
            job: JobState::None,
            end: None,
            closed: false,
            enough: None,
            asked: false,
            waits: false,
            reader: None,
        };
        Self { shared: Arc::new(Shared { queue: Mutex::new(queue), room: Condvar::new() }), pool }
    }

    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> PolledFrame {
        let mut queue = self.shared.lock();
        let frame = queue.frames.pop_front();
        if let Some(frame) = &frame {
            queue.bytes -= weight(frame);
        }
        let drained = queue.bytes <= QUEUE_BYTES / 2;
        if drained {
            self.shared.tell(&mut queue);
        }
        let submit = drained && queue.job == JobState::None && queue.producer.is_some();
        if submit {
            queue.job = JobState::Submitted;
        }
        let answer = match frame {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => match queue.end.take() {
                Some(end) => Poll::Ready(end.err().map(Err)),
                None if queue.producer.is_none() && queue.job == JobState::None => Poll::Ready(None),
                None => {
                    queue.asked = true;
                    self.shared.tell(&mut queue);
                    queue.reader = Some(context.waker().clone());
                    Poll::Pending
                }
            },
        };
        drop(queue);
        if submit {
            Offload::submit(&self.pool, Arc::clone(&self.shared) as Arc<dyn Work>);
        }
        answer
    }
}

impl Offloaded {
    /// Takes note that all that was declared has been taken.
    pub(crate) fn had_enough(&self, exchange: &Arc<Exchange>) {
        self.shared.lock().enough = Some(Arc::clone(exchange));
    }
}

impl Drop for Offloaded {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        queue.frames.clear();
        self.shared.tell(&mut queue);
        let producer = queue.producer.take();
        drop(queue);
        if producer.is_some() {
            // Its drop may block, as its steps may.
            Offload::Pool(Arc::clone(&self.pool)).detach(move || close(producer));
        }
    }
}

impl Work for Shared {
    fn work(&self) -> Option<Waker> {
        let (mut producer, is_waited_for) = {
            let mut queue = self.lock();
            queue.job = JobState::Running;
            (queue.producer.take()?, queue.reader.is_some())
        };
        loop {
            let step =
                catch_unwind(AssertUnwindSafe(|| producer.step_ahead(&mut QueueSink(self), is_waited_for)));
            let end = match step {
                Ok(Ok(Step::More)) => None,
                Ok(Ok(Step::Done)) => Some(Ok(())),
                Ok(Err(error)) => Some(Err(error)),
                Err(panic) => Some(Err(Panicked::of(&*panic).into())),
            };
            let mut queue = self.lock();
            let full = queue.bytes >= QUEUE_BYTES;
            if end.is_none() && !full && !queue.closed {
                continue;
            }
            if end.is_some() || queue.closed {
                drop(queue);
                // Outside the lock, on this thread, which may block.
                close(producer);
                queue = self.lock();
                queue.end = end;
            } else {
                queue.producer = Some(producer);
            }
            queue.job = JobState::None;
            return queue.reader.take();
        }
    }

    fn abandon(&self) -> Option<Waker> {
        let mut queue = self.lock();
        queue.job = JobState::None;
        let producer = queue.producer.take();
        if producer.is_some() {
            queue.end = Some(Err(ABANDONED.into()));
        }
        let reader = queue.reader.take();
        drop(queue);
        close(producer);
        reader
    }
}

/// What the producer writes to, on the job's thread.
struct QueueSink<'a>(&'a Shared);

impl QueueSink<'_> {
    fn push(&self, frame: Frame<Bytes>) -> io::Result<()> {
        let mut queue = self.0.lock();
        // A push body has no steps to pause between: it waits here.
        while queue.bytes >= QUEUE_BYTES && !queue.closed {
            queue = self.0.wait(queue);
        }
        if queue.closed {
            if let Some(exchange) = queue.enough.take() {
                drop(queue);
                report_surplus(&exchange);
            }
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        queue.bytes += weight(&frame);
        queue.frames.push_back(frame);
        queue.asked = false;
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
        Ok(())
    }
}

impl Sink for QueueSink<'_> {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        if piece.is_empty() { Ok(()) } else { self.push(Frame::data(piece)) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut queue = self.0.lock();
        while !(queue.closed || queue.frames.is_empty() && queue.asked) {
            queue = self.0.wait(queue);
        }
        if queue.closed { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }

    fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
        self.push(Frame::trailers(trailers))
    }
}
