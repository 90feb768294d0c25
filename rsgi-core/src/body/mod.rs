//! The body of an answer: one erased type, whose in-memory form costs no allocation.
//!
//! A body is given once and pulled by the server; dropping it is PEP 3333's `close()`. Kinds that block stay known
//! as such until `respond`, through any mapping, so that an async server never runs one on its reactor. Read next:
//! `produce.rs` (kinds that block), `polled.rs` (kinds that don't), `../outgoing.rs` (what the server sees).

mod file;
mod map;
mod offloaded;
mod polled;
mod produce;
mod pulled;
mod push;
mod sender;

use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http::header::{HeaderMap, HeaderName};

use crate::exclusive::Exclusive;
use crate::watch::{Watch, Watched};
use crate::{Error, Input, Offload};

pub use file::FileBody;
pub use map::Change;
pub(crate) use offloaded::Offloaded;
pub use produce::{IntoPiece, Sink};
pub(crate) use produce::{Produce, Step};
pub use pulled::Pulled;
pub use push::Writer;
pub use sender::Sender;

/// What may wait in a queue between a producer and the server before the producer is held back, by [`weight`].
const QUEUE_BYTES: usize = 64 * 1024;

/// What a frame costs a queue: its bytes, and what holds them, so that many small pieces are bounded as well.
fn weight(frame: &http_body::Frame<Bytes>) -> usize {
    frame.data_ref().map_or(0, Bytes::len) + 128
}

pub(crate) type Polled = Pin<Box<dyn http_body::Body<Data = Bytes, Error = Error> + Send>>;

/// The body of an answer.
///
/// # Examples
///
/// ```
/// use rsgi_core::Body;
///
/// let whole = Body::from("hello");
/// assert_eq!(whole.length(), Some(5));
/// let pieces = Body::iter(["one ", "two "]);
/// assert_eq!(pieces.length(), None);
/// assert!(pieces.blocks());
/// ```
#[derive(Debug, Default)]
pub struct Body(pub(crate) Kind);

#[derive(Debug, Default)]
pub(crate) enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    /// Boxed, so that an in-memory answer carries one word of it.
    Streaming(Box<Streaming>),
}

#[derive(Debug)]
pub(crate) struct Streaming {
    pub(crate) source: Source,
    /// What the app says the length is, beside `Content-Length`.
    pub(crate) length: Option<u64>,
    /// The names of trailers that will follow, announced in `Trailer`.
    pub(crate) announced: Vec<HeaderName>,
}

pub(crate) enum Source {
    Polled(Exclusive<Polled>),
    Blocking(Exclusive<Box<dyn Produce>>),
    File(FileBody),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Polled(_) => "Polled",
            Self::Blocking(_) => "Blocking",
            Self::File(_) => "File",
        })
    }
}

