//! A request's body on its way in: decoded from the connection's bytes, read by whoever has the input.
//!
//! Blocking code reads the socket right here, on its own thread; async code is told `Pending`, and the connection
//! asks the engine for readiness and wakes it. After an accepted upgrade the same source gives the raw inbound bytes.
//! Not here: the limit on bytes (core's `Input`), and what becomes of an unread rest (`after.rs`).
//!
//! Invariants: a body that broke off is never taken for one that ended; nobody waits while holding the lock; once the
//! connection has taken the body back the app's input gives errors, never another request's bytes.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rsgi_core::http::HeaderMap;
use rsgi_core::http_body::Frame;
use rsgi_core::{Exchange, InputError, InputErrorKind, InputSource};
use rsgi_threads::{Waited, wait_readable};

use crate::h1::{BodyDecoder, BodyError, BodyErrorKind, Decoded};
use crate::shared::Shared;
use crate::transport::Transport;

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

#[expect(clippy::struct_excessive_bools, reason = "marks that have nothing to do with each other")]
struct Reading {
    /// Gone once the connection has taken the body back.
    transport: Option<Transport>,
    /// The request's, by which an upgrade is known.
    exchange: Option<Arc<Exchange>>,
    buf: BytesMut,
    decoder: BodyDecoder,
    /// Content that was read before the app was called.
    ahead: BytesMut,
    /// The trailers behind it.
    ahead_trailers: Option<HeaderMap>,
    /// Whether the client waits for `100 Continue`.
    expects: bool,
    /// Whether an end of the stream was read.
    at_end: bool,
    /// Whether the socket was read at all, and if so whether the last read came back short.
    has_read: bool,
    drained: bool,
    timed_out: bool,
    input_dropped: bool,
    /// Who waits for bytes, and until when.
    waiter: Option<(Waker, Option<Instant>)>,
}

/// What one look at the bytes came to.
enum Look {
    Frame(InputFrame),
    End,
    /// There is nothing more without reading, which would block.
    Wait,
}

/// What the connection takes back.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) buf: BytesMut,
    pub(crate) decoder: BodyDecoder,
    pub(crate) expects: bool,
    pub(crate) at_end: bool,
    /// Whether the socket was read at all, and if so whether the last read drained it.
    pub(crate) has_read: bool,
    pub(crate) drained: bool,
}

/// What filling ahead came to.
pub(crate) enum Ahead {
    Whole,
    Enough,
    Wait,
    Broken(InputErrorKind),
}

