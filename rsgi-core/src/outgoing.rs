//! A finished answer's body, as an adapter sees it: counted, bounded by its declared length, dropped exactly once.
//!
//! An async adapter polls it as an `http_body::Body`; a blocking one takes whole content by
//! [`Outgoing::take_bytes`], drives what blocks by [`Outgoing::write_to`], and polls the rest. An error comes only
//! after one `Pending`, so that what was produced before it, the head included, is flushed first.

use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderName;
use http_body::{Frame, SizeHint};

use crate::body::{Body, FileBody, Kind, Sink, Source};
use crate::closing::close;
use crate::exchange::Exchange;
use crate::live::Live;
use crate::live_source::LiveSource;
use crate::offload::Offload;
use crate::outgoing_error::OutgoingError;
use crate::pieces::{Pieces, Remainder};
use crate::upgrade::UpgradeKind;

/// How the protocol is to frame the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// No content and no length field of the server's: HEAD, 204, 304. What the fields say, stays.
    None,
    /// Exactly so many bytes; `Content-Length` is added unless the fields have it.
    Length(u64),
    /// The protocol's own framing: chunked, or until close on HTTP/1.0, or the stream's end on HTTP/2.
    Unknown,
    /// The raw outbound half of an upgraded stream.
    Upgraded(UpgradeKind),
}

/// Whether a body's trailers are handed to the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TrailerRule {
    Send,
    /// Those that were announced, as on HTTP/1.1 (RFC 9110 section 6.6.2).
    Announced(Vec<HeaderName>),
    Drop,
}

#[derive(Debug)]
enum Rare {
    /// No content, though a length is told.
    Claimed(u64),
    Pieces(Pieces),
}

impl Rare {
    #[cold]
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, OutgoingError>>> {
        match self {
            Self::Claimed(_) => Poll::Ready(None),
            Self::Pieces(pieces) => pieces.poll_frame(context),
        }
    }

    #[cold]
    fn is_over(&self) -> bool {
        match self {
            Self::Claimed(_) => false,
            Self::Pieces(pieces) => pieces.is_over(),
        }
    }

    #[cold]
    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Claimed(length) => SizeHint::with_exact(*length),
            Self::Pieces(pieces) => pieces.size_hint(),
        }
    }
}

#[derive(Debug)]
enum State {
    Done,
    Whole(Bytes),
    Live(Box<Live>),
    /// What few answers need, in one variant, since every answer pays for their number.
    Rare(Box<Rare>),
}

/// The body of a finished answer.
#[derive(Debug)]
pub struct Outgoing {
    state: State,
    framing: Framing,
    close: bool,
    head_at_once: bool,
}

impl Outgoing {
    #[inline]
    pub(crate) fn nothing(framing: Framing) -> Self {
        Self { state: State::Done, framing, close: false, head_at_once: false }
    }

    #[inline(always)]
    pub(crate) fn whole(bytes: Bytes, exchange: &Exchange) -> Self {
        let framing = Framing::Length(bytes.len() as u64);
        exchange.whole(bytes.len() as u64);
        Self { state: State::Whole(bytes), framing, close: false, head_at_once: false }
    }

    pub(crate) fn live(
        source: Source,
        length: Option<u64>,
        trailers: TrailerRule,
        exchange: &Arc<Exchange>,
    ) -> Self {
        let framing = length.map_or(Framing::Unknown, Framing::Length);
        let live = Live::new(source, length, trailers, Arc::clone(exchange));
        Self { state: State::Live(Box::new(live)), framing, close: false, head_at_once: false }
    }

    pub(crate) fn upgraded(body: Body, kind: UpgradeKind, exchange: &Arc<Exchange>) -> Self {
        let mut outgoing = match body.0 {
            Kind::Empty => Self::nothing(Framing::None),
            Kind::Bytes(bytes) => Self::whole(bytes, exchange),
            Kind::Streaming(streaming) => Self::live(streaming.source, None, TrailerRule::Drop, exchange),
        };
        outgoing.framing = Framing::Upgraded(kind);
        outgoing
    }

    #[inline(always)]
    pub(crate) fn options(&mut self, close: bool, head_at_once: bool) {
        self.close = close;
        self.head_at_once = head_at_once;
    }

    /// How the protocol is to frame the content.
    #[must_use]
    #[inline]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Tells whether the connection is to be closed after this answer, by the app's wish or for a broken input.
    #[must_use]
    #[inline]
    pub fn close_after(&self) -> bool {
        self.close
    }

    /// Tells whether the app asks for the head before the first piece of the body is there.
    #[must_use]
    pub fn head_at_once(&self) -> bool {
        self.head_at_once
    }

