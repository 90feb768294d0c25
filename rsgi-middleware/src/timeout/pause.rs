//! The time between the pieces of a body.
//!
//! A body that is polled is wrapped, and ends with an error when a piece is late. One that blocks can't be ended from
//! outside: it is watched, and the token says that time is up.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rsgi_core::bytes::Bytes;
use rsgi_core::http_body::{Frame, SizeHint};
use rsgi_core::{Body, Error, Exchange, Pulled, Seen, Started};

use super::clock::{Bell, Clock};

/// Bounds the pauses of an answer's body, if there is a bound.
pub(super) fn bound(
    mut started: Started,
    pause: Option<Duration>,
    clock: &Arc<Clock>,
    exchange: &Arc<Exchange>,
) -> Started {
    let Some(pause) = pause else { return started };
    // What is in memory has no pauses, and who has the stream may be silent.
    let in_memory = started.body().as_bytes().is_some() || started.body().length() == Some(0);
    if in_memory || started.is_upgrade() {
        return started;
    }
    let announced = started.body().announced_trailers().to_vec();
    let body = started.take_body();
    let length = body.length();
    let body = match body.into_polled() {
        Ok(inner) => Body::http(Bounded { inner, pause, clock: Arc::clone(clock), bell: None }),
        Err(body) => return put(started, watched(body, pause, clock, exchange)),
    };
    let body = if announced.is_empty() { body } else { body.announce_trailers(announced) };
    let body = match length {
        Some(length) => body.with_length(length),
        None => body,
    };
    put(started, body)
}

/// Puts the body back where it was; a declared length stays true.
fn put(mut started: Started, body: Body) -> Started {
    let declared = started.headers().get(rsgi_core::http::header::CONTENT_LENGTH).cloned();
    started = started.map_body(|_| body);
    if let Some(declared) = declared {
        // It was accepted there before.
        let _accepted = started.fields_mut().insert(rsgi_core::http::header::CONTENT_LENGTH, declared);
    }
    started
}

/// A body whose producer blocks: told by its token. Of one that pushes, only the first piece is asked for.
fn watched(body: Body, pause: Duration, clock: &Arc<Clock>, exchange: &Arc<Exchange>) -> Body {
    let (clock, exchange) = (Arc::clone(clock), Arc::clone(exchange));
    let mut bell = None;
    body.watch(move |seen: Seen<'_>| {
        let next = match seen {
            Seen::Asked { .. } => {
                Instant::now().checked_add(pause).map(|at| clock.set(at, Some(Arc::clone(&exchange))))
            }
            // What comes after a piece may be the client's time, not the producer's.
            _ => None,
        };
        drop(std::mem::replace(&mut bell, next));
    })
}

/// A body whose pauses are bounded.
struct Bounded {
    inner: Pulled,
    pause: Duration,
    clock: Arc<Clock>,
    /// Of the pause that goes on.
    bell: Option<Bell>,
}

impl rsgi_core::http_body::Body for Bounded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            this.bell = None;
            return Poll::Ready(frame);
        }
        if this.bell.is_none() {
            this.bell = Instant::now().checked_add(this.pause).map(|at| this.clock.set(at, None));
        }
        match &this.bell {
            Some(bell) if bell.poll(context.waker()) => {
                this.bell = None;
                Poll::Ready(Some(Err(PieceLate(this.pause).into())))
            }
            _ => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Why such a body ended.
#[derive(Debug)]
struct PieceLate(Duration);

impl fmt::Display for PieceLate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the body's next piece took longer than {:?} (`Timeout::between_pieces`)", self.0)
    }
}

impl std::error::Error for PieceLate {}
