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
use rsgi_core::{Framing, Outgoing, OutgoingError};

/// The body of an answer on HTTP/1; small, since an answer is moved several times on its way through hyper.
#[derive(Debug)]
pub(crate) struct Http1Body {
    /// All there is, if nothing is further.
    bytes: Bytes,
    further: Option<Box<Further>>,
}

/// A body that isn't all in memory, or is large, or changes the connection.
#[derive(Debug)]
struct Further {
    outgoing: Outgoing,
    /// Large pieces go round hyper.
    large: Option<Arc<Large>>,
}

type Given = Option<Result<Frame<Piece>, OutgoingError>>;

impl From<Outgoing> for Http1Body {
    #[inline(always)]
    fn from(mut outgoing: Outgoing) -> Self {
        if matches!(outgoing.framing(), Framing::Length(bytes) if bytes <= PIECE as u64)
            && !outgoing.close_after()
            && let Some(bytes) = outgoing.take_bytes()
        {
            // Nothing is left in it to drop.
            std::mem::forget(outgoing);
            return Self { bytes, further: None };
        }
        Self::further(outgoing)
    }
}

impl Http1Body {
    #[cold]
    #[inline(never)]
    fn further(outgoing: Outgoing) -> Self {
        Self { bytes: Bytes::new(), further: Some(Box::new(Further { outgoing, large: None })) }
    }

    /// Has large pieces go round hyper.
    pub(crate) fn go_round(&mut self, large: Arc<Large>) {
        if let Some(further) = &mut self.further {
            further.large = Some(large);
        }
    }

    /// Whether it is more than a few bytes in memory.
    #[inline(always)]
    pub(crate) fn is_further(&self) -> bool {
        self.further.is_some()
    }

    /// Core's body, if it is more than a few bytes in memory.
    pub(crate) fn outgoing_mut(&mut self) -> Option<&mut Outgoing> {
        self.further.as_mut().map(|further| &mut further.outgoing)
    }

    /// How its content is framed.
    pub(crate) fn framing(&self) -> Framing {
        match &self.further {
            Some(further) => further.outgoing.framing(),
            None => Framing::Length(self.bytes.len() as u64),
        }
    }

    /// Whether the app wants the connection closed after it.
    pub(crate) fn close_after(&self) -> bool {
        self.further.as_ref().is_some_and(|further| further.outgoing.close_after())
    }
}

impl Further {
    #[inline(never)]
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Given> {
        if self.large.as_ref().is_some_and(|large| large.is_left()) {
            // Whoever drives the connection goes on with it until it is written, or the client takes no more.
            return Poll::Pending;
        }
        let frame = ready!(Pin::new(&mut self.outgoing).poll_frame(context));
        let give = |bytes: Bytes| match &self.large {
            Some(large) if bytes.len() >= LARGE => large.put(bytes),
            _ => Piece::from(bytes),
        };
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(give))))
    }
}

impl Body for Http1Body {
    type Data = Piece;
    type Error = OutgoingError;

    #[inline]
    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Given> {
        if let Some(further) = &mut self.further {
            return further.poll_frame(context);
        }
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(Piece::from(bytes)))))
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match &self.further {
            Some(further) => further.outgoing.is_end_stream(),
            None => self.bytes.is_empty(),
        }
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        match &self.further {
            Some(further) => further.outgoing.size_hint(),
            None => SizeHint::with_exact(self.bytes.len() as u64),
        }
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

/// The most bytes given to hyper at once, of what doesn't go round it. It copies them into its buffer, which for small
/// answers costs less than gathering them (benches, `instructions`), and would copy an answer of any size.
pub(crate) const PIECE: usize = 32 * 1024;

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
