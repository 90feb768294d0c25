//! One request in memory: the app polled, its body polled, every event in its order.
//!
//! Blocking work runs inline on a thread marked as one that may block, or by the server's pool, never both. The outcome
//! is told once: after the last event was taken in, or when the test's client vanishes.
//!
//! Invariant: nothing runs unless it is polled.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{self, HeaderValue};
use rsgi_core::http::{HeaderMap, Response, Version};
use rsgi_core::http_body::Body as _;
use rsgi_core::{
    AcceptedBy, BoxApp, Cause, Delivery, InputErrorKind, Offload, Outcome, Outgoing, Sink, may_block, respond,
};

use super::feed::Feed;
use super::head::{self, Made};
use super::{Idle, Line, lock};
use crate::client::answer::Framing;
use crate::client::error::{ClientError, ClientErrorKind};
use crate::client::outline::Outline;
use crate::client::road::{AnswerHead, Event, Flight, Pace};

type Answering = Pin<Box<dyn Future<Output = Response<Outgoing>> + Send>>;

enum Stage {
    App(Answering),
    Body(Box<Outgoing>),
    Over,
}

/// One request and its answer.
pub(super) struct MemoryFlight {
    stage: Stage,
    feed: Arc<Feed>,
    line: Line,
    home: Option<Idle>,
    keeps: bool,
    version: Version,
    deadline: Option<Duration>,
    passed: Duration,
    outcome: Arc<Mutex<Option<Outcome>>>,
    events: VecDeque<Event>,
}

impl MemoryFlight {
    pub(super) fn new(
        app: Arc<BoxApp>,
        outline: Outline,
        line: Line,
        home: Option<Idle>,
    ) -> Result<Self, ClientError> {
        let (version, deadline) = (outline.version, outline.deadline);
        let Made { environ, feed, keeps, is_bad } = head::make(outline, &line.exchange, &line.said)?;
        let outcome = Arc::new(Mutex::new(None));
        let told = Arc::clone(&outcome);
        environ.on_outcome(move |outcome| *lock(&told) = Some(outcome.clone()));
        let answering: Answering = if is_bad {
            Box::pin(async move { respond(&head::refuse, environ).await })
        } else {
            Box::pin(async move { respond(&*app, environ).await })
        };
        let (stage, passed, events) = (Stage::App(answering), Duration::ZERO, VecDeque::new());
        Ok(Self { stage, feed, line, home, keeps, version, deadline, passed, outcome, events })
    }

    /// Runs a step where the app's code may run.
    fn within<T>(&self, step: impl FnOnce() -> T) -> T {
        match self.line.exchange.connection().server.offload {
            Offload::Inline => may_block(step),
            _ => step(),
        }
    }

    /// Takes in what was said before the final head.
    fn hear(&mut self) {
        while let Some(head) = self.line.said.next_head() {
            self.events.push_back(Event::Informational(head));
        }
    }

