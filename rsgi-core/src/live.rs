//! A body on its way that is more than bytes in memory: its source, and the count against the declared length.
//!
//! One meter for both roads, polled and driven: surplus is cut and reported, missing bytes are an error, trailers
//! go or are reported as not sent (RFC 9110 sections 6.5.1, 8.6).

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use crate::body::{FileBody, Offloaded, Polled, Produce, Sink, Source, Step};
use crate::exchange::Exchange;
use crate::exclusive::Exclusive;
use crate::outcome::{Fault, Trailers};
use crate::outgoing::{TrailerRule, on_server};
use crate::outgoing_error::OutgoingError;
use crate::respond::{causes, panic_text};
use crate::trailer::is_forbidden;
use crate::{Error, InputError};

pub(crate) enum LiveSource {
    Polled(Exclusive<Polled>),
    Blocking(Exclusive<Box<dyn Produce>>),
    File(FileBody),
    Offloaded(Offloaded),
    Over,
}

pub(crate) struct Live {
    pub(crate) source: LiveSource,
    meter: Meter,
    /// An error that waits for what was produced before it to be flushed.
    held: Option<OutgoingError>,
}

struct Meter {
    exchange: Arc<Exchange>,
    declared: Option<u64>,
    sent: u64,
    trailers: TrailerRule,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Live").field("sent", &self.meter.sent).finish_non_exhaustive()
    }
}

impl Live {
    pub(crate) fn new(
        source: Source,
        declared: Option<u64>,
        trailers: TrailerRule,
        exchange: Arc<Exchange>,
    ) -> Self {
        let source = on_server(source, &exchange.connection().server.offload);
        Self { source, meter: Meter { exchange, declared, sent: 0, trailers }, held: None }
    }

    pub(crate) fn blocks(&self) -> bool {
        matches!(self.source, LiveSource::Blocking(_) | LiveSource::File(_))
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.source, LiveSource::Over) && self.held.is_none()
    }

    pub(crate) fn left(&self) -> u64 {
        self.meter.left().unwrap_or(0)
    }

    pub(crate) fn file_sent(&mut self, bytes: u64) {
        if let LiveSource::File(file) = &mut self.source {
            file.advance(bytes);
            self.meter.count(bytes);
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutgoingError>>> {
        if let Some(error) = self.held.take() {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            if matches!(self.source, LiveSource::Over) {
                return Poll::Ready(None);
            }
            let polled = catch_unwind(AssertUnwindSafe(|| self.source.poll_frame(context)));
            let frame = match polled {
                Ok(frame) => ready!(frame),
                Err(panic) => return self.hold(self.meter.panicked(&panic_text(&*panic)), context),
            };
            match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => {
                        let data = self.meter.take(data);
                        self.look_for_surplus(context);
                        if !data.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(data))));
                        }
                    }
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        if let Some(trailers) = self.meter.trailers(trailers) {
                            // Nothing follows trailers, and a protocol that sent them doesn't ask again.
                            if let Err(error) = self.meter.end() {
                                return self.hold(error, context);
                            }
                            self.source = LiveSource::Over;
                            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                        }
                    }
                },
                Some(Err(error)) => return self.hold(self.meter.failed(&*error), context),
                None => match self.meter.end() {
                    Ok(()) => self.source = LiveSource::Over,
                    Err(error) => return self.hold(error, context),
                },
            }
        }
    }

    /// Keeps an error back for one turn.
    fn hold(
        &mut self,
        error: OutgoingError,
        context: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutgoingError>>> {
        self.source = LiveSource::Over;
        self.held = Some(error);
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Once all declared bytes are there, asks the source for its end: more than that is surplus.
    fn look_for_surplus(&mut self, context: &mut Context<'_>) {
        if self.meter.left() != Some(0) || self.meter.trailers == TrailerRule::Send {
            return;
        }
        let polled = catch_unwind(AssertUnwindSafe(|| self.source.poll_frame(context)));
        if let Ok(Poll::Ready(Some(Ok(frame)))) = polled
            && frame.data_ref().is_some_and(|data| !data.is_empty())
        {
            self.meter.surplus();
        }
        self.source = LiveSource::Over;
        self.meter.exchange.ended();
    }

    pub(crate) fn write_to(&mut self, sink: &mut dyn Sink) -> Result<(), OutgoingError> {
        let producer: &mut dyn Produce = match &mut self.source {
            LiveSource::Blocking(producer) => producer.get_mut().as_mut(),
            LiveSource::File(file) => file,
            _ => return Ok(()),
        };
        let mut metered = Metered { sink, meter: &mut self.meter, client: None };
        let result = loop {
            match catch_unwind(AssertUnwindSafe(|| producer.step(&mut metered))) {
                Ok(Ok(Step::More)) => {}
                Ok(Ok(Step::Done)) => break Ok(()),
                Ok(Err(error)) => break Err(Ok(error)),
                Err(panic) => break Err(Err(panic_text(&*panic))),
            }
        };
        let client = metered.client.take();
        let result = match (client, result) {
            (Some(error), _) => Err(OutgoingError::client(error)),
            (None, Ok(())) => self.meter.end(),
            (None, Err(Ok(error))) => Err(self.meter.failed(&*error)),
            (None, Err(Err(text))) => Err(self.meter.panicked(&text)),
        };
        let source = std::mem::replace(&mut self.source, LiveSource::Over);
        if catch_unwind(AssertUnwindSafe(|| drop(source))).is_err() {
            tracing::error!(target: "rsgi", "a body panicked when it was dropped");
        }
        result
    }
}

impl LiveSource {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self {
            Self::Polled(body) => body.get_mut().as_mut().poll_frame(context),
            Self::Offloaded(body) => body.poll_frame(context),
            Self::Blocking(producer) => Poll::Ready(one_step(producer.get_mut().as_mut())),
            Self::File(file) => Poll::Ready(one_step(file)),
            Self::Over => Poll::Ready(None),
        }
    }
}