impl Body {
    /// No content.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    fn streaming(source: Source, length: Option<u64>) -> Self {
        Self(Kind::Streaming(Box::new(Streaming { source, length, announced: Vec::new() })))
    }

    fn polled(body: impl http_body::Body<Data = Bytes, Error = Error> + Send + 'static) -> Self {
        let length = body.size_hint().exact();
        Self::streaming(Source::Polled(Exclusive::new(Box::pin(body))), length)
    }

    fn produced(producer: impl Produce + 'static) -> Self {
        Self::streaming(Source::Blocking(Exclusive::new(Box::new(producer))), None)
    }

    /// Pieces of an iterator, which may block: PEP 3333's iterable. Items may be `Result`s; an error ends the body
    /// visibly broken. Each piece is sent no later than the next is asked for (PEP 3333, "Buffering and Streaming").
    pub fn iter<I>(pieces: I) -> Self
    where
        I: IntoIterator,
        I::IntoIter: Send + 'static,
        I::Item: IntoPiece,
    {
        Self::produced(produce::Iter::new(pieces.into_iter()))
    }

    /// What a reader gives, which may block, in pieces of up to 64 KiB.
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::produced(produce::Reader::new(reader))
    }

    /// A closure that writes the body, which may block: PEP 3333's `write()`. See [`Writer`].
    pub fn push<F>(write: F) -> Self
    where
        F: FnOnce(&mut Writer<'_>) -> Result<(), Error> + Send + 'static,
    {
        Self::produced(push::Push::new(write))
    }

    /// Part of a file: bytes from `offset` on, `length` of them; an adapter may have the system send it.
    ///
    /// # Errors
    ///
    /// The file is shorter than the part, is a folder, or its length can't be asked; nothing has been read.
    pub fn file_range(file: File, offset: u64, length: u64) -> io::Result<Self> {
        let body = FileBody::new(file, offset, length)?;
        Ok(Self::streaming(Source::File(body), Some(length)))
    }

    /// A whole file, as long as it is now.
    ///
    /// # Errors
    ///
    /// It is a folder, or its length can't be asked.
    pub fn file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Self::file_range(file, 0, length)
    }

    /// Pieces of an async stream; items may be `Result`s.
    pub fn stream<S>(stream: S) -> Self
    where
        S: Stream + Send + 'static,
        S::Item: IntoPiece,
    {
        Self::polled(polled::StreamBody::new(stream))
    }

    /// Any `http_body::Body`; its exact length, if it has one, is taken over, and its trailers are passed on.
    pub fn http<B>(body: B) -> Self
    where
        B: http_body::Body + Send + 'static,
        B::Data: Buf,
        B::Error: Into<Error>,
    {
        if body.is_end_stream() {
            return Self::empty();
        }
        Self::polled(polled::HttpBody::new(body))
    }

    /// An async closure that sends the body through a [`Sender`], held back when the client doesn't read.
    pub fn send<F, Fut>(send: F) -> Self
    where
        F: FnOnce(Sender) -> Fut,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        Self::polled(sender::SendBody::new(send))
    }

    /// An async closure that reads the input while it sends the body. For an upgraded stream too.
    pub fn duplex<F, Fut>(input: Input, exchange: F) -> Self
    where
        F: FnOnce(Input, Sender) -> Fut,
        Fut: Future<Output = Result<(), Error>> + Send + 'static,
    {
        Self::send(|sender| exchange(input, sender))
    }

    /// Declares the length in bytes, as `Content-Length` would. More is cut, less is a visible break; both are
    /// reported.
    #[must_use]
    pub fn with_length(self, length: u64) -> Self {
        if self.length() == Some(length) {
            return self;
        }
        let mut streaming = self.into_streaming();
        streaming.length = Some(length);
        Self(Kind::Streaming(streaming))
    }

    /// Names the trailers that the body will give by itself, as one made by [`push`](Self::push),
    /// [`send`](Self::send) or [`http`](Self::http) can: on HTTP/1.1 only announced ones are sent. RFC 9110
    /// section 6.6.2.
    #[must_use]
    pub fn announce_trailers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut streaming = self.into_streaming();
        streaming.announced.extend(names);
        // Only framing that has an end of its own has a place behind it.
        streaming.length = None;
        Self(Kind::Streaming(streaming))
    }

    /// Adds trailers, made when the body has ended (a checksum, say), in place of any of its own. `names` are
    /// announced in `Trailer`; whether they could be sent is told in the [`Outcome`](crate::Outcome). RFC 9110
    /// section 6.5.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    /// use rsgi_core::Body;
    /// use rsgi_core::bytes::Bytes;
    /// use rsgi_core::http::{HeaderMap, HeaderName};
    ///
    /// const LENGTH: HeaderName = HeaderName::from_static("x-length");
    /// let count = Arc::new(AtomicUsize::new(0));
    /// let counted = Arc::clone(&count);
    /// let body = Body::iter(["one ", "two"])
    ///     .map(move |piece: Bytes| {
    ///         counted.fetch_add(piece.len(), Relaxed);
    ///         Ok(piece)
    ///     })
    ///     .with_trailers([LENGTH], move || HeaderMap::from_iter([(LENGTH, count.load(Relaxed).into())]));
    /// # let _ = body;
    /// ```
    #[must_use]
    pub fn with_trailers(
        self,
        names: impl IntoIterator<Item = HeaderName>,
        trailers: impl FnOnce() -> HeaderMap + Send + 'static,
    ) -> Self {
        let announced = names.into_iter().collect();
        let mut streaming = self.into_streaming();
        streaming.source = map::with_trailers(streaming.source, Box::new(trailers));
        streaming.announced = announced;
        // Only framing that has an end of its own has a place behind it.
        streaming.length = None;
        Self(Kind::Streaming(streaming))
    }

    /// Sends every piece through `change`; the body stays a stream, and one that blocks stays known as such.
    /// A file becomes a stream, so nothing bypasses the change.
    #[must_use]
    pub fn map(self, change: impl Change + 'static) -> Self {
        let mut streaming = self.into_streaming();
        streaming.source = map::mapped(streaming.source, Box::new(change));
        streaming.length = None;
        Self(Kind::Streaming(streaming))
    }

    /// Has `watch` see what happens to the body, which stays as it is: its kind, its length, its trailers. A file is
    /// sent as pieces. Content in memory isn't pulled, so there is nothing to see: `watch` is dropped at once.
    #[must_use]
    pub fn watch(self, watch: impl Watch) -> Self {
        let Kind::Streaming(mut streaming) = self.0 else { return self };
        let watch: Box<dyn Watch> = Box::new(watch);
        streaming.source = match streaming.source {
            Source::Polled(inner) => {
                Source::Polled(Exclusive::new(Box::pin(Watched::new(inner.into_inner(), watch))))
            }
            Source::Blocking(inner) => {
                Source::Blocking(Exclusive::new(Box::new(Watched::new(inner.into_inner(), watch))))
            }
            Source::File(file) => {
                let file: Box<dyn Produce> = Box::new(file);
                Source::Blocking(Exclusive::new(Box::new(Watched::new(file, watch))))
            }
        };
        Self(Kind::Streaming(streaming))
    }

    /// The body as one that is polled, for middleware that must be asked itself whether a piece is ready, as one with a
    /// clock is. Its frames, length and trailers are the body's own; [`Body::http`] makes a body of what wraps it, and what
    /// was [announced](Self::announced_trailers) is the caller's to announce again.
    ///
    /// # Errors
    ///
    /// The body itself, unchanged, if it [blocks](Self::blocks): it is never polled.
    pub fn into_polled(self) -> Result<Pulled, Self> {
        if self.blocks() { Err(self) } else { Ok(self.pulled(&Offload::Inline)) }
    }

    /// Makes an `http_body::Body` of it, for layers that pull one. What blocks is run by `offload`: on a pool, off the
    /// caller's thread; inline where the caller's thread may block, in one piece if it is a push body.
    #[must_use]
    pub fn pulled(self, offload: &Offload) -> Pulled {
        Pulled::new(self, offload)
    }

    /// The names of the trailers that were announced: by [`announce_trailers`](Self::announce_trailers) or
    /// [`with_trailers`](Self::with_trailers).
    #[must_use]
    pub fn announced_trailers(&self) -> &[HeaderName] {
        match &self.0 {
            Kind::Streaming(streaming) => &streaming.announced,
            _ => &[],
        }
    }

    /// The length in bytes, where it is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Kind::Empty => Some(0),
            Kind::Bytes(bytes) => Some(bytes.len() as u64),
            Kind::Streaming(streaming) => streaming.length,
        }
    }

    /// The whole content, if it is in memory.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Tells whether producing the body may block its thread.
    #[must_use]
    pub fn blocks(&self) -> bool {
        match &self.0 {
            Kind::Streaming(streaming) => !matches!(streaming.source, Source::Polled(_)),
            _ => false,
        }
    }

    #[expect(clippy::unnecessary_box_returns, reason = "it is boxed already")]
    fn into_streaming(self) -> Box<Streaming> {
        match self.0 {
            Kind::Streaming(streaming) => streaming,
            Kind::Empty => Box::new(polled::whole(Bytes::new())),
            Kind::Bytes(bytes) => Box::new(polled::whole(bytes)),
        }
    }
}

impl From<Bytes> for Body {
    #[inline]
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self(Kind::Bytes(bytes)) }
    }
}

macro_rules! from_memory {
    ($($memory:ty),*) => {$(
        impl From<$memory> for Body {
            #[inline]
            fn from(memory: $memory) -> Self {
                Bytes::from(memory).into()
            }
        }
    )*};
}
from_memory!(&'static str, &'static [u8], String, Vec<u8>);