    fn step(&mut self, pace: Pace, context: &mut Context<'_>) {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::App(mut answering) => {
                let polled = self.within(|| answering.as_mut().poll(context));
                self.hear();
                match polled {
                    Poll::Pending => self.stage = Stage::App(answering),
                    Poll::Ready(response) => {
                        self.within(|| drop(answering));
                        self.head(response);
                    }
                }
            }
            Stage::Body(mut outgoing) if pace == Pace::Whole && outgoing.blocks() => {
                let result = self.driven(&mut outgoing);
                self.close(result);
            }
            Stage::Body(outgoing) => self.polled(outgoing, context),
            Stage::Over => {}
        }
    }

    fn head(&mut self, response: Response<Outgoing>) {
        let (mut parts, outgoing) = response.into_parts();
        let framing = match outgoing.framing() {
            rsgi_core::Framing::None => Framing::None,
            rsgi_core::Framing::Length(length) => {
                parts.headers.entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
                Framing::Length(length)
            }
            rsgi_core::Framing::Upgraded(_) => Framing::Upgraded,
            _ if self.version > Version::HTTP_11 => Framing::Stream,
            _ if self.version == Version::HTTP_11 => Framing::Chunked,
            _ => Framing::Close,
        };
        if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now())) {
            parts.headers.entry(header::DATE).or_insert(date);
        }
        let drain = &self.line.exchange.connection().server.drain;
        self.keeps &= !drain.has_begun()
            && !outgoing.close_after()
            && !matches!(framing, Framing::Close | Framing::Upgraded);
        if !self.keeps && self.version == Version::HTTP_11 && framing != Framing::Upgraded {
            parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let (status, version, headers) = (parts.status, self.version, parts.headers);
        self.events.push_back(Event::Head(AnswerHead { status, version, headers, framing }));
        self.stage = Stage::Body(Box::new(outgoing));
    }

    /// Drives a body that blocks to its end.
    fn driven(&mut self, outgoing: &mut Outgoing) -> Result<(), rsgi_core::OutgoingError> {
        let mut gathered = Gathered(std::mem::take(&mut self.events));
        let result = self.within(|| outgoing.write_to(&mut gathered));
        self.events = gathered.0;
        result
    }

    fn polled(&mut self, mut outgoing: Box<Outgoing>, context: &mut Context<'_>) {
        let frame = self.within(|| Pin::new(&mut *outgoing).poll_frame(context));
        match frame {
            Poll::Pending => self.stage = Stage::Body(outgoing),
            Poll::Ready(None) => {
                self.within(|| drop(outgoing));
                self.close(Ok(()));
            }
            Poll::Ready(Some(Err(error))) => {
                self.within(|| drop(outgoing));
                self.close(Err(error));
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.stage = Stage::Body(outgoing);
                match frame.into_data() {
                    Ok(data) if data.is_empty() => context.waker().wake_by_ref(),
                    Ok(data) => self.events.push_back(Event::Piece(data)),
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        self.events.push_back(Event::Trailers(trailers));
                    }
                }
            }
        }
    }

    /// Ends the answer: tells its outcome, and gives the connection back if it can be used again.
    fn close(&mut self, result: Result<(), rsgi_core::OutgoingError>) {
        match result {
            Ok(()) => {
                self.line.exchange.tell(Delivery::Whole(AcceptedBy::Caller));
                self.events.push_back(Event::End);
            }
            Err(error) => {
                self.keeps = false;
                self.line.exchange.tell(Delivery::Failed);
                let broken = ClientError::new(ClientErrorKind::Broken, "the answer broke off");
                self.events.push_back(Event::Broken(broken.with_source(error)));
            }
        }
    }

    /// Ends the request from the client's side.
    fn break_off(&mut self, cause: Cause, input: InputErrorKind, delivery: Delivery) {
        if self.outcome().is_some() {
            return;
        }
        self.keeps = false;
        self.line.exchange.disconnect(cause);
        self.feed.fail(input);
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        self.within(|| drop(stage));
        self.line.exchange.tell(delivery);
        self.events.clear();
        let broken = ClientError::new(ClientErrorKind::Vanished, format!("the client has gone: {cause:?}"));
        self.events.push_back(Event::Broken(broken));
    }
}

impl Flight for MemoryFlight {
    fn poll(&mut self, pace: Pace, context: &mut Context<'_>) -> Poll<Event> {
        if self.events.is_empty() {
            self.line.said.wake(context.waker());
            self.hear();
        }
        if self.events.is_empty() {
            self.step(pace, context);
        }
        self.events.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn switch(&mut self) {
        self.feed.switch();
    }

    fn feed(&mut self, piece: Bytes) -> Result<(), ClientError> {
        self.feed.feed(piece);
        Ok(())
    }

    fn end_input(&mut self, trailers: Option<HeaderMap>) -> Result<(), ClientError> {
        self.feed.end(trailers);
        Ok(())
    }

    fn break_input(&mut self, kind: InputErrorKind) -> Result<(), ClientError> {
        self.keeps = false;
        self.feed.fail(kind);
        Ok(())
    }

    fn advance(&mut self, time: Duration) -> Result<(), ClientError> {
        self.passed += time;
        if self.deadline.is_some_and(|deadline| self.passed >= deadline) {
            self.break_off(Cause::TimedOut, InputErrorKind::TimedOut, Delivery::TimedOut);
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), ClientError> {
        self.line.exchange.connection().server.drain.begin();
        Ok(())
    }

    fn vanish(&mut self, cause: Cause) {
        self.break_off(cause, InputErrorKind::Disconnected, Delivery::Aborted(cause));
    }

    fn outcome(&self) -> Option<Outcome> {
        lock(&self.outcome).clone()
    }

    fn errors(&self) -> Vec<u8> {
        self.line.said.errors()
    }
}

impl Drop for MemoryFlight {
    /// A test that lost interest is a client that went away.
    fn drop(&mut self) {
        self.vanish(Cause::Closed);
        if let (true, Some(home)) = (self.keeps, &self.home) {
            let (exchange, said) = (Arc::clone(&self.line.exchange), Arc::clone(&self.line.said));
            lock(home).push(Line { exchange, said });
        }
    }
}

/// Takes in what a body that blocks writes.
struct Gathered(VecDeque<Event>);

impl Sink for Gathered {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        self.0.push_back(Event::Piece(piece));
        Ok(())
    }

    fn copy(&mut self, piece: &[u8]) -> io::Result<()> {
        self.data(Bytes::copy_from_slice(piece))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
        self.0.push_back(Event::Trailers(trailers));
        Ok(())
    }
}