impl Inbound {
    pub(crate) fn new(
        shared: Arc<Shared>,
        transport: Transport,
        buf: BytesMut,
        decoder: BodyDecoder,
        expects: bool,
        progress: Option<Duration>,
    ) -> Arc<Self> {
        let state = Reading {
            transport: Some(transport),
            exchange: None,
            buf,
            decoder,
            ahead: BytesMut::new(),
            ahead_trailers: None,
            expects,
            at_end: false,
            has_read: false,
            drained: false,
            timed_out: false,
            input_dropped: false,
            waiter: None,
        };
        Arc::new(Self { shared, progress, state: Mutex::new(state) })
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
            Some((waiter, _)) if waiter.will_wake(self.shared.task()) => true,
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

    /// Whether the client still waits for `100 Continue`, and how much of the body is unread; `None`: unknown.
    pub(crate) fn unread(&self) -> (bool, Option<u64>) {
        let state = self.lock();
        let buffered = state.buf.len() as u64;
        let left = state.decoder.remaining().map(|left| left.saturating_sub(buffered));
        (state.expects && !state.decoder.is_done(), left)
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
            at_end: state.at_end,
            has_read: state.has_read,
            drained: state.drained,
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
                if !context.waker().will_wake(self.shared.task()) {
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

impl Reading {
    /// Sends `100 Continue` if the client waits for it, and has sent nothing yet (RFC 9110 section 10.1.1).
    fn ask_for_body(&mut self, shared: &Shared) {
        if self.expects && !self.decoder.is_done() {
            self.expects = false;
            if self.buf.is_empty() {
                shared.send_continue();
            }
        }
    }

    /// What was read ahead.
    fn take_ahead(&mut self) -> Option<Frame<Bytes>> {
        if !self.ahead.is_empty() {
            return Some(Frame::data(std::mem::take(&mut self.ahead).freeze()));
        }
        self.ahead_trailers.take().map(Frame::trailers)
    }

    /// Decodes what is there, reading as long as the socket gives something.
    fn look(&mut self) -> Look {
        loop {
            if let Some(look) = self.decode() {
                return look;
            }
            if self.at_end {
                return Look::Frame(Err(InputError::new(InputErrorKind::Truncated)));
            }
            match self.fill() {
                Ok(0) => self.at_end = true,
                Ok(_) => self.timed_out = false,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Look::Wait,
                Err(error) => {
                    return Look::Frame(
                        Err(InputError::new(InputErrorKind::Disconnected).with_source(error)),
                    );
                }
            }
        }
    }

    fn is_upgraded(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.is_upgraded())
    }

    /// Tells whether what comes is an upgraded stream, which may be silent for as long as it likes.
    fn is_raw(&self) -> bool {
        self.decoder.is_done() && self.is_upgraded()
    }

    /// One step without reading; `None` if bytes are wanting.
    fn decode(&mut self) -> Option<Look> {
        let upgraded = self.is_upgraded();
        loop {
            if self.decoder.is_done() {
                return if upgraded { self.raw() } else { Some(Look::End) };
            }
            return match self.decoder.decode(&mut self.buf) {
                // What an app left unread of the body before it took over the stream isn't part of that.
                Ok(Decoded::Data(_) | Decoded::End(_)) if upgraded => continue,
                Ok(Decoded::Data(data)) => Some(Look::Frame(Ok(Frame::data(data)))),
                Ok(Decoded::Incomplete) => None,
                Ok(Decoded::End(trailers)) => {
                    for name in trailers.iter().flat_map(|trailers| &trailers.dropped) {
                        tracing::info!(target: "rsgi", trailer = name.as_str(), "forbidden request trailer dropped");
                    }
                    let fields = trailers.map(|trailers| trailers.fields).filter(|fields| !fields.is_empty());
                    Some(fields.map_or(Look::End, |fields| Look::Frame(Ok(Frame::trailers(fields)))))
                }
                Err(error) => Some(Look::Frame(Err(input_error(error)))),
            };
        }
    }

    /// The inbound half of an upgraded stream.
    fn raw(&mut self) -> Option<Look> {
        if !self.buf.is_empty() {
            return Some(Look::Frame(Ok(Frame::data(self.buf.split().freeze()))));
        }
        self.at_end.then_some(Look::End)
    }

    /// Reads once, into memory of its own that becomes the pieces.
    fn fill(&mut self) -> io::Result<usize> {
        let Some(transport) = &self.transport else { return Err(io::ErrorKind::NotConnected.into()) };
        let wanted = self.decoder.remaining().and_then(|left| usize::try_from(left).ok());
        // A little more than is wanted: so a read that comes back short says that nothing else is there.
        let room = match wanted {
            Some(left @ 1..) => left.min(READ_MOST) + READ_BEYOND,
            _ => READ_UNKNOWN,
        };
        let mut memory = Vec::with_capacity(room);
        (self.has_read, self.drained) = (true, false);
        let read = transport.read_into(&mut memory)?;
        self.drained = read < room && transport.short_read_drains();
        if self.buf.is_empty() {
            // Its only owner: taken over, not copied.
            self.buf = Bytes::from(memory).into();
        } else {
            self.buf.extend_from_slice(&memory);
        }
        Ok(read)
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

/// The app's view of a framing error.
fn input_error(error: BodyError) -> InputError {
    let kind = match error.kind() {
        BodyErrorKind::Truncated => InputErrorKind::Truncated,
        _ if error == BodyError::TooLarge => InputErrorKind::Limit,
        _ => InputErrorKind::Malformed,
    };
    InputError::new(kind).with_source(error)
}

/// Bytes read at once, where a body's length is known.
const READ_MOST: usize = 64 * 1024;
/// Room for what comes behind a body: the next request.
const READ_BEYOND: usize = 1024;
/// Bytes read at once, where it isn't.
const READ_UNKNOWN: usize = 16 * 1024;
