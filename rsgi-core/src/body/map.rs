//! Changing a body piece by piece, and adding trailers to one, without collecting it.
//!
//! Both keep the kind: a body that blocks stays known as such. PEP 3333, "Middleware Handling of Block Boundaries".

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use super::polled::PolledFrame;
use super::produce::{Produce, Sink, Step};
use super::{Polled, Source};
use crate::Error;
use crate::exclusive::Exclusive;

/// Changes the pieces of a body, from [`Body::map`](crate::Body::map). A closure over one piece is one.
///
/// # Contract
///
/// Called by whoever produces the body, once a piece and in order, [`finish`](Self::finish) after the last; on a
/// thread that may block if the body blocks, else wherever it is polled, which must not be blocked. Dropped with the
/// body, which may be before its end. A change keeps back as little as it can: a client waits for what it holds (PEP
/// 3333, "Middleware Handling of Block Boundaries").
///
/// # Examples
///
/// ```
/// use rsgi_core::bytes::Bytes;
/// use rsgi_core::{Body, Change, Error};
///
/// /// Counts what passes, and says it at the end.
/// struct Counted(usize);
///
/// impl Change for Counted {
///     fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error> {
///         self.0 += piece.len();
///         Ok(piece)
///     }
///
///     fn finish(&mut self) -> Result<Bytes, Error> {
///         Ok(format!("({} bytes)\n", self.0).into())
///     }
/// }
///
/// let counted = Body::iter(["one ", "two\n"]).map(Counted(0));
/// let shouted = Body::from("hello").map(|piece: Bytes| Ok(piece.to_ascii_uppercase().into()));
/// assert!(counted.blocks() && !shouted.blocks());
/// ```
pub trait Change: Send {
    /// Changes a piece. An empty result is passed over: the piece was kept back.
    ///
    /// # Errors
    ///
    /// Ends the body visibly broken.
    fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error>;

    /// Gives what was kept back, once the body has ended. Default: nothing.
    ///
    /// # Errors
    ///
    /// Ends the body visibly broken.
    fn finish(&mut self) -> Result<Bytes, Error> {
        Ok(Bytes::new())
    }
}

impl<F: FnMut(Bytes) -> Result<Bytes, Error> + Send> Change for F {
    fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error> {
        self(piece)
    }
}

type MakeTrailers = Box<dyn FnOnce() -> HeaderMap + Send>;

pub(crate) fn mapped(source: Source, change: Box<dyn Change>) -> Source {
    match source {
        Source::Polled(inner) => {
            let inner = inner.into_inner();
            Source::Polled(Exclusive::new(Box::pin(MappedPolled {
                inner,
                change,
                trailers: None,
                ended: false,
            })))
        }
        Source::Blocking(inner) => blocking(MappedProduce { inner: inner.into_inner(), change }),
        Source::File(file) => blocking(MappedProduce { inner: Box::new(file), change }),
    }
}

pub(crate) fn with_trailers(source: Source, trailers: MakeTrailers) -> Source {
    let trailers = Some(trailers);
    match source {
        Source::Polled(inner) => {
            Source::Polled(Exclusive::new(Box::pin(TrailedPolled { inner: inner.into_inner(), trailers })))
        }
        Source::Blocking(inner) => blocking(TrailedProduce { inner: inner.into_inner(), trailers }),
        Source::File(file) => blocking(TrailedProduce { inner: Box::new(file), trailers }),
    }
}

fn blocking(producer: impl Produce + 'static) -> Source {
    Source::Blocking(Exclusive::new(Box::new(producer)))
}

struct MappedPolled {
    inner: Polled,
    change: Box<dyn Change>,
    /// Came from `inner` and wait for what `finish` gives.
    trailers: Option<HeaderMap>,
    ended: bool,
}

