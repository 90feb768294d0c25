//! An answer's body whose small pieces are joined before they become frames of HTTP/2.
//!
//! A frame of a few bytes costs its receiver more than it brings, and one that guards itself, as the h2 crate does, ends
//! a connection on which too many of them wait to be read. Nothing waits to be joined: what is ready is taken, and sent
//! as it is once nothing more is.
//!
//! Invariant: what came behind a joined piece is kept and comes next, so pieces, trailers and errors stay in their order.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rsgi_core::bytes::{Bytes, BytesMut};
use rsgi_core::http_body::{Body, Frame, SizeHint};
use rsgi_core::{Outgoing, OutgoingError};

type Item = Option<Result<Frame<Bytes>, OutgoingError>>;

/// Core's body, joined.
#[derive(Debug)]
pub(crate) struct Gathered {
    outgoing: Outgoing,
    /// What was found behind a small piece.
    next: Option<Item>,
}

impl Gathered {
    pub(crate) fn new(outgoing: Outgoing) -> Self {
        Self { outgoing, next: None }
    }

    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Item> {
        let item = match self.next.take() {
            Some(item) => item,
            None => ready!(Pin::new(&mut self.outgoing).poll_frame(context)),
        };
        let Some(Ok(frame)) = item else { return Poll::Ready(item) };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(piece) if piece.len() < ENOUGH && !self.outgoing.is_end_stream() => {
                Frame::data(self.gather(piece, context))
            }
            Ok(piece) => Frame::data(piece),
            Err(trailers) => trailers,
        })))
    }

    /// Joins a small piece with those behind it that are small and ready.
    fn gather(&mut self, first: Bytes, context: &mut Context<'_>) -> Bytes {
        let mut joined = BytesMut::new();
        // So many pieces at most: those that are empty bring it no nearer.
        for _ in 0..ENOUGH {
            let Poll::Ready(item) = Pin::new(&mut self.outgoing).poll_frame(context) else { break };
            match item {
                Some(Ok(frame)) if frame.data_ref().is_some_and(|piece| piece.len() < ENOUGH) => {
                    let Ok(piece) = frame.into_data() else { break };
                    if joined.is_empty() {
                        joined.reserve(2 * ENOUGH);
                        joined.extend_from_slice(&first);
                    }
                    joined.extend_from_slice(&piece);
                    if joined.len() >= ENOUGH {
                        break;
                    }
                }
                behind => {
                    self.next = Some(behind);
                    break;
                }
            }
        }
        if joined.is_empty() { first } else { joined.freeze() }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        match &self.next {
            Some(item) => item.is_none(),
            None => self.outgoing.is_end_stream(),
        }
    }

    /// What is still to come, what was found ahead included.
    pub(crate) fn size_hint(&self) -> SizeHint {
        let ahead = match &self.next {
            Some(Some(Ok(frame))) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        match self.outgoing.size_hint().exact() {
            Some(exact) => SizeHint::with_exact(exact + ahead as u64),
            None => SizeHint::default(),
        }
    }
}

/// From so many bytes on a piece is a frame of its own.
const ENOUGH: usize = 1024;
