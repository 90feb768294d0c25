//! Bodies that are polled and never block: streams, any `http_body::Body`, and bytes in memory as a stream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http_body::{Frame, SizeHint};

use super::produce::IntoPiece;
use super::{Source, Streaming};
use crate::Error;
use crate::exclusive::Exclusive;

pub(crate) type PolledFrame = Poll<Option<Result<Frame<Bytes>, Error>>>;

pin_project_lite::pin_project! {
    pub(crate) struct StreamBody<S> {
        #[pin]
        stream: S,
    }
}

impl<S> StreamBody<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream }
    }
}

impl<S> http_body::Body for StreamBody<S>
where
    S: Stream,
    S::Item: IntoPiece,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> PolledFrame {
        let item = ready!(self.project().stream.poll_next(context));
        Poll::Ready(item.map(|item| item.into_piece().map(Frame::data)))
    }
}

pin_project_lite::pin_project! {
    pub(crate) struct HttpBody<B> {
        #[pin]
        body: B,
    }
}

impl<B> HttpBody<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body }
    }
}

impl<B> http_body::Body for HttpBody<B>
where
    B: http_body::Body,
    B::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> PolledFrame {
        let frame = ready!(self.project().body.poll_frame(context));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
            Err(error) => Err(error.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes in memory, for what treats every body as a stream.
struct Whole(Bytes);

impl http_body::Body for Whole {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> PolledFrame {
        let bytes = std::mem::take(&mut self.0);
        Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

pub(crate) fn whole(bytes: Bytes) -> Streaming {
    let length = Some(bytes.len() as u64);
    Streaming {
        source: Source::Polled(Exclusive::new(Box::pin(Whole(bytes)))),
        length,
        announced: Vec::new(),
    }
}
