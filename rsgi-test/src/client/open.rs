//! A request that is under way, step by step: what came so far, and the test's hands on time, readiness and input.
//!
//! Two ways to go on: one poll at a time ([`Open::poll`]), after which nothing has happened but that poll, or waiting
//! for what comes next ([`Open::head`], [`Open::piece`], [`Open::finish`]). Every wait has a bound.
//!
//! Read next: `road.rs`, whose events this gathers.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::HeaderMap;
use rsgi_core::{Cause, InputErrorKind, Outcome};
use url::Url;

use crate::client::answer::{Answer, Framing, Informational};
use crate::client::cookies::Jar;
use crate::client::error::{ClientError, ClientErrorKind};
use crate::client::road::{Event, Flight, Pace};
use crate::client::tunnel::Tunnel;
use crate::wire::deadline::patience;

/// What one poll brought.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// Nothing: the app or its body waits.
    Pending,
    /// An informational head, or the final one.
    Head,
    /// A piece of the content.
    Piece(Bytes),
    /// The end of a whole answer.
    End,
    /// The end of an answer that isn't whole.
    Broken(ClientError),
}

/// A request that is under way. Dropping it is a client that goes away.
///
/// # Examples
///
/// A stream, step by step:
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{Body, Environ, Error, StartResponse, Started};
/// use rsgi_test::{Client, Step};
///
/// async fn echo(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     let body = Body::duplex(environ.take_input(), async |mut input, sender| {
///         while let Some(piece) = input.piece().await {
///             sender.send(piece?).await?;
///         }
///         Ok(())
///     });
///     Ok(start_response.status(StatusCode::OK).body(body))
/// }
///
/// let client = Client::new(echo);
/// let mut open = client.post("/").by_hand().open().unwrap();
/// assert!(matches!(open.poll(), Step::Head));
/// assert!(matches!(open.poll(), Step::Pending));
/// open.feed("tick");
/// assert_eq!(open.piece().unwrap().unwrap(), "tick");
/// open.end_input();
/// assert!(open.finish().is_whole());
/// ```
///
/// A client that vanishes:
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{Cause, Delivery, Environ, Error, StartResponse, Started};
/// use rsgi_test::{Client, Step};
///
/// async fn patient(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     std::future::pending::<()>().await;
///     Ok(start_response.status(StatusCode::OK).empty())
/// }
///
/// let client = Client::new(patient);
/// let mut open = client.get("/").open().unwrap();
/// assert!(matches!(open.poll(), Step::Pending));
/// open.vanish();
/// assert_eq!(open.outcome().unwrap().delivery, Delivery::Aborted(Cause::Closed));
/// ```
#[must_use = "dropped, the client goes away"]
pub struct Open {
    flight: Box<dyn Flight>,
    /// Where cookies are kept, and whose they are.
    jar: Option<(Arc<Jar>, Url)>,
    /// Before the final head.
    informational: Vec<Informational>,
    answer: Option<Answer>,
    /// What a tunnel read too far.
    put_back: Option<Bytes>,
    /// Set by the last event, and whether the answer is whole.
    ended: Option<bool>,
}

impl Open {
    pub(crate) fn new(flight: Box<dyn Flight>, jar: Option<(Arc<Jar>, Url)>) -> Self {
        Self { flight, jar, informational: Vec::new(), answer: None, put_back: None, ended: None }
    }

