//! A request's body on its way in: decoded from the connection's bytes, read by whoever has the input.
//!
//! Blocking code reads the socket right here, on its own thread; async code is told `Pending`, and the connection
//! asks the engine for readiness and wakes it. After an accepted upgrade the same source gives the raw inbound bytes.
//! Not here: decoding (`reading.rs`), the limit on bytes (core's `Input`), what becomes of an unread rest (`after.rs`).
//!
//! Invariants: a body that broke off is never taken for one that ended; nobody waits while holding the lock; once the
//! connection has taken the body back the app's input gives errors, never another request's bytes.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rsgi_core::http_body::Frame;
use rsgi_core::{Exchange, InputError, InputErrorKind, InputSource};
use rsgi_threads::{Waited, wait_readable};

use crate::conn::Socket;
use crate::h1::BodyDecoder;
use crate::reading::{Look, Reading};
use crate::shared::Shared;

/// A frame of a body, or why there is none.
pub(crate) type InputFrame = Result<Frame<Bytes>, InputError>;

/// The shared state of one request's body: the connection has one end, the app's input the other.
pub(crate) struct Inbound {
    shared: Arc<Shared>,
    progress: Option<Duration>,
    state: Mutex<Reading>,
}

/// The app's end.
pub(crate) struct BodyIn(Arc<Inbound>);

/// What the connection takes back.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) buf: BytesMut,
    pub(crate) decoder: BodyDecoder,
    pub(crate) expects: bool,
    /// What the last read found of the socket; `None`: it wasn't read.
    pub(crate) socket: Option<Socket>,
}

/// What filling ahead came to.
pub(crate) enum Ahead {
    Whole,
    Enough,
    Wait,
    Broken(InputErrorKind),
}

impl Inbound {
    pub(crate) fn new(shared: Arc<Shared>, reading: Reading, progress: Option<Duration>) -> Arc<Self> {
        Arc::new(Self { shared, progress, state: Mutex::new(reading) })
    }

    /// The app's end of it, for the request of this exchange.
    pub(crate) fn source(self: &Arc<Self>, exchange: Arc<Exchange>) -> BodyIn {
        self.lock().exchange = Some(exchange);
        BodyIn(Arc::clone(self))
    }

    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when somebody waits for bytes; `None`: nobody does.
    #[expect(clippy::option_option, reason = "nobody waits, and somebody waits for ever, are two things")]
    pub(crate) fn waits(&self) -> Option<Option<Instant>> {
        self.lock().waiter.as_ref().map(|(_, deadline)| *deadline)
    }

    /// Wakes who waits, as there may be bytes; tells whether it is the connection's own task.
    pub(crate) fn wake(&self) -> bool {
        let waiter = self.lock().waiter.take();
        match waiter {
            Some((waiter, _)) if self.shared.is_task(&waiter) => true,
            Some((waiter, _)) => {
                waiter.wake();
                false
            }
            None => false,
        }
    }

    /// Tells who waits that the client took too long.
    pub(crate) fn time_out(&self) -> bool {
        self.lock().timed_out = true;
        self.wake()
    }

    /// Tells whether the app has let go of the input.
    pub(crate) fn is_dropped(&self) -> bool {
        self.lock().input_dropped
    }

    /// Whether the next request can't be found any more, as the client still waits for `100 Continue` or the framing is
    /// broken; and how much of the body is unread; `None`: unknown.
    pub(crate) fn unread(&self) -> (bool, Option<u64>) {
        let state = self.lock();
        let buffered = state.buf.len() as u64;
        let left = state.decoder.remaining().map(|left| left.saturating_sub(buffered));
        let is_lost = state.decoder.is_broken() || (state.expects && !state.decoder.is_done());
        (is_lost, left)
    }

    /// Tells whether the client still waits for `100 Continue`, and has it wait no more.
    pub(crate) fn stop_expecting(&self) -> bool {
        let mut state = self.lock();
        std::mem::take(&mut state.expects) && !state.decoder.is_done()
    }

