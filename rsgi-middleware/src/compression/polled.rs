//! A stream that is polled, coded off the reactor where that takes longer than a reactor can spare.
//!
//! Small pieces are coded where they are polled: a hand-over costs more than they do. Not here: bodies that block, which run where
//! they may, and servers that block, whose threads poll.
//!
//! Invariant: one piece at a time. While one is coded elsewhere the body isn't asked for the next, so order and the client's
//! pace stay what they were.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::HeaderMap;
use rsgi_core::http_body::{self, Frame};
use rsgi_core::{Body, Change as _, Error, Offload, Pulled};

use super::OFFLOADED;
use super::encoder::Stream;

/// Codes a body piece by piece; it stays of the kind it is.
pub(super) fn coded(body: Body, stream: Stream, offload: Option<Offload>) -> Body {
    let Some(offload @ Offload::Pool(_)) = offload else { return body.map(stream) };
    let announced = body.announced_trailers().to_vec();
    match body.into_polled() {
        Ok(inner) => {
            Body::http(Coded { inner, offload, stage: Stage::Here(Box::new(stream)), trailers: None })
                .announce_trailers(announced)
        }
        Err(blocking) => blocking.map(stream),
    }
}

struct Coded {
    inner: Pulled,
    offload: Offload,
    stage: Stage,
    /// Came from `inner`, and wait for what the coding's end comes to.
    trailers: Option<HeaderMap>,
}

enum Stage {
    /// Boxed, as it moves with every step.
    Here(Box<Stream>),
    /// A piece is coded elsewhere.
    Away(Pin<Box<dyn Future<Output = Coding> + Send>>),
    Over,
}

/// The coding, and what it made of a piece.
type Coding = (Box<Stream>, Result<Bytes, Error>);

impl Coded {
    /// Takes one step; `None` if it came to nothing that is to be given.
    fn step(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => Poll::Ready(None),
            Stage::Away(mut coding) => {
                let Poll::Ready((stream, piece)) = coding.as_mut().poll(context) else {
                    self.stage = Stage::Away(coding);
                    return Poll::Pending;
                };
                Poll::Ready(Some(self.goes_on(stream, piece)))
            }
            Stage::Here(mut stream) => {
                let Poll::Ready(frame) = http_body::Body::poll_frame(Pin::new(&mut self.inner), context)
                else {
                    self.stage = Stage::Here(stream);
                    return Poll::Pending;
                };
                Poll::Ready(match frame.map(|frame| frame.map(Frame::into_data)) {
                    None => Some(stream.finish()),
                    Some(Err(error)) => Some(Err(error)),
                    Some(Ok(Err(trailers))) => {
                        self.trailers = trailers.into_trailers().ok();
                        self.stage = Stage::Here(stream);
                        None
                    }
                    Some(Ok(Ok(data))) if data.len() < OFFLOADED => {
                        let piece = stream.piece(data);
                        Some(self.goes_on(stream, piece))
                    }
                    Some(Ok(Ok(data))) => {
                        self.stage = Stage::Away(Box::pin(self.offload.run(move || {
                            let piece = stream.piece(data);
                            (stream, piece)
                        })));
                        None
                    }
                })
            }
        }
    }

    /// Goes on behind a piece, or ends with its error.
    fn goes_on(&mut self, stream: Box<Stream>, piece: Result<Bytes, Error>) -> Result<Bytes, Error> {
        if piece.is_ok() {
            self.stage = Stage::Here(stream);
        }
        piece
    }
}

impl http_body::Body for Coded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        while !matches!(self.stage, Stage::Over) {
            match ready!(self.step(context)) {
                Some(Ok(piece)) if !piece.is_empty() => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                Some(Err(error)) => {
                    self.trailers = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Ok(_)) | None => {}
            }
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}
