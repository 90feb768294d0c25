//! An answer's body as hyper takes it on HTTP/2; on HTTP/1 it is core's as it is.
//!
//! It comes in small pieces, so that the client's window holds it back, and knows when the stream is over.
//!
//! Invariant: dropping it drops core's body.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rsgi_core::bytes::Bytes;
use rsgi_core::http_body::{Body, Frame, SizeHint};
use rsgi_core::{Outgoing, OutgoingError};

use crate::http2::streams::Stream;

/// The body of an answer on HTTP/2.
#[derive(Debug)]
pub(crate) struct Http2Body {
    /// `None` if the stream has been taken over.
    outgoing: Option<Outgoing>,
    /// What is left of a large piece.
    rest: Bytes,
    /// An error that waits until what came before it is flushed.
    held: Option<Held>,
    stream: Arc<Stream>,
}

impl Http2Body {
    pub(crate) fn new(outgoing: Outgoing, stream: Arc<Stream>) -> Self {
        if outgoing.is_end_stream() {
            stream.ended();
        }
        Self { outgoing: Some(outgoing), rest: Bytes::new(), held: None, stream }
    }

    pub(crate) fn empty(stream: Arc<Stream>) -> Self {
        Self { outgoing: None, rest: Bytes::new(), held: None, stream }
    }

    fn piece(&mut self, mut bytes: Bytes) -> Frame<Bytes> {
        self.rest = if bytes.len() > PIECE { bytes.split_off(PIECE) } else { Bytes::new() };
        if self.is_end_stream() {
            self.stream.ended();
        }
        Frame::data(bytes)
    }
}

impl Body for Http2Body {
    type Data = Bytes;
    type Error = OutgoingError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutgoingError>>> {
        let this = &mut *self;
        if !this.rest.is_empty() {
            let rest = std::mem::take(&mut this.rest);
            return Poll::Ready(Some(Ok(this.piece(rest))));
        }
        if let Some(held) = &mut this.held {
            ready!(this.stream.poll_flushed(held.flushes, context));
            if held.nudges > 0 {
                return Poll::Ready(Some(Ok(held.nudge(&this.stream))));
            }
            return Poll::Ready(this.held.take().map(|held| Err(held.error)));
        }
        let Some(outgoing) = &mut this.outgoing else { return Poll::Ready(None) };
        match ready!(Pin::new(outgoing).poll_frame(context)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(match frame.into_data() {
                Ok(bytes) => this.piece(bytes),
                Err(trailers) => {
                    this.stream.ended();
                    trailers
                }
            }))),
            Some(Err(error)) => {
                this.stream.failed();
                let held = this.held.insert(Held { error, nudges: NUDGES, flushes: 0 });
                Poll::Ready(Some(Ok(held.nudge(&this.stream))))
            }
            None => {
                this.stream.ended();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
            && self.held.is_none()
            && self.outgoing.as_ref().is_none_or(Outgoing::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let Some(outgoing) = &self.outgoing else { return SizeHint::with_exact(0) };
        match outgoing.size_hint().exact() {
            Some(exact) => SizeHint::with_exact(exact + self.rest.len() as u64),
            None => SizeHint::default(),
        }
    }
}

/// An error behind pieces that h2 may not have written yet: a reset would throw them away.
#[derive(Debug)]
struct Held {
    error: OutgoingError,
    /// Empty pieces that are still to be given.
    nudges: u8,
    /// How often the connection had flushed before the last one.
    flushes: u64,
}

impl Held {
    /// An empty piece, which makes the connection flush, whatever was flushed by now.
    fn nudge(&mut self, stream: &Stream) -> Frame<Bytes> {
        self.nudges -= 1;
        self.flushes = stream.flushes();
        Frame::data(Bytes::new())
    }
}

/// The first flush behind an error may have begun, on another thread, before the last piece was there. The second began
/// when that was over.
const NUDGES: u8 = 2;

/// The most bytes that go to h2 at once: a frame of the usual size.
const PIECE: usize = 16 * 1024;
