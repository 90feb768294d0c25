//! What a body on its way is pulled from: polled, driven on the calling thread, or through the offload.
//!
//! A panic of the source becomes an error that says so, so that its two roads end alike. Counting and cutting is
//! `live.rs`'s part.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use crate::Error;
use crate::body::{FileBody, Offloaded, Polled, Produce, Sink, Step};
use crate::closing::close;
use crate::exchange::Exchange;
use crate::exclusive::Exclusive;
use crate::respond::Panicked;

type Pulled = Option<Result<Frame<Bytes>, Error>>;

pub(crate) enum LiveSource {
    Polled(Exclusive<Polled>),
    Blocking(Exclusive<Box<dyn Produce>>),
    File(FileBody),
    Offloaded(Offloaded),
    /// A producer's end, which came in the same step as its last bytes.
    Ended(Result<Option<HeaderMap>, Error>),
    Over,
}

impl LiveSource {
    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Pulled> {
        match self {
            Self::Polled(body) => {
                catch_unwind(AssertUnwindSafe(|| body.get_mut().as_mut().poll_frame(context)))
                    .unwrap_or_else(|panic| Poll::Ready(Some(Err(Panicked::of(&*panic).into()))))
            }
            Self::Offloaded(body) => body.poll_frame(context),
            Self::Blocking(_) | Self::File(_) | Self::Ended(_) | Self::Over => Poll::Ready(self.step()),
        }
    }

    /// One step of a producer, its bytes as one frame: a blocking body that is polled on a blocking server, as a
    /// test client does. What was written before an error comes before it.
    fn step(&mut self) -> Pulled {
        let mut gathered = Gathered::default();
        let producer: &mut dyn Produce = match self {
            Self::Blocking(producer) => producer.get_mut().as_mut(),
            Self::File(file) => file,
            _ => return self.last(),
        };
        let end = match catch_unwind(AssertUnwindSafe(|| producer.step(&mut gathered))) {
            Ok(Ok(Step::More)) => return Some(Ok(Frame::data(gathered.bytes.into()))),
            Ok(Ok(Step::Done)) => Ok(gathered.trailers),
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(Panicked::of(&*panic).into()),
        };
        close(std::mem::replace(self, Self::Ended(end)));
        if gathered.bytes.is_empty() { self.last() } else { Some(Ok(Frame::data(gathered.bytes.into()))) }
    }

    fn last(&mut self) -> Pulled {
        match std::mem::replace(self, Self::Ended(Ok(None))) {
            Self::Ended(end) => end.map(|trailers| trailers.map(Frame::trailers)).transpose(),
            _ => None,
        }
    }

    /// Takes note that nothing more is wanted: what a running job still produces is surplus.
    pub(crate) fn had_enough(&self, exchange: &Arc<Exchange>) {
        if let Self::Offloaded(body) = self {
            body.had_enough(exchange);
        }
    }
}

#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    trailers: Option<HeaderMap>,
}

impl Sink for Gathered {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        self.copy(&piece)
    }

    fn copy(&mut self, piece: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
        self.trailers = Some(trailers);
        Ok(())
    }
}
