//! An answer's body as hyper takes it on HTTP/2; on HTTP/1 it is core's as it is.
//!
//! It comes in pieces of a frame at most, so that the client's window holds it back, and in few small ones
//! (`http2/paced.rs`); and it knows when the stream is over. A
//! [`Piece`] tells its stream how much of it h2 has written: nothing else could tell what was sent from what waits for a
//! client's window.
//!
//! Invariant: dropping it drops core's body; a piece is counted from being given to being dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rsgi_core::bytes::{Buf, Bytes};
use rsgi_core::http_body::{Body, Frame, SizeHint};
use rsgi_core::{Outgoing, OutgoingError};

use crate::http2::paced::{ENOUGH, Paced};
use crate::http2::streams::Stream;

/// The body of an answer on HTTP/2.
#[derive(Debug)]
pub(crate) struct Http2Body {
    /// `None` if the stream has been taken over.
    outgoing: Option<Paced>,
    /// What is left of content that is in memory, or of a large piece.
    rest: Bytes,
    /// An error that waits until what came before it is flushed.
    held: Option<Held>,
    stream: Arc<Stream>,
}

impl Http2Body {
    pub(crate) fn new(mut outgoing: Outgoing, stream: Arc<Stream>) -> Self {
        let rest = outgoing.take_bytes().unwrap_or_default();
        if !outgoing.is_end_stream() {
            // Small ones joined, too: what comes as one frame needn't be paced.
            outgoing.in_pieces(&(ENOUGH..=PIECE));
        } else if rest.is_empty() {
            stream.ended();
        }
        Self { outgoing: Some(Paced::new(outgoing)), rest, held: None, stream }
    }

    pub(crate) fn empty(stream: Arc<Stream>) -> Self {
        Self { outgoing: None, rest: Bytes::new(), held: None, stream }
    }

    fn piece(&mut self, mut bytes: Bytes) -> Frame<Piece> {
        self.rest = if bytes.len() > PIECE { bytes.split_off(PIECE) } else { Bytes::new() };
        if self.is_end_stream() {
            self.stream.ends();
        }
        Frame::data(Piece::new(bytes, &self.stream))
    }
}

impl Body for Http2Body {
    type Data = Piece;
    type Error = OutgoingError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, OutgoingError>>> {
        let this = &mut *self;
        if !this.rest.is_empty() {
            let rest = std::mem::take(&mut this.rest);
            return Poll::Ready(Some(Ok(this.piece(rest))));
        }
        if let Some(held) = &mut this.held {
            ready!(held.poll_flushed(&this.stream, context));
            return Poll::Ready(this.held.take().map(|held| Err(held.error)));
        }
        let Some(outgoing) = &mut this.outgoing else { return Poll::Ready(None) };
        match ready!(outgoing.poll_frame(context)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(match frame.into_data() {
                Ok(bytes) => this.piece(bytes),
                Err(trailers) => {
                    this.stream.ended();
                    trailers.map_data(|bytes| Piece::new(bytes, &this.stream))
                }
            }))),
            Some(Err(error)) => {
                this.stream.failed();
                let held = this.held.insert(Held { error, awaited: FLUSHES, before: this.stream.flush() });
                ready!(held.poll_flushed(&this.stream, context));
                Poll::Ready(this.held.take().map(|held| Err(held.error)))
            }
            None => {
                this.stream.ended();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.held.is_none() && self.outgoing.as_ref().is_none_or(Paced::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let Some(outgoing) = &self.outgoing else { return SizeHint::with_exact(0) };
        match outgoing.size_hint().exact() {
            Some(exact) => SizeHint::with_exact(exact + self.rest.len() as u64),
            None => SizeHint::default(),
        }
    }
}

/// Bytes on their way through h2, which are dropped once they are written, or because they never will be.
#[derive(Debug)]
pub(crate) struct Piece {
    bytes: Bytes,
    stream: Arc<Stream>,
}

impl Piece {
    fn new(bytes: Bytes, stream: &Arc<Stream>) -> Self {
        stream.gave(bytes.len());
        Self { bytes, stream: Arc::clone(stream) }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if count > 0 {
            self.stream.wrote(count);
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.stream.let_go();
    }
}

/// An error behind pieces that h2 may not have written yet: a reset would throw them away.
#[derive(Debug)]
struct Held {
    error: OutgoingError,
    /// Flushes that are still to come.
    awaited: u8,
    /// How often the connection had flushed before it was asked for the next.
    before: u64,
}

impl Held {
    /// Waits until the connection has flushed what was given before the error.
    fn poll_flushed(&mut self, stream: &Stream, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(stream.poll_flushed(self.before, context));
            self.awaited -= 1;
            if self.awaited == 0 {
                return Poll::Ready(());
            }
            self.before = stream.flush();
        }
    }
}

/// The first flush behind an error may have begun, on another thread, before the last piece was there. The second began
/// when that was over.
const FLUSHES: u8 = 2;

/// The most bytes that go to h2 at once: a frame of the usual size.
const PIECE: usize = 16 * 1024;