/// A blocking body that is polled on a blocking server, as a test client does: one step, its pieces as one frame.
fn one_step(producer: &mut dyn Produce) -> Option<Result<Frame<Bytes>, Error>> {
    struct Gather(Vec<u8>, Option<HeaderMap>);
    impl Sink for Gather {
        fn data(&mut self, piece: Bytes) -> io::Result<()> {
            self.copy(&piece)
        }
        fn copy(&mut self, piece: &[u8]) -> io::Result<()> {
            self.0.extend_from_slice(piece);
            Ok(())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
            self.1 = Some(trailers);
            Ok(())
        }
    }
    let mut gathered = Gather(Vec::new(), None);
    match producer.step(&mut gathered) {
        Err(error) => Some(Err(error)),
        Ok(_) if !gathered.0.is_empty() => Some(Ok(Frame::data(gathered.0.into()))),
        Ok(Step::More) => Some(Ok(Frame::data(Bytes::new()))),
        Ok(Step::Done) => gathered.1.map(|trailers| Ok(Frame::trailers(trailers))),
    }
}

impl Meter {
    fn left(&self) -> Option<u64> {
        self.declared.map(|declared| declared.saturating_sub(self.sent))
    }

    fn count(&mut self, bytes: u64) {
        self.sent += bytes;
        self.exchange.produced(bytes);
    }

    /// Counts a piece and cuts what is beyond the declared length.
    fn take(&mut self, mut piece: Bytes) -> Bytes {
        if let Some(left) = self.left()
            && piece.len() as u64 > left
        {
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            self.surplus();
        }
        self.count(piece.len() as u64);
        piece
    }

    fn surplus(&self) {
        if self.exchange.current_fault() != Some(Fault::Surplus) {
            let (connection, request) = self.id();
            tracing::error!(target: "rsgi", connection, request, "body longer than content-length: cut");
            self.exchange.fault(Fault::Surplus);
        }
    }

    fn end(&self) -> Result<(), OutgoingError> {
        if self.left().is_some_and(|left| left > 0) {
            let (connection, request) = self.id();
            let (sent, declared) = (self.sent, self.declared.unwrap_or_default());
            tracing::error!(target: "rsgi", connection, request, sent, declared, "body shorter than content-length");
            self.exchange.fault(Fault::Missing);
            return Err(OutgoingError::app(Fault::Missing));
        }
        self.exchange.ended();
        Ok(())
    }

    fn failed(&self, error: &(dyn std::error::Error + 'static)) -> OutgoingError {
        let (connection, request) = self.id();
        // A body that only passes on what its client did to the input is not at fault itself.
        if InputError::find(error).is_some() {
            tracing::info!(target: "rsgi", connection, request, %error, "body ended by its input");
        } else {
            let causes = causes(error);
            tracing::error!(target: "rsgi", connection, request, error = causes, "body failed: connection ended");
        }
        self.exchange.fault(Fault::BodyError);
        OutgoingError::app(Fault::BodyError)
    }

    fn panicked(&self, text: &str) -> OutgoingError {
        let (connection, request) = self.id();
        tracing::error!(target: "rsgi", connection, request, panic = text, "body panicked: connection ended");
        self.exchange.fault(Fault::BodyPanic);
        OutgoingError::app(Fault::BodyPanic)
    }

    fn trailers(&self, mut trailers: HeaderMap) -> Option<HeaderMap> {
        let forbidden: Vec<_> = trailers.keys().filter(|name| is_forbidden(name)).cloned().collect();
        for name in forbidden {
            tracing::warn!(target: "rsgi", trailer = name.as_str(), "forbidden trailer removed");
            trailers.remove(name);
        }
        if self.trailers == TrailerRule::Send && !trailers.is_empty() {
            self.exchange.trailers(Trailers::Sent);
            return Some(trailers);
        }
        self.exchange.trailers(Trailers::NotSent);
        None
    }

    fn id(&self) -> (u64, u64) {
        (self.exchange.connection().id, self.exchange.number())
    }
}

/// The sink a producer writes to: counts, and remembers the client's error, which a push closure might swallow.
struct Metered<'a> {
    sink: &'a mut dyn Sink,
    meter: &'a mut Meter,
    client: Option<io::Error>,
}

impl Metered<'_> {
    fn pass(&mut self, result: io::Result<()>) -> io::Result<()> {
        result.map_err(|error| {
            let copy = io::Error::from(error.kind());
            self.client.get_or_insert(error);
            copy
        })
    }
}

impl Sink for Metered<'_> {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        let piece = self.meter.take(piece);
        if piece.is_empty() {
            return Ok(());
        }
        let result = self.sink.data(piece);
        self.pass(result)
    }

    fn copy(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.meter.left().is_some_and(|left| piece.len() as u64 > left) {
            return self.data(Bytes::copy_from_slice(piece));
        }
        self.meter.count(piece.len() as u64);
        let result = self.sink.copy(piece);
        self.pass(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.sink.flush();
        self.pass(result)
    }

    fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
        match self.meter.trailers(trailers) {
            Some(trailers) => {
                let result = self.sink.trailers(trailers);
                self.pass(result)
            }
            None => Ok(()),
        }
    }
}