    /// Takes the body back from the app, whose input gives errors from now on.
    pub(crate) fn take_back(&self) -> Rest {
        let mut state = self.lock();
        state.transport = None;
        state.exchange = None;
        state.ahead = BytesMut::new();
        let waiter = state.waiter.take();
        let rest = Rest {
            buf: std::mem::take(&mut state.buf),
            decoder: std::mem::replace(&mut state.decoder, BodyDecoder::done()),
            expects: state.expects,
            socket: state.socket,
        };
        drop(state);
        if let Some((waiter, _)) = waiter {
            waiter.wake();
        }
        rest
    }

    /// Reads ahead, before the app is called, up to about so many bytes.
    pub(crate) fn fill_ahead(&self, most: usize) -> Ahead {
        let mut state = self.lock();
        loop {
            if state.ahead.len() > most {
                return Ahead::Enough;
            }
            match state.look() {
                // Copied together: a client that sends a byte a chunk must not cost a frame for each.
                Look::Frame(Ok(frame)) => match frame.into_data() {
                    Ok(data) => state.ahead.extend_from_slice(&data),
                    Err(frame) => state.ahead_trailers = frame.into_trailers().ok(),
                },
                Look::Frame(Err(error)) => return Ahead::Broken(error.kind()),
                Look::End => return Ahead::Whole,
                Look::Wait => return Ahead::Wait,
            }
        }
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<InputFrame>> {
        let mut state = self.lock();
        state.ask_for_body(&self.shared);
        if let Some(frame) = state.take_ahead() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match state.look() {
            Look::Frame(frame) => Poll::Ready(Some(frame)),
            Look::End => Poll::Ready(None),
            Look::Wait if std::mem::take(&mut state.timed_out) => {
                Poll::Ready(Some(Err(InputError::new(InputErrorKind::TimedOut))))
            }
            Look::Wait => {
                let deadline = match &state.waiter {
                    Some((_, deadline)) => *deadline,
                    None if state.is_raw() => None,
                    None => self.progress.map(|time| Instant::now() + time),
                };
                state.waiter = Some((context.waker().clone(), deadline));
                drop(state);
                if !self.shared.is_task(context.waker()) {
                    // The connection may rest already: it must ask for readiness.
                    self.shared.waker().wake();
                }
                Poll::Pending
            }
        }
    }

    fn wait(&self) -> Option<InputFrame> {
        loop {
            let (stream, progress) = {
                let mut state = self.lock();
                state.ask_for_body(&self.shared);
                if let Some(frame) = state.take_ahead() {
                    return Some(Ok(frame));
                }
                match state.look() {
                    Look::Frame(frame) => return Some(frame),
                    Look::End => return None,
                    Look::Wait => {
                        let stream = state.transport.as_ref().map(|transport| transport.stream().clone());
                        (stream, self.progress.filter(|_| !state.is_raw()))
                    }
                }
            };
            // Whoever waits for an answer to what was written so far would wait in vain.
            self.shared.send_gathered();
            let Some(stream) = stream else {
                return Some(Err(InputError::new(InputErrorKind::Disconnected)));
            };
            match wait_readable(&stream, progress.map(|time| Instant::now() + time)) {
                Ok(Waited::TimedOut) => return Some(Err(InputError::new(InputErrorKind::TimedOut))),
                Ok(_) => {}
                Err(error) => return Some(Err(InputError::new(InputErrorKind::Other).with_source(error))),
            }
        }
    }
}

impl InputSource for BodyIn {
    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<InputFrame>> {
        self.0.poll(context)
    }

    fn wait_frame(self: Pin<&mut Self>) -> Option<InputFrame> {
        self.0.wait()
    }
}

impl Drop for BodyIn {
    fn drop(&mut self) {
        let upgraded = {
            let mut state = self.0.lock();
            state.input_dropped = true;
            state.exchange.take().is_some_and(|exchange| exchange.is_upgraded())
        };
        if upgraded {
            // Nobody reads an upgraded stream any more: it may be at its end.
            self.0.shared.waker().wake();
        }
    }
}

impl std::fmt::Debug for Inbound {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Inbound(..)")
    }
}
