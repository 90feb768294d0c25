//! What an app leaves of a request's body on HTTP/1: read on and thrown away, so that the connection can go on.
//!
//! hyper closes a connection, without a word, once a body is dropped before its end. So it is kept here instead, and
//! read by the connection's task while the answer goes out and after it, within the settings `discard_bytes` and
//! `linger`; past these it is dropped after all. Not for HTTP/2, where a body ends with its stream.
//!
//! Invariant: nothing is thrown away before the app has let go of the body, and nothing is asked of a client that
//! waits to be asked (`Expect`).

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::body::Incoming;
use rsgi_core::bytes::Bytes;
use rsgi_core::http_body::Body;
use tokio::time::Sleep;

/// How much may be thrown away of one body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Discard {
    pub(crate) bytes: u64,
    /// `None` for as long as the client likes.
    pub(crate) time: Option<Duration>,
}

/// The mark and the rest of one body that may stay unread.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    is_left: AtomicBool,
    /// The app let go of it, and hyper will close the connection for that.
    is_dropped: AtomicBool,
    state: Mutex<State>,
    /// What runs while somebody waits for the body, kept from one body of a connection to the next.
    clock: Mutex<Option<Pin<Box<Sleep>>>>,
}

#[derive(Debug, Default)]
struct State {
    /// `None` if nothing is to be thrown away, or all of it is.
    discard: Option<Discard>,
    rest: Option<Incoming>,
    silence: Option<Pin<Box<Sleep>>>,
    /// The connection's task, which reads the rest.
    task: Option<Waker>,
}

impl Unread {
    /// For a body whose rest is thrown away within these bounds.
    pub(crate) fn discarded(discard: Discard) -> Self {
        let is_allowed = discard.bytes > 0 && discard.time != Some(Duration::ZERO);
        let state = State { discard: is_allowed.then_some(discard), ..State::default() };
        Self { state: Mutex::new(state), ..Self::default() }
    }

    /// Keeps the clock of who read the body.
    pub(crate) fn keep_clock(&self, clock: Pin<Box<Sleep>>) {
        *self.clock() = Some(clock);
    }

    /// Gives the clock that was kept.
    pub(crate) fn take_clock(&self) -> Option<Pin<Box<Sleep>>> {
        self.clock().take()
    }

    /// Whether there is something left of the body, for whoever closes the connection.
    pub(crate) fn is_left(&self) -> bool {
        self.is_left.load(Ordering::Relaxed)
    }

    /// Whether the app has dropped it before its end, and nothing of it is thrown away in its place.
    pub(crate) fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn set_left(&self, is_left: bool) {
        self.is_left.store(is_left, Ordering::Relaxed);
    }

    /// Takes what the app has let go of.
    pub(crate) fn leave(&self, body: Incoming) {
        // Of chunks hyper doesn't say that their end was read.
        if body.is_end_stream() || !self.is_left() {
            return;
        }
        let mut state = self.lock();
        if state.discard.is_none() {
            return self.is_dropped.store(true, Ordering::Relaxed);
        }
        state.rest = Some(body);
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Throws away what is there; tells whether hyper has got room, or word, to go on.
    pub(crate) fn poll_away(&self, context: &mut Context<'_>) -> bool {
        let mut state = self.lock();
        let State { discard: Some(discard), rest, silence, task } = &mut *state else { return false };
        let Some(body) = rest else {
            if !task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
                *task = Some(context.waker().clone());
            }
            return false;
        };
        let mut has_moved = false;
        while let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
            has_moved = true;
            let bytes = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len) as u64,
                None => {
                    self.set_left(false);
                    u64::MAX
                }
                Some(Err(_)) => u64::MAX,
            };
            let Some(left) = discard.bytes.checked_sub(bytes) else {
                *state = State::default();
                return true;
            };
            discard.bytes = left;
        }
        let Some(time) = discard.time else { return has_moved };
        let silence = silence.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        if silence.as_mut().poll(context).is_ready() {
            *state = State::default();
            return true;
        }
        has_moved
    }

    fn clock(&self) -> MutexGuard<'_, Option<Pin<Box<Sleep>>>> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