    /// The status, once the head is there.
    pub fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(Answer::status)
    }

    /// What came so far, once the head is there.
    pub fn so_far(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    /// The informational answers so far.
    pub fn informational(&self) -> &[Informational] {
        self.answer.as_ref().map_or(&self.informational, Answer::informational)
    }

    /// What the app was told of its answer; in memory only.
    pub fn outcome(&self) -> Option<Outcome> {
        self.flight.outcome()
    }

    /// What the app wrote to its error stream so far; in memory only.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.flight.errors()).into_owned()
    }

    /// Polls the app, or its body, once, with a waker that does nothing. A live server is waited for.
    pub fn poll(&mut self) -> Step {
        loop {
            if let Some(is_whole) = self.ended {
                return self.over(is_whole);
            }
            match self.flight.poll(Pace::Step, &mut Context::from_waker(Waker::noop())) {
                Poll::Pending => return Step::Pending,
                Poll::Ready(event) => {
                    if let Some(step) = self.take(event) {
                        return step;
                    }
                }
            }
        }
    }

    /// Waits for the final head and gives the answer so far.
    ///
    /// # Errors
    ///
    /// No head came.
    pub fn head(&mut self) -> Result<&Answer, ClientError> {
        while self.answer.is_none() {
            match self.step(Pace::Step) {
                Step::Broken(error) => return Err(error),
                Step::End => return Err(ClientError::new(ClientErrorKind::Broken, "no head came")),
                _ => {}
            }
        }
        self.answer.as_ref().ok_or_else(|| ClientError::new(ClientErrorKind::Broken, "no head came"))
    }

    /// Waits for the next piece of the content; `None` at the end of a whole answer.
    pub fn piece(&mut self) -> Option<Result<Bytes, ClientError>> {
        if let Some(piece) = self.put_back.take() {
            return Some(Ok(piece));
        }
        loop {
            match self.step(Pace::Step) {
                Step::Piece(piece) => return Some(Ok(piece)),
                Step::End => return None,
                Step::Broken(error) => return Some(Err(error)),
                Step::Pending | Step::Head => {}
            }
        }
    }

    /// Awaits the next piece, as [`piece`](Self::piece), for apps that need the runtime of the test. A live server is
    /// waited for on the calling thread.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn piece_async(&mut self) -> Option<Result<Bytes, ClientError>> {
        if let Some(piece) = self.put_back.take() {
            return Some(Ok(piece));
        }
        loop {
            match self.step_async(Pace::Step).await {
                Step::Piece(piece) => return Some(Ok(piece)),
                Step::End => return None,
                Step::Broken(error) => return Some(Err(error)),
                Step::Pending | Step::Head => {}
            }
        }
    }

    /// Both directions of a stream that the server handed over, once the head is there; `None` if it didn't. Content sent
    /// [by hand](crate::Request::by_hand) that hasn't ended ends here: what follows is the stream's (RFC 9110 section 7.8).
    pub fn upgraded(&mut self) -> Option<Tunnel<'_>> {
        let is_upgraded = self.answer.as_ref().is_some_and(|answer| answer.framing() == Framing::Upgraded);
        if is_upgraded {
            self.flight.switch();
        }
        is_upgraded.then(|| Tunnel::new(self))
    }

    pub(crate) fn put_back(&mut self, piece: Bytes) {
        self.put_back = Some(piece);
    }

    /// Sends a piece of the content, of a request made with [`by_hand`](crate::Request::by_hand).
    ///
    /// # Panics
    ///
    /// The server takes no more.
    pub fn feed(&mut self, piece: impl Into<Bytes>) -> &mut Self {
        readable(self.flight.feed(piece.into()));
        self
    }

    /// Ends the content; of a stream that the server handed over, behind its content, the client's direction.
    ///
    /// # Panics
    ///
    /// The server takes no more.
    pub fn end_input(&mut self) -> &mut Self {
        readable(self.flight.end_input(None));
        self
    }

    /// Ends the content with trailers.
    ///
    /// # Panics
    ///
    /// The server takes no more.
    pub fn end_input_with(&mut self, trailers: HeaderMap) -> &mut Self {
        readable(self.flight.end_input(Some(trailers)));
        self
    }

    /// Breaks the content off, by an error of this kind as the app sees it.
    ///
    /// # Panics
    ///
    /// The server is a live one: break its input by [`vanish`](Self::vanish).
    pub fn break_input(&mut self, kind: InputErrorKind) -> &mut Self {
        readable(self.flight.break_input(kind));
        self
    }

    /// Lets time pass. Past the request's deadline it is ended as timed out.
    ///
    /// # Panics
    ///
    /// The server is a live one.
    pub fn advance(&mut self, time: Duration) -> &mut Self {
        readable(self.flight.advance(time));
        self
    }

    /// Begins the server's graceful end, which apps see by their drain token.
    ///
    /// # Panics
    ///
    /// The server is a live one.
    pub fn drain(&mut self) -> &mut Self {
        readable(self.flight.drain());
        self
    }

    /// Goes away without a word: the disconnect token fires, an async app's future and body are dropped, and the
    /// outcome is told as aborted.
    pub fn vanish(&mut self) -> &mut Self {
        self.vanish_by(Cause::Closed)
    }

    /// Goes away in this way, such as by a reset.
    pub fn vanish_by(&mut self, cause: Cause) -> &mut Self {
        self.flight.vanish(cause);
        self
    }

    /// Waits for the end and gives what came, whole or not: see [`Answer::is_whole`].
    ///
    /// # Panics
    ///
    /// Not even a head came.
    pub fn finish(mut self) -> Answer {
        match self.collect() {
            Ok(answer) => answer,
            Err(error) => {
                let came = error.came().cloned();
                came.unwrap_or_else(|| panic!("no answer came: {error}{}", source(&error)))
            }
        }
    }

    /// Waits for the whole answer.
    pub(crate) fn collect(&mut self) -> Result<Answer, ClientError> {
        loop {
            match self.step(Pace::Whole) {
                Step::End => return self.whole(),
                Step::Broken(error) => return Err(error),
                _ => {}
            }
        }
    }

    /// Waits for the whole answer where the caller's runtime runs.
    pub(crate) async fn collect_async(&mut self) -> Result<Answer, ClientError> {
        loop {
            match self.step_async(Pace::Whole).await {
                Step::End => return self.whole(),
                Step::Broken(error) => return Err(error),
                _ => {}
            }
        }
    }

    async fn step_async(&mut self, pace: Pace) -> Step {
        loop {
            if let Some(is_whole) = self.ended {
                return self.over(is_whole);
            }
            let event = poll_fn(|context| self.flight.poll(pace, context)).await;
            if let Some(step) = self.take(event) {
                return step;
            }
        }
    }

    fn whole(&mut self) -> Result<Answer, ClientError> {
        self.so_told().ok_or_else(|| ClientError::new(ClientErrorKind::Broken, "no head came"))
    }

    /// The answer so far, with what is known of it now.
    fn so_told(&self) -> Option<Answer> {
        let mut answer = self.answer.clone()?;
        answer.told(self.flight.outcome(), self.flight.errors());
        Some(answer)
    }

    /// Waits for the next event, within bounds.
    fn step(&mut self, pace: Pace) -> Step {
        if let Some(is_whole) = self.ended {
            return self.over(is_whole);
        }
        let parker = Arc::new(Parker { thread: thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&parker));
        let end = Instant::now() + patience();
        loop {
            if let Poll::Ready(event) = self.flight.poll(pace, &mut Context::from_waker(&waker)) {
                if let Some(step) = self.take(event) {
                    return step;
                }
            } else if !parker.wait(end) {
                let silent = ClientError::new(ClientErrorKind::Silent, "nothing comes");
                return Step::Broken(silent.with_answer(self.so_told()));
            }
        }
    }

    /// What there is behind the end.
    fn over(&self, is_whole: bool) -> Step {
        if is_whole {
            return Step::End;
        }
        let broken = ClientError::new(ClientErrorKind::Broken, "the answer broke off before");
        Step::Broken(broken.with_answer(self.so_told()))
    }

    /// Takes an event in.
    fn take(&mut self, event: Event) -> Option<Step> {
        match event {
            Event::Informational(informational) => {
                self.informational.push(informational);
                Some(Step::Head)
            }
            Event::Head(head) => {
                if let Some((jar, url)) = &self.jar {
                    jar.keep(url, &head.headers);
                }
                self.answer = Some(Answer::new(head, std::mem::take(&mut self.informational)));
                Some(Step::Head)
            }
            Event::Piece(piece) => {
                if let Some(answer) = &mut self.answer {
                    answer.add(piece.clone());
                }
                Some(Step::Piece(piece))
            }
            Event::Trailers(trailers) => {
                if let Some(answer) = &mut self.answer {
                    answer.set_trailers(trailers);
                }
                None
            }
            Event::End => {
                self.ended = Some(true);
                if let Some(answer) = &mut self.answer {
                    answer.end();
                }
                Some(Step::End)
            }
            Event::Broken(error) => {
                self.ended = Some(false);
                Some(Step::Broken(error.with_answer(self.so_told())))
            }
        }
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Open")
            .field("answer", &self.answer)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// Wakes the thread that waits.
struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

impl Parker {
    /// Waits for a wake; `false` once the time is over.
    fn wait(&self, end: Instant) -> bool {
        while !self.woken.swap(false, Ordering::Acquire) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
        }
        true
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Fails the test by what went wrong.
fn readable<T>(result: Result<T, ClientError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}{}", source(&error)))
}

/// The sources of an error, for people.
pub(crate) fn source(error: &ClientError) -> String {
    let mut text = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
