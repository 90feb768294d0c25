//! A body on its way that is more than bytes in memory: its source, and the count against the declared length.
//!
//! One meter for both roads, polled and driven: surplus is cut and reported, missing bytes are an error, trailers
//! go or are reported as not sent (RFC 9110 sections 6.5.1, 8.6).

use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use crate::body::{Produce, Sink, Source, Step};
use crate::closing::close;
use crate::exchange::Exchange;
use crate::live_source::LiveSource;
use crate::outcome::{Fault, Trailers};
use crate::outgoing::{TrailerRule, on_server};
use crate::outgoing_error::OutgoingError;
use crate::respond::{Panicked, causes};
use crate::trailer::is_forbidden;
use crate::{InputError, park};

/// Pieces that give nothing to send before other work has its turn.
const TURNS: usize = 64;

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
        if declared == Some(0) {
            // An adapter needs not pull it: all there is to send is the head.
            exchange.ended();
        }
        Self { source, meter: Meter { exchange, declared, sent: 0, trailers }, held: None }
    }

    pub(crate) fn blocks(&self) -> bool {
        matches!(self.source, LiveSource::Blocking(_) | LiveSource::File(_))
    }

    pub(crate) fn pushes(&mut self) -> bool {
        match &mut self.source {
            LiveSource::Blocking(producer) => producer.get_mut().pushes(),
            _ => false,
        }
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
        for _ in 0..TURNS {
            if matches!(self.source, LiveSource::Over) {
                return Poll::Ready(None);
            }
            let frame = match ready!(self.source.poll_frame(context)) {
                Some(Ok(frame)) => self.take(frame, context),
                Some(Err(error)) => Err(self.meter.failed(&*error)),
                None => self.meter.end().map(|()| {
                    self.end();
                    None
                }),
            };
            match frame {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) => {}
                Err(error) => {
                    // Kept back for one turn, so that what came before is flushed.
                    self.end();
                    self.held = Some(error);
                    break;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Counts a frame; `None` if there is nothing to send of it.
    fn take(
        &mut self,
        frame: Frame<Bytes>,
        context: &mut Context<'_>,
    ) -> Result<Option<Frame<Bytes>>, OutgoingError> {
        match frame.into_data() {
            Ok(data) => {
                let (data, cut) = self.meter.take(data);
                if cut {
                    self.meter.exchange.ended();
                    self.end();
                } else if !data.is_empty() {
                    self.look_for_surplus(context);
                }
                Ok((!data.is_empty()).then(|| Frame::data(data)))
            }
            Err(frame) => match self.meter.trailers(frame.into_trailers().unwrap_or_default()) {
                Some(trailers) => {
                    // Nothing follows trailers, and a protocol that sent them doesn't ask again.
                    self.meter.end()?;
                    self.end();
                    Ok(Some(Frame::trailers(trailers)))
                }
                None => Ok(None),
            },
        }
    }

    /// Drops the source.
    fn end(&mut self) {
        close(std::mem::replace(&mut self.source, LiveSource::Over));
    }

    /// Once all declared bytes are there, asks the source for its end: more than that is surplus. Not where trailers
    /// may follow, which are waited for.
    fn look_for_surplus(&mut self, context: &mut Context<'_>) {
        if self.meter.left() != Some(0) || self.meter.trailers != TrailerRule::Drop {
            return;
        }
        for _ in 0..TURNS {
            match self.source.poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.data_ref() {
                    Some(data) if data.is_empty() => continue,
                    Some(_) => report_surplus(&self.meter.exchange),
                    None => {}
                },
                // The client has all that was declared; the fault is told and logged.
                Poll::Ready(Some(Err(error))) => drop(self.meter.failed(&*error)),
                Poll::Ready(None) => {}
                Poll::Pending => self.source.had_enough(&self.meter.exchange),
            }
            break;
        }
        self.meter.exchange.ended();
        self.end();
    }

    pub(crate) fn write_to(&mut self, sink: &mut dyn Sink) -> Result<(), OutgoingError> {
        let result = match &mut self.source {
            LiveSource::Blocking(producer) => drive(producer.get_mut().as_mut(), sink, &mut self.meter),
            LiveSource::File(file) => drive(file, sink, &mut self.meter),
            _ => return self.wait_to(sink),
        };
        self.end();
        result
    }

    /// Writes what is polled, waiting in between; what was written is flushed before a wait.
    fn wait_to(&mut self, sink: &mut dyn Sink) -> Result<(), OutgoingError> {
        let mut flushed = true;
        loop {
            let frame = park::wait(poll_fn(|context| {
                let frame = self.poll_frame(context);
                if frame.is_ready() || std::mem::replace(&mut flushed, true) {
                    return frame;
                }
                match sink.flush() {
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Some(Err(OutgoingError::client(error)))),
                }
            }));
            let Some(frame) = frame.transpose()? else { return Ok(()) };
            flushed = false;
            let written = match frame.into_data() {
                Ok(data) => sink.data(data),
                Err(frame) => sink.trailers(frame.into_trailers().unwrap_or_default()),
            };
            written.map_err(OutgoingError::client)?;
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}

/// Drives a producer to its end.
fn drive(producer: &mut dyn Produce, sink: &mut dyn Sink, meter: &mut Meter) -> Result<(), OutgoingError> {
    let mut metered = Metered { sink, meter, client: None, cut: false };
    let step = loop {
        match catch_unwind(AssertUnwindSafe(|| producer.step(&mut metered))) {
            Ok(Ok(Step::More)) => {}
            Ok(Ok(Step::Done)) => break Ok(()),
            Ok(Err(error)) => break Err(error),
            Err(panic) => break Err(Panicked::of(&*panic).into()),
        }
    };
    match (metered.client, step) {
        (Some(error), _) => Err(OutgoingError::client(error)),
        // What it says of the error that it got for its surplus is of no interest.
        (None, Err(_)) if metered.cut => meter.end(),
        (None, Err(error)) => Err(meter.failed(&*error)),
        (None, Ok(())) => meter.end(),
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

    /// Counts a piece and cuts what is beyond the declared length; tells whether it did.
    fn take(&mut self, mut piece: Bytes) -> (Bytes, bool) {
        let room = self.left().filter(|left| piece.len() as u64 > *left);
        if let Some(left) = room {
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            report_surplus(&self.exchange);
        }
        if !piece.is_empty() {
            self.count(piece.len() as u64);
        }
        (piece, room.is_some())
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
        if let Some(Panicked(text)) = error.downcast_ref() {
            return self.panicked(text);
        }
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

    /// Takes out of a body's trailers what may not be sent; `None` if nothing is left to send.
    fn trailers(&self, mut trailers: HeaderMap) -> Option<HeaderMap> {
        let refused: Vec<_> = trailers.keys().filter(|name| is_forbidden(name)).cloned().collect();
        for name in refused {
            tracing::warn!(target: "rsgi", trailer = name.as_str(), "forbidden trailer removed");
            trailers.remove(name);
        }
        if let TrailerRule::Announced(names) = &self.trailers {
            let unannounced: Vec<_> = trailers.keys().filter(|name| !names.contains(name)).cloned().collect();
            for name in unannounced {
                tracing::warn!(target: "rsgi", trailer = name.as_str(), "trailer that wasn't announced removed");
                trailers.remove(name);
            }
        }
        if self.trailers != TrailerRule::Drop && !trailers.is_empty() {
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

/// Records and logs, once, that a body holds more than was declared.
pub(crate) fn report_surplus(exchange: &Exchange) {
    if exchange.current_fault() != Some(Fault::Surplus) {
        let (connection, request) = (exchange.connection().id, exchange.number());
        tracing::error!(target: "rsgi", connection, request, "body longer than content-length: cut");
        exchange.fault(Fault::Surplus);
    }
}

/// The sink a producer writes to: counts, and remembers the client's error, which a push closure might swallow.
struct Metered<'a> {
    sink: &'a mut dyn Sink,
    meter: &'a mut Meter,
    client: Option<io::Error>,
    /// Whether the producer went on beyond the declared length; it got an error for it.
    cut: bool,
}

impl Metered<'_> {
    /// Fails at once where the client has gone: a sink isn't asked again after its error, as each might wait anew.
    fn check(&self) -> io::Result<()> {
        self.client.as_ref().map_or(Ok(()), |error| Err(error.kind().into()))
    }

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
        self.check()?;
        let (piece, cut) = self.meter.take(piece);
        if !piece.is_empty() {
            let result = self.sink.data(piece);
            self.pass(result)?;
        }
        if cut {
            // Without an error an endless producer would never come back.
            self.cut = true;
            return Err(io::Error::other("content-length reached: the rest isn't sent"));
        }
        Ok(())
    }

    fn copy(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.meter.left().is_some_and(|left| piece.len() as u64 > left) {
            return self.data(Bytes::copy_from_slice(piece));
        }
        self.check()?;
        if piece.is_empty() {
            return Ok(());
        }
        self.meter.count(piece.len() as u64);
        let result = self.sink.copy(piece);
        self.pass(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.check()?;
        let result = self.sink.flush();
        self.pass(result)
    }

    fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
        self.check()?;
        match self.meter.trailers(trailers) {
            Some(trailers) => {
                let result = self.sink.trailers(trailers);
                self.pass(result)
            }
            None => Ok(()),
        }
    }
}
