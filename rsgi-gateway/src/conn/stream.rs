//! [`Stream`]: the content of one request as it comes in, and [`Incoming`], by which its app reads it.
//!
//! Pieces lie here until the app takes them; how many may is bounded where they are read (`link.rs`).
//!
//! Invariant: no more than the length that was told is handed out, and less is an error. Next: `running.rs`.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rsgi_core::http_body::Frame;
use rsgi_core::{Cause, Exchange, InputError, InputErrorKind, InputLength, InputSource, wait};

use super::link::Link;
use super::socket::{Socket, Way};
use crate::codec::{Codec, RequestId};

/// Names a request for good: a protocol's ids are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Serial(pub(crate) u64);

/// A request's content.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) serial: Serial,
    pub(crate) id: RequestId,
    /// Set once the request has begun to be answered.
    pub(crate) exchange: Option<Arc<Exchange>>,
    content: VecDeque<Bytes>,
    /// How many bytes lie in `content`.
    pub(crate) held: usize,
    has_ended: bool,
    /// What is still to be handed out, where the length was told.
    left: Option<u64>,
    failed: Option<InputErrorKind>,
    /// Whether the app has no more use for it.
    is_dropped: bool,
    pub(crate) is_aborted: bool,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    waker: Option<Waker>,
    since: Instant,
}

/// What a stream has for its reader.
pub(crate) enum Taken {
    Piece(Bytes),
    End,
    Failed(InputErrorKind),
    Nothing,
}

impl Stream {
    pub(crate) fn new(serial: Serial, id: RequestId) -> Self {
        Self {
            serial,
            id,
            exchange: None,
            content: VecDeque::new(),
            held: 0,
            has_ended: false,
            left: None,
            failed: None,
            is_dropped: false,
            is_aborted: false,
            waiting: None,
        }
    }

    /// Begins to be answered; tells whether there is no content.
    pub(crate) fn begin(&mut self, exchange: Arc<Exchange>, length: InputLength) -> bool {
        if self.is_aborted {
            exchange.disconnect(Cause::Closed);
        }
        self.exchange = Some(exchange);
        self.left = if let InputLength::Known(length) = length { Some(length) } else { None };
        let is_empty = match length {
            InputLength::None => true,
            InputLength::Known(_) => false,
            _ => self.has_ended && self.content.is_empty() && self.failed.is_none(),
        };
        if is_empty {
            self.discard();
        }
        is_empty
    }

    /// Whether all of the content is here, or no more will come.
    pub(crate) fn is_read(&self) -> bool {
        self.has_ended || self.failed.is_some()
    }

    /// Takes a piece in; gives who waits for it.
    pub(crate) fn push(&mut self, piece: Bytes) -> Option<Waker> {
        if self.is_dropped || self.failed.is_some() {
            return None;
        }
        self.held += piece.len();
        self.content.push_back(piece);
        self.wake()
    }

    /// No more comes.
    pub(crate) fn end(&mut self) -> Option<Waker> {
        self.has_ended = true;
        self.wake()
    }

    /// The rest won't come, or can't be held.
    pub(crate) fn fail(&mut self, kind: InputErrorKind) -> Option<Waker> {
        self.failed.get_or_insert(kind);
        self.content.clear();
        self.held = 0;
        self.wake()
    }

    /// Lets go of the content: nobody will read it.
    pub(crate) fn discard(&mut self) {
        self.is_dropped = true;
        self.content.clear();
        self.held = 0;
        self.waiting = None;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Since when somebody waits here.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        self.waiting.as_ref().map(|waiting| waiting.since)
    }

    fn wake(&mut self) -> Option<Waker> {
        self.waiting.take().and_then(|waiting| waiting.waker)
    }

    fn wait(&mut self, waker: Option<&Waker>) {
        let since = self.waits_since().unwrap_or_else(Instant::now);
        self.waiting = Some(Waiting { waker: waker.cloned(), since });
    }

