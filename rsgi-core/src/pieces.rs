//! A body given in pieces of a bounded size, for a protocol engine that copies what it is given.
//!
//! Such an engine would else hold a copy of any answer in memory, however large, for a client that doesn't read. Made
//! by [`Outgoing::in_pieces`]; boxed there, so that small answers don't carry it along.
//!
//! Invariant: the remainder is over only when the engine has been given the last piece.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::outgoing::Outgoing;
use crate::outgoing_error::OutgoingError;

/// Tells an adapter how far a body in pieces has come: the answer's having ended says only that the app's part is over.
#[derive(Debug, Clone)]
pub struct Remainder(Arc<AtomicBool>);

impl Remainder {
    /// Tells whether the last piece has been given.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) outgoing: Outgoing,
    most: usize,
    /// What is left of a piece that was too large.
    rest: Bytes,
    remainder: Remainder,
}

impl Pieces {
    pub(crate) fn new(outgoing: Outgoing, most: usize) -> (Self, Remainder) {
        let remainder = Remainder(Arc::new(AtomicBool::new(outgoing.is_end_stream())));
        (Self { outgoing, most: most.max(1), rest: Bytes::new(), remainder: remainder.clone() }, remainder)
    }

    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutgoingError>>> {
        let frame = if self.rest.is_empty() {
            ready!(Pin::new(&mut self.outgoing).poll_frame(context))
        } else {
            Some(Ok(Frame::data(std::mem::take(&mut self.rest))))
        };
        let frame = frame.map(|frame| frame.map(|frame| self.cut(frame)));
        self.remainder.0.store(frame.is_none() || self.is_over(), Ordering::Release);
        Poll::Ready(frame)
    }

    fn cut(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        match frame.into_data() {
            Ok(mut data) => {
                if data.len() > self.most {
                    self.rest = data.split_off(self.most);
                }
                Frame::data(data)
            }
            Err(trailers) => trailers,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.rest.is_empty() && self.outgoing.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match self.outgoing.size_hint().exact() {
            Some(exact) => SizeHint::with_exact(exact + self.rest.len() as u64),
            None => SizeHint::default(),
        }
    }
}