impl http_body::Body for MappedPolled {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> PolledFrame {
        let this = &mut *self;
        while !this.ended {
            match ready!(this.inner.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let piece = this.change.piece(data)?;
                        if !piece.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(piece))));
                        }
                    }
                    Err(frame) => this.trailers = frame.into_trailers().ok(),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    this.ended = true;
                    let rest = this.change.finish()?;
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(rest))));
                    }
                }
            }
        }
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

struct TrailedPolled {
    inner: Polled,
    trailers: Option<MakeTrailers>,
}

impl http_body::Body for TrailedPolled {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> PolledFrame {
        let this = &mut *self;
        while this.trailers.is_some() {
            match ready!(this.inner.as_mut().poll_frame(context)) {
                // Its own trailers give way to the added ones.
                Some(Ok(frame)) if frame.is_trailers() => {}
                Some(frame) => return Poll::Ready(Some(frame)),
                None => {
                    let made = this.trailers.take().map(|make| make());
                    return Poll::Ready(made.map(|trailers| Ok(Frame::trailers(trailers))));
                }
            }
        }
        Poll::Ready(None)
    }
}

struct MappedProduce {
    inner: Box<dyn Produce>,
    change: Box<dyn Change>,
}

impl Produce for MappedProduce {
    fn step(&mut self, sink: &mut dyn Sink) -> Result<Step, Error> {
        let mut changing = Changing { sink, change: &mut *self.change, failed: None, trailers: None };
        let step = self.inner.step(&mut changing);
        let (failed, trailers) = (changing.failed.take(), changing.trailers.take());
        if let Some(error) = failed {
            return Err(error);
        }
        if step? == Step::More {
            return Ok(Step::More);
        }
        let rest = self.change.finish()?;
        if !rest.is_empty() {
            sink.data(rest)?;
        }
        if let Some(trailers) = trailers {
            sink.trailers(trailers)?;
        }
        Ok(Step::Done)
    }

    fn pushes(&self) -> bool {
        self.inner.pushes()
    }
}

/// The sink that a mapped producer writes to.
struct Changing<'a> {
    sink: &'a mut dyn Sink,
    change: &'a mut dyn Change,
    /// The change's own error, which a producer would see only as an `io::Error` and might swallow.
    failed: Option<Error>,
    trailers: Option<HeaderMap>,
}

impl Sink for Changing<'_> {
    fn data(&mut self, piece: Bytes) -> std::io::Result<()> {
        if self.failed.is_some() {
            return Err(std::io::Error::other("the body's mapping failed before"));
        }
        match self.change.piece(piece) {
            Ok(piece) if piece.is_empty() => Ok(()),
            Ok(piece) => self.sink.data(piece),
            Err(error) => {
                let text = error.to_string();
                self.failed = Some(error);
                Err(std::io::Error::other(text))
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }

    fn trailers(&mut self, trailers: HeaderMap) -> std::io::Result<()> {
        self.trailers = Some(trailers);
        Ok(())
    }
}

struct TrailedProduce {
    inner: Box<dyn Produce>,
    trailers: Option<MakeTrailers>,
}

impl Produce for TrailedProduce {
    fn step(&mut self, sink: &mut dyn Sink) -> Result<Step, Error> {
        if self.inner.step(&mut WithoutTrailers(sink))? == Step::More {
            return Ok(Step::More);
        }
        if let Some(make) = self.trailers.take() {
            sink.trailers(make())?;
        }
        Ok(Step::Done)
    }

    fn pushes(&self) -> bool {
        self.inner.pushes()
    }
}

/// The sink of a producer whose own trailers give way to the added ones.
struct WithoutTrailers<'a>(&'a mut dyn Sink);

impl Sink for WithoutTrailers<'_> {
    fn data(&mut self, piece: Bytes) -> std::io::Result<()> {
        self.0.data(piece)
    }

    fn copy(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.0.copy(piece)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }

    fn trailers(&mut self, _: HeaderMap) -> std::io::Result<()> {
        Ok(())
    }
}