    fn take(&mut self) -> Taken {
        if let Some(kind) = self.failed {
            return Taken::Failed(kind);
        }
        if self.left == Some(0) {
            return Taken::End;
        }
        let Some(mut piece) = self.content.pop_front() else {
            return match (self.has_ended, self.left) {
                (false, _) => Taken::Nothing,
                (true, None) => Taken::End,
                (true, Some(_)) => Taken::Failed(InputErrorKind::Truncated),
            };
        };
        self.held -= piece.len();
        if let Some(left) = &mut self.left {
            // What is more than was told is nobody's (RFC 3875 section 4.2).
            piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= piece.len() as u64;
        }
        Taken::Piece(piece)
    }
}

/// The source of an app's input.
pub(crate) struct Incoming<S: Socket, C: Codec> {
    pub(crate) link: Arc<Link<S, C>>,
    pub(crate) serial: Serial,
}

impl<S: Socket, C: Codec> Incoming<S, C> {
    /// Takes what is there; `waker` is kept if nothing is.
    fn take(&self, waker: Option<&Waker>) -> (Taken, Option<Instant>) {
        let mut state = self.link.lock();
        let unread = state.held();
        let Some(stream) = state.stream(self.serial) else {
            return (Taken::Failed(InputErrorKind::Disconnected), None);
        };
        let taken = stream.take();
        let waited = stream.waits_since();
        if let Taken::Nothing = taken {
            stream.wait(waker);
        }
        let since = stream.waits_since();
        // A reader elsewhere starts a clock that the connection, at rest, doesn't know of.
        let starts = state.rests && waited.is_none() && since.is_some();
        let told = if starts { state.task() } else { state.reads_on(unread) };
        drop(state);
        if let Some(task) = told {
            task.wake();
        }
        (taken, since)
    }
}

impl<S: Socket, C: Codec> InputSource for Incoming<S, C> {
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        match self.take(Some(context.waker())).0 {
            Taken::Nothing => Poll::Pending,
            taken => Poll::Ready(frame(taken)),
        }
    }

    fn wait_frame(mut self: Pin<&mut Self>) -> Option<Result<Frame<Bytes>, InputError>> {
        if !S::BLOCKS {
            return wait(std::future::poll_fn(|context| self.as_mut().poll_frame(context)));
        }
        loop {
            let (taken, since) = self.take(None);
            if !matches!(taken, Taken::Nothing) {
                return frame(taken);
            }
            // This thread reads for itself: nobody else may look at the socket for a while.
            self.link.read_anew();
            if !matches!(self.link.peek(self.serial), Peeked::Nothing) {
                continue;
            }
            let progress = self.link.site.timeouts.body_progress;
            let deadline = since.zip(progress).map(|(since, progress)| since + progress);
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                self.link.fail(self.serial, InputErrorKind::TimedOut);
                continue;
            }
            self.link.wait(
                Way::In,
                deadline.map_or(SLICE, |at| at.saturating_duration_since(Instant::now()).min(SLICE)),
            );
        }
    }
}

impl<S: Socket, C: Codec> Drop for Incoming<S, C> {
    fn drop(&mut self) {
        let mut state = self.link.lock();
        let unread = state.held();
        if let Some(stream) = state.stream(self.serial) {
            stream.discard();
        }
        let reads_on = state.reads_on(unread);
        drop(state);
        if let Some(task) = reads_on {
            task.wake();
        }
    }
}

/// Whether a stream has something for its reader.
pub(crate) enum Peeked {
    Something,
    Nothing,
}

impl Stream {
    pub(crate) fn peek(&self) -> Peeked {
        let nothing =
            self.failed.is_none() && self.left != Some(0) && self.content.is_empty() && !self.has_ended;
        if nothing { Peeked::Nothing } else { Peeked::Something }
    }
}

fn frame(taken: Taken) -> Option<Result<Frame<Bytes>, InputError>> {
    match taken {
        Taken::Piece(piece) => Some(Ok(Frame::data(piece))),
        Taken::Failed(kind) => Some(Err(InputError::new(kind))),
        Taken::End | Taken::Nothing => None,
    }
}

/// For how long a thread waits at once. Another one that waits for another request's content on this connection may have
/// read what this one waits for.
const SLICE: Duration = Duration::from_millis(100);