    /// Takes the body out, leaving one without content; for an adapter that sends it apart from its head.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self::nothing(Framing::None))
    }

    /// Has a body without content give `length` as its size: for a protocol engine that keeps the `Content-Length` of
    /// a 304 only if the body agrees, and then doesn't ask for a frame.
    pub fn claim(&mut self, length: u64) {
        if let State::Done = self.state {
            self.state = State::Rare(Box::new(Rare::Claimed(length)));
        }
    }

    /// Has the body give pieces of such sizes in bytes, and tells when the last of them was given: for a protocol engine
    /// that copies what it is given, or to which a small piece costs much. Larger ones are cut; small ones are joined
    /// until they come to the least, if the next is there without waiting.
    pub fn in_pieces(&mut self, sizes: &RangeInclusive<usize>) -> Remainder {
        let (framing, close, head_at_once) = (self.framing, self.close, self.head_at_once);
        let (pieces, remainder) = Pieces::new(self.take(), sizes);
        *self = Self { state: State::Rare(Box::new(Rare::Pieces(pieces))), framing, close, head_at_once };
        remainder
    }

    /// Takes the content, if all of it is in memory; nothing is left then.
    #[inline(always)]
    pub fn take_bytes(&mut self) -> Option<Bytes> {
        let State::Whole(bytes) = &mut self.state else { return None };
        let bytes = std::mem::take(bytes);
        // What it held has nothing left to drop.
        std::mem::forget(std::mem::replace(&mut self.state, State::Done));
        Some(bytes)
    }

    /// Tells whether the body must be driven by [`write_to`](Self::write_to), on a thread that may block.
    #[must_use]
    pub fn blocks(&self) -> bool {
        matches!(&self.state, State::Live(live) if live.blocks())
    }

    /// Tells whether the body blocks and makes all of its content in one go, as one that writes does: polled, it would be
    /// gathered whole before its first piece is there. For a host that pulls pieces, and has another way for these.
    pub fn pushes(&mut self) -> bool {
        match &mut self.state {
            State::Live(live) => live.pushes(),
            _ => false,
        }
    }

    /// Drives the body into `sink` to its end, on a thread that may block: what blocks step by step, what is polled
    /// by waiting for it. An adapter that parks connections polls the latter instead: see [`blocks`](Self::blocks).
    ///
    /// # Errors
    ///
    /// The answer is broken, by the app or by the sink: the connection must end so that the client can tell. The
    /// fault is recorded and logged already.
    pub fn write_to(&mut self, sink: &mut dyn Sink) -> Result<(), OutgoingError> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Done => Ok(()),
            State::Whole(bytes) => sink.data(bytes).map_err(OutgoingError::client),
            State::Live(mut live) => live.write_to(sink),
            State::Rare(rare) => match *rare {
                Rare::Claimed(_) => Ok(()),
                Rare::Pieces(mut pieces) => pieces.outgoing.write_to(sink),
            },
        }
    }

    /// The file, if the body is an untouched part of one that the system may send. Report what went by
    /// [`file_sent`](Self::file_sent); [`write_to`](Self::write_to) sends the rest by copying.
    #[must_use]
    pub fn file(&self) -> Option<&FileBody> {
        match &self.state {
            State::Live(live) => match &live.source {
                LiveSource::File(file) => Some(file),
                _ => None,
            },
            _ => None,
        }
    }

    /// Records that the system sent so many bytes of the file.
    pub fn file_sent(&mut self, bytes: u64) {
        if let State::Live(live) = &mut self.state {
            live.file_sent(bytes);
        }
    }
}

/// Drops a body that won't be sent, where its drop may block.
pub(crate) fn discard(exchange: &Exchange, body: Body) {
    if body.blocks() {
        exchange.connection().server.offload.detach(move || close(body));
    } else {
        close(body);
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = OutgoingError;

    #[inline]
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutgoingError>>> {
        let frame = match &mut self.state {
            State::Live(live) => live.poll_frame(context),
            State::Rare(rare) => rare.poll_frame(context),
            _ => return Poll::Ready(self.take_bytes().map(|bytes| Ok(Frame::data(bytes)))),
        };
        if let Poll::Ready(None | Some(Err(_))) = &frame {
            self.state = State::Done;
        }
        frame
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Done => true,
            State::Whole(_) => false,
            State::Live(live) => live.is_over(),
            State::Rare(rare) => rare.is_over(),
        }
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        match (&self.state, self.framing) {
            (State::Done, _) => SizeHint::with_exact(0),
            (State::Whole(bytes), _) => SizeHint::with_exact(bytes.len() as u64),
            (State::Live(live), Framing::Length(_)) => SizeHint::with_exact(live.left()),
            (State::Live(_), _) => SizeHint::default(),
            (State::Rare(rare), _) => rare.size_hint(),
        }
    }
}

/// How a server runs a source: what blocks goes through its offload.
pub(crate) fn on_server(source: Source, offload: &Offload) -> LiveSource {
    match (source, offload) {
        (Source::Polled(body), _) => LiveSource::Polled(body),
        (Source::Blocking(producer), Offload::Inline) => LiveSource::Blocking(producer),
        (Source::File(file), Offload::Inline) => LiveSource::File(file),
        (Source::Blocking(producer), Offload::Pool(pool)) => {
            LiveSource::Offloaded(crate::body::Offloaded::new(producer.into_inner(), Arc::clone(pool)))
        }
        (Source::File(file), Offload::Pool(pool)) => {
            LiveSource::Offloaded(crate::body::Offloaded::new(Box::new(file), Arc::clone(pool)))
        }
    }
}
