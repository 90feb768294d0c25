//! An answer's body as hyper takes it on HTTP/1: small pieces by hyper, large ones round it.
//!
//! hyper either queues what it is given, which makes small pieces dear, or copies it, which makes large ones dear; which
//! is decided for the connection, before there is an answer. Here it copies, and a large piece of a known length goes
//! straight to the transport: hyper is given a [`Piece`] that counts as so many bytes and has none to copy. Measured by
//! the benchmark's `big` and `stream`.
//!
//! Invariant: while the transport holds a large piece, hyper is given nothing that would follow it. So what hyper has
//! is always before it.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use rsgi_core::bytes::{Buf, Bytes};
use rsgi_core::http_body::{Body, Frame, SizeHint};
use rsgi_core::{Outgoing, OutgoingError};

/// The body of an answer on HTTP/1.
#[derive(Debug)]
pub(crate) struct Http1Body {
    outgoing: Outgoing,
    /// Where large pieces go, if they don't go through hyper.
    large: Option<Arc<Large>>,
}

impl Http1Body {
    #[inline(always)]
    pub(crate) fn new(outgoing: Outgoing, large: Option<Arc<Large>>) -> Self {
        Self { outgoing, large }
    }

    #[cold]
    fn poll_large(
        &mut self,
        large: &Large,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, OutgoingError>>> {
        if large.is_left() {
            // Whoever drives the connection goes on with it until it is written, or the client takes no more.
            return Poll::Pending;
        }
        let frame = ready!(Pin::new(&mut self.outgoing).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| match frame.into_data() {
                Ok(bytes) if bytes.len() >= LARGE => Frame::data(large.put(bytes)),
                Ok(bytes) => Frame::data(Piece::from(bytes)),
                Err(trailers) => trailers.map_data(Piece::from),
            })
        }))
    }
}

impl Body for Http1Body {
    type Data = Piece;
    type Error = OutgoingError;

    #[inline]
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, OutgoingError>>> {
        if let Some(large) = self.large.clone() {
            return self.poll_large(&large, context);
        }
        let frame = ready!(Pin::new(&mut self.outgoing).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(Piece::from))))
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.outgoing.is_end_stream()
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        self.outgoing.size_hint()
    }
}

/// Bytes for hyper, or the length of what goes round it.
#[derive(Debug)]
pub(crate) struct Piece {
    bytes: Bytes,
    /// Counts until hyper looks at the bytes, of which there are none then.
    elsewhere: Cell<usize>,
}

impl From<Bytes> for Piece {
    #[inline]
    fn from(bytes: Bytes) -> Self {
        Self { bytes, elsewhere: Cell::new(0) }
    }
}

impl Buf for Piece {
    #[inline]
    fn remaining(&self) -> usize {
        self.bytes.len() + self.elsewhere.get()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        self.elsewhere.set(0);
        &self.bytes
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

/// The large piece that is between a body and the transport.
#[derive(Debug, Default)]
pub(crate) struct Large(Mutex<Bytes>);

impl Large {
    fn put(&self, bytes: Bytes) -> Piece {
        let elsewhere = Cell::new(bytes.len());
        *self.lock() = bytes;
        Piece { bytes: Bytes::new(), elsewhere }
    }

    /// Whether something of it is left to write.
    pub(crate) fn is_left(&self) -> bool {
        !self.lock().is_empty()
    }

    /// What is left to write.
    pub(crate) fn bytes(&self) -> Bytes {
        self.lock().clone()
    }

    /// So many bytes of it were written.
    pub(crate) fn wrote(&self, count: usize) {
        let mut bytes = self.lock();
        if count == bytes.len() {
            // Lets go of the memory.
            *bytes = Bytes::new();
        } else {
            bytes.advance(count);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From so many bytes on a piece goes round hyper: a system call more for it costs less than copying it.
pub(crate) const LARGE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_piece_counts_and_has_nothing_to_copy() {
        let large = Large::default();
        let piece = large.put(Bytes::from(vec![b'x'; LARGE]));
        assert_eq!(piece.remaining(), LARGE);
        assert!(piece.chunk().is_empty());
        assert_eq!(piece.remaining(), 0, "what it says then agrees with what it shows");
        large.wrote(LARGE - 1);
        assert_eq!(large.bytes(), "x");
        large.wrote(1);
        assert!(!large.is_left());
    }
}
