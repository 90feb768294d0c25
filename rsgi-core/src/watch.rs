//! Watching a body or an input go by, without changing it: for lints, meters and logs.
//!
//! Not [`Change`](crate::Change), which makes another body: what is watched keeps its kind, its length, its trailers
//! and its errors, and one that blocks still blocks. Content in memory isn't pulled, so there is nothing to watch.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use crate::body::{Polled, Produce, Sink, Step};
use crate::input::InputSource;
use crate::{Error, InputError};

/// What happens to a body, as a [`Watch`] sees it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Seen<'a> {
    /// The next piece is asked for. What a polled body says of itself before that; a body that blocks says nothing.
    Asked {
        /// How much it says is to come.
        hint: SizeHint,
        /// Whether it says that it is at its end.
        over: bool,
    },
    /// It has nothing ready.
    NotReady,
    /// It gave a piece, which may be empty.
    Piece(&'a [u8]),
    /// It gave trailers.
    Trailers(&'a HeaderMap),
    /// It gave an error: nothing more is asked.
    Failed(&'a (dyn std::error::Error + 'static)),
    /// It gave its end.
    Ended,
}

/// Sees a body go by: from [`Body::watch`](crate::Body::watch), [`Started::watch`](crate::Started::watch) and
/// [`Input::watch`](crate::Input::watch). A closure over [`Seen`] is one.
///
/// # Contract
///
/// Called by whoever pulls the body, in order, and where that happens: it must not block. Dropped with the body and
/// right after it, which may be before its end: a watcher's own drop is how it learns of that.
///
/// # Examples
///
/// ```
/// use rsgi_core::{Body, Seen};
///
/// let mut bytes = 0;
/// let body = Body::iter(["one ", "two"]).watch(move |seen: Seen<'_>| match seen {
///     Seen::Piece(piece) => bytes += piece.len(),
///     Seen::Ended => eprintln!("{bytes} bytes"),
///     _ => {}
/// });
/// assert!(body.blocks());
/// ```
pub trait Watch: Send + 'static {
    /// Takes note of what happens.
    fn see(&mut self, seen: Seen<'_>);
}

impl<F: FnMut(Seen<'_>) + Send + 'static> Watch for F {
    fn see(&mut self, seen: Seen<'_>) {
        self(seen);
    }
}

/// A source that is watched.
pub(crate) struct Watched<S> {
    /// Dropped before its watcher, which thereby sees a panic of that drop.
    source: S,
    watch: Box<dyn Watch>,
    /// What an input gives before its source is asked.
    front: Bytes,
}

impl<S> Watched<S> {
    pub(crate) fn new(source: S, watch: Box<dyn Watch>) -> Self {
        Self { source, watch, front: Bytes::new() }
    }

    /// Gives these bytes first, and has them seen.
    pub(crate) fn behind(self, front: Bytes) -> Self {
        Self { front, ..self }
    }

    fn take_front<E>(&mut self) -> Option<Result<Frame<Bytes>, E>> {
        let front = std::mem::take(&mut self.front);
        (!front.is_empty()).then(|| Ok(Frame::data(front)))
    }

    fn note<E: AsError>(&mut self, frame: Poll<Option<&Result<Frame<Bytes>, E>>>) {
        self.watch.see(match frame {
            Poll::Pending => Seen::NotReady,
            Poll::Ready(None) => Seen::Ended,
            Poll::Ready(Some(Err(error))) => Seen::Failed(error.as_error()),
            Poll::Ready(Some(Ok(frame))) => match (frame.data_ref(), frame.trailers_ref()) {
                (Some(data), _) => Seen::Piece(data),
                (None, Some(trailers)) => Seen::Trailers(trailers),
                (None, None) => return,
            },
        });
    }
}

/// The two kinds of errors that frames come with.
trait AsError {
    fn as_error(&self) -> &(dyn std::error::Error + 'static);
}

impl AsError for Error {
    fn as_error(&self) -> &(dyn std::error::Error + 'static) {
        &**self
    }
}

impl AsError for InputError {
    fn as_error(&self) -> &(dyn std::error::Error + 'static) {
        self
    }
}

fn frame_ref<E>(frame: &Poll<Option<Result<Frame<Bytes>, E>>>) -> Poll<Option<&Result<Frame<Bytes>, E>>> {
    match frame {
        Poll::Pending => Poll::Pending,
        Poll::Ready(frame) => Poll::Ready(frame.as_ref()),
    }
}

impl http_body::Body for Watched<Polled> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        this.watch.see(Seen::Asked { hint: this.source.size_hint(), over: this.source.is_end_stream() });
        let frame = this.source.as_mut().poll_frame(context);
        this.note(frame_ref(&frame));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}

impl InputSource for Watched<Pin<Box<dyn InputSource>>> {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InputError>>> {
        let this = &mut *self;
        this.watch.see(Seen::Asked { hint: SizeHint::default(), over: false });
        let frame = match this.take_front() {
            None => this.source.as_mut().poll_frame(context),
            front => Poll::Ready(front),
        };
        this.note(frame_ref(&frame));
        frame
    }

    fn wait_frame(mut self: Pin<&mut Self>) -> Option<Result<Frame<Bytes>, InputError>> {
        let this = &mut *self;
        this.watch.see(Seen::Asked { hint: SizeHint::default(), over: false });
        let frame = this.take_front().or_else(|| this.source.as_mut().wait_frame());
        this.note(Poll::Ready(frame.as_ref()));
        frame
    }
}

impl Produce for Watched<Box<dyn Produce>> {
    fn step(&mut self, sink: &mut dyn Sink) -> Result<Step, Error> {
        self.watch.see(Seen::Asked { hint: SizeHint::default(), over: false });
        let mut watched = WatchedSink { sink, watch: &mut *self.watch, refused: false };
        let step = self.source.step(&mut watched);
        match &step {
            Ok(Step::More) => {}
            Ok(Step::Done) => self.watch.see(Seen::Ended),
            // A producer whose writes were refused isn't the one who failed.
            Err(_) if watched.refused => {}
            Err(error) => self.watch.see(Seen::Failed(&**error)),
        }
        step
    }

    fn pushes(&self) -> bool {
        self.source.pushes()
    }
}

/// The sink that a watched producer writes to.
struct WatchedSink<'a> {
    sink: &'a mut dyn Sink,
    watch: &'a mut dyn Watch,
    /// Whether a write failed: by the client, or for going beyond the declared length.
    refused: bool,
}

impl WatchedSink<'_> {
    fn pass(&mut self, result: std::io::Result<()>) -> std::io::Result<()> {
        self.refused |= result.is_err();
        result
    }
}

impl Sink for WatchedSink<'_> {
    fn data(&mut self, piece: Bytes) -> std::io::Result<()> {
        self.watch.see(Seen::Piece(&piece));
        let result = self.sink.data(piece);
        self.pass(result)
    }

    fn copy(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.watch.see(Seen::Piece(piece));
        let result = self.sink.copy(piece);
        self.pass(result)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let result = self.sink.flush();
        self.pass(result)
    }

    fn trailers(&mut self, trailers: HeaderMap) -> std::io::Result<()> {
        self.watch.see(Seen::Trailers(&trailers));
        let result = self.sink.trailers(trailers);
        self.pass(result)
    }
}
