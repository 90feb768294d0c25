//! A request's body: hyper's stream of frames as core's input, with typed errors and a clock.
//!
//! The limit on bytes is core's part. Here: how long a client may be silent while somebody waits for it, how large
//! trailers may be, what hyper's errors mean, and the raw bytes that follow an accepted upgrade.
//!
//! Invariant: a body that broke off is never taken for one that ended.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Incoming;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::HeaderMap;
use rsgi_core::http_body::{Body, Frame};
use rsgi_core::server::Config;
use rsgi_core::{Exchange, Input, InputError, InputErrorKind, InputLength, InputSource};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use crate::unread::Unread;

/// What bounds a request's body beside its limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    progress: Option<Duration>,
    trailer_bytes: usize,
    limit: Option<u64>,
}

impl Bounds {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            progress: config.timeouts.body_progress,
            trailer_bytes: config.limits.trailer_bytes,
            limit: config.limits.body_bytes,
        }
    }

    /// Makes the input of a request that can't be upgraded.
    pub(crate) fn input(self, body: Incoming, unread: Arc<Unread>) -> Input {
        let length = length_of(&body);
        Input::new(IncomingSource::new(body, self, unread), length, self.limit)
    }

    /// Makes the input of a request that may be upgraded: after that the bytes come through `raw`. Its own content can be
    /// taken away then, as nobody may poll the input before hyper has handed the stream over.
    pub(crate) fn upgradable(
        self,
        body: Incoming,
        unread: Arc<Unread>,
        exchange: Arc<Exchange>,
        raw: mpsc::Receiver<Bytes>,
    ) -> (Input, Before) {
        let source = IncomingSource::new(body, self, unread);
        let before = Before(Arc::new(Mutex::new(Some(source))));
        let source = UpgradableSource { before: Some(before.clone()), exchange, raw };
        (Input::new(source, InputLength::Unknown, None), before)
    }
}

/// The content that a request has before its upgrade; nothing once it was read, or let go of.
#[derive(Clone)]
pub(crate) struct Before(Arc<Mutex<Option<IncomingSource>>>);

impl Before {
    /// Lets go of what is unread of it: that isn't part of the stream.
    pub(crate) fn leave(&self) {
        let unread = self.lock().take();
        drop(unread);
    }

    fn poll_frame(&self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        let mut source = self.lock();
        match source.as_mut() {
            Some(source) => Pin::new(source).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<IncomingSource>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Before {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Before(..)")
    }
}

fn length_of(body: &Incoming) -> InputLength {
    body.size_hint().exact().map_or(InputLength::Unknown, InputLength::Known)
}

struct IncomingSource {
    /// `None` once it broke, or was left to be thrown away.
    body: Option<Incoming>,
    bounds: Bounds,
    /// Taken over or made when somebody waits for the first time. It may ring too early, never too late.
    silence: Option<Pin<Box<Sleep>>>,
    /// When the wait began that goes on.
    since: Option<Instant>,
    unread: Arc<Unread>,
}

impl IncomingSource {
    fn new(body: Incoming, bounds: Bounds, unread: Arc<Unread>) -> Self {
        unread.set_left(!body.is_end_stream());
        Self { body: Some(body), bounds, silence: None, since: None, unread }
    }

    /// To set a timer may wake the reactor by a system call, so the one of the connection's last body goes on, and is
    /// set anew only when it rings.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<InputError> {
        let Some(progress) = self.bounds.progress else { return Poll::Pending };
        let deadline = *self.since.get_or_insert_with(Instant::now) + progress;
        let silence = self.silence.get_or_insert_with(|| {
            self.unread.take_clock().unwrap_or_else(|| Box::pin(tokio::time::sleep_until(deadline)))
        });
        loop {
            ready!(silence.as_mut().poll(context));
            if Instant::now() >= deadline {
                return Poll::Ready(InputError::new(InputErrorKind::TimedOut));
            }
            silence.as_mut().reset(deadline);
        }
    }

    fn check_trailers(&self, trailers: &HeaderMap) -> Result<(), InputError> {
        // Name, colon, space, value, CR and LF.
        let bytes: usize = trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if bytes > self.bounds.trailer_bytes {
            return Err(InputError::new(InputErrorKind::Malformed)
                .with_source("trailers over the limit `trailer_bytes`"));
        }
        Ok(())
    }
}

impl Drop for IncomingSource {
    fn drop(&mut self) {
        if let Some(clock) = self.silence.take() {
            self.unread.keep_clock(clock);
        }
        if let Some(body) = self.body.take() {
            self.unread.leave(body);
        }
    }
}

impl InputSource for IncomingSource {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) else {
            return this.poll_silence(context).map(|error| Some(Err(error)));
        };
        this.since = None;
        if frame.is_none() || body.is_end_stream() {
            this.unread.set_left(false);
        }
        if matches!(frame, Some(Err(_))) {
            this.body = None;
        }
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(|error| InputError::new(kind_of(&error)).with_source(error))?;
            if let Some(trailers) = frame.trailers_ref() {
                this.check_trailers(trailers)?;
            }
            Ok(frame)
        }))
    }
}

struct UpgradableSource {
    /// The body that the request itself has; `None` at its end.
    before: Option<Before>,
    exchange: Arc<Exchange>,
    raw: mpsc::Receiver<Bytes>,
}

impl InputSource for UpgradableSource {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        if let Some(before) = &mut self.before {
            match ready!(before.poll_frame(context)) {
                None => self.before = None,
                frame => return Poll::Ready(frame),
            }
        }
        if !self.exchange.is_upgraded() {
            return Poll::Ready(None);
        }
        self.raw.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// What an error of hyper's body means to who reads it.
fn kind_of(error: &hyper::Error) -> InputErrorKind {
    if error.is_incomplete_message() {
        return InputErrorKind::Truncated;
    }
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => InputErrorKind::Truncated,
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => InputErrorKind::Malformed,
                _ => InputErrorKind::Disconnected,
            };
        }
        source = error.source();
    }
    InputErrorKind::Disconnected
}
