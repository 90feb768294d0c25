//! A body given in pieces that are neither large nor, where several are there, small: for a protocol engine that copies
//! what it is given.
//!
//! Such an engine would else hold a copy of any answer in memory, however large, for a client that doesn't read; and a
//! small piece costs it more than copying does (benches, `rsgi-hyper-stream`). Made by [`Outgoing::in_pieces`]; boxed
//! there, so that small answers don't carry it along.
//!
//! Invariants: the remainder is over only when the engine has been given the last piece. No piece waits here for one that
//! isn't there yet (an adapter may have it wait, by a clock of its own), and an error never comes in the turn of a piece.

use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
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
    /// Small pieces are gathered until they come to so many bytes.
    least: usize,
    most: usize,
    /// What is left of a piece that was too large.
    rest: Bytes,
    /// The memory in which small pieces are gathered.
    gathered: BytesMut,
    /// What came behind small pieces that were gathered, and has yet to be given.
    behind: Option<Box<Result<Frame<Bytes>, OutgoingError>>>,
    /// The engine was given something and hasn't been told to wait since.
    gave: bool,
    remainder: Remainder,
}

type Given = Option<Result<Frame<Bytes>, OutgoingError>>;

impl Pieces {
    pub(crate) fn new(outgoing: Outgoing, sizes: &RangeInclusive<usize>) -> (Self, Remainder) {
        let remainder = Remainder(Arc::new(AtomicBool::new(outgoing.is_end_stream())));
        let pieces = Self {
            outgoing,
            least: *sizes.start(),
            most: (*sizes.end()).max(1),
            rest: Bytes::new(),
            gathered: BytesMut::new(),
            behind: None,
            gave: false,
            remainder: remainder.clone(),
        };
        (pieces, remainder)
    }

    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Given> {
        let given = self.poll_next(context);
        match &given {
            Poll::Ready(Some(Ok(_))) => self.gave = true,
            Poll::Ready(Some(Err(_))) if std::mem::take(&mut self.gave) => {
                // Kept back for one turn, so that what came before is flushed.
                if let Poll::Ready(error) = given {
                    self.behind = error.map(Box::new);
                }
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(_) => {}
            Poll::Pending => {
                self.gave = false;
                return Poll::Pending;
            }
        }
        let is_end = matches!(given, Poll::Ready(None));
        self.remainder.0.store(is_end || self.is_over(), Ordering::Release);
        given
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Given> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(self.cut(rest))));
        }
        let frame = match self.behind.take() {
            Some(frame) => Some(*frame),
            None => ready!(Pin::new(&mut self.outgoing).poll_frame(context)),
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(match frame.into_data() {
                Ok(data) if self.is_small(&data) => Frame::data(self.gather(data, context)),
                Ok(data) => self.cut(data),
                Err(trailers) => trailers,
            })),
            other => other,
        })
    }

    /// Adds to a small piece what is there without waiting: an engine has more work with a piece than copying it is.
    fn gather(&mut self, first: Bytes, context: &mut Context<'_>) -> Bytes {
        let mut alone = Some(first);
        while self.gathered.len() < self.least {
            let Poll::Ready(Some(frame)) = Pin::new(&mut self.outgoing).poll_frame(context) else { break };
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) if self.is_small(&data) => {
                    if let Some(first) = alone.take() {
                        self.gathered.reserve(self.least + SMALL);
                        self.gathered.extend_from_slice(&first);
                    }
                    self.gathered.extend_from_slice(&data);
                    continue;
                }
                Ok(Ok(data)) => self.behind = Some(Box::new(Ok(Frame::data(data)))),
                Ok(Err(trailers)) => self.behind = Some(Box::new(Ok(trailers))),
                Err(error) => self.behind = Some(Box::new(Err(error))),
            }
            break;
        }
        alone.unwrap_or_else(|| self.gathered.split().freeze())
    }

    fn is_small(&self, data: &Bytes) -> bool {
        data.len() < self.least.min(SMALL)
    }

    fn cut(&mut self, mut data: Bytes) -> Frame<Bytes> {
        if data.len() > self.most {
            self.rest = data.split_off(self.most);
        }
        Frame::data(data)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.rest.is_empty() && self.behind.is_none() && self.outgoing.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let behind = self.behind.as_deref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        match self.outgoing.size_hint().exact() {
            Some(exact) => {
                SizeHint::with_exact(exact + (self.rest.len() + behind.map_or(0, Bytes::len)) as u64)
            }
            None => SizeHint::default(),
        }
    }
}

/// From here on a piece is never copied, whatever is the least.
const SMALL: usize = 4 * 1024;
