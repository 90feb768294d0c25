//! [`Sse`]: events that a server sends as they happen (the `EventSource` of HTML's living standard, section 9.2).
//!
//! The stream ends itself when the server goes down, so that nobody has to wait for it; the client connects again by itself.

use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use rsgi_core::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use rsgi_core::{Body, Drain, bytes::Bytes};
use serde::Serialize;

use crate::error::Error;
use crate::request::Request;
use crate::response::{IntoResponse, Response};

/// An event of [`Sse`].
///
/// # Examples
///
/// ```
/// use frasco::Event;
///
/// let event = Event::data("two\nlines").id("7").event("note");
/// assert_eq!(event.to_text().unwrap(), "event: note\nid: 7\ndata: two\ndata: lines\n\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    comment: Option<String>,
    name: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    data: Option<String>,
}

impl Event {
    /// An event with this text, of any number of lines.
    pub fn data(text: impl Into<String>) -> Self {
        Self { data: Some(text.into()), ..Self::default() }
    }

    /// An event with a value as JSON.
    ///
    /// # Errors
    ///
    /// The value can't be written as JSON.
    pub fn json(value: &impl Serialize) -> Result<Self, Error> {
        Ok(Self::data(serde_json::to_string(value)?))
    }

    /// A line that no client acts on: sent now and then, it keeps proxies from taking the stream for dead.
    pub fn comment(text: impl Into<String>) -> Self {
        Self { comment: Some(text.into()), ..Self::default() }
    }

    /// Names the kind of event; one line. Default: `message`, to clients.
    #[must_use]
    pub fn event(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the id that the client says, as `Last-Event-ID`, when it connects again; one line.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets how long the client waits before it connects again, in whole milliseconds.
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(after);
        self
    }

    /// The event as it is sent.
    ///
    /// # Errors
    ///
    /// Its name or id has more than one line, or the id a NUL, which no client would take.
    pub fn to_text(&self) -> Result<String, Error> {
        let one_line = |what: &str, text: &str| {
            if !text.contains(['\r', '\n', '\0']) {
                return Ok(());
            }
            Err(Error::msg(format!("the {what} {text:?} of an event has more than one line, or a NUL")))
        };
        let mut text = String::new();
        if let Some(comment) = &self.comment {
            lines(comment).for_each(|line| text.extend([": ", line, "\n"]));
        }
        if let Some(name) = &self.name {
            one_line("name", name)?;
            text.extend(["event: ", name, "\n"]);
        }
        if let Some(id) = &self.id {
            one_line("id", id)?;
            text.extend(["id: ", id, "\n"]);
        }
        if let Some(after) = self.retry {
            let _ = writeln!(text, "retry: {}", after.as_millis());
        }
        if let Some(data) = &self.data {
            lines(data).for_each(|line| text.extend(["data: ", line, "\n"]));
        }
        text.push('\n');
        Ok(text)
    }
}

/// The lines of a text, by each of the three ends that a client knows.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// What a stream of events may give: an [`Event`], or a `Result` of one, whose error breaks the stream off.
///
/// # Examples
///
/// ```
/// use frasco::{Error, Event, IntoEvent};
///
/// assert_eq!(Event::data("x").into_event().unwrap(), Event::data("x"));
/// assert!(Err::<Event, Error>(Error::msg("no more")).into_event().is_err());
/// ```
pub trait IntoEvent: Send {
    /// The event.
    ///
    /// # Errors
    ///
    /// What breaks the stream off.
    fn into_event(self) -> Result<Event, Error>;
}

impl IntoEvent for Event {
    fn into_event(self) -> Result<Event, Error> {
        Ok(self)
    }
}

impl<E: Into<Error> + Send> IntoEvent for Result<Event, E> {
    fn into_event(self) -> Result<Event, Error> {
        self.map_err(Into::into)
    }
}

/// An answer of events, each sent as it comes, with `Cache-Control: no-cache` and, so that nginx gathers none, `X-Accel-Buffering: no`.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Event, Sse};
///
/// fn countdown() -> Sse {
///     Sse::iter((1..=3).rev().map(|number| Event::data(number.to_string())))
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let answer = rsgi_test::Client::new(App::builder("app").get("/", countdown).build()?).get("/").answer();
/// assert_eq!(answer.field("content-type"), Some("text/event-stream"));
/// assert_eq!(answer.text(), "data: 3\n\ndata: 2\n\ndata: 1\n\n");
/// # Ok(())
/// # }
/// ```
pub struct Sse(Source);

enum Source {
    Stream(Pin<Box<dyn Stream<Item = Result<Event, Error>> + Send>>),
    Iter(Box<dyn Iterator<Item = Result<Event, Error>> + Send>),
}

impl Sse {
    /// Sends the events of an async stream.
    pub fn stream<S>(events: S) -> Self
    where
        S: Stream + Send + 'static,
        S::Item: IntoEvent,
    {
        Self(Source::Stream(Box::pin(Events(Box::pin(events)))))
    }

    /// Sends the events of an iterator, which may block until the next one is there.
    pub fn iter<I>(events: I) -> Self
    where
        I: IntoIterator,
        I::IntoIter: Send + 'static,
        I::Item: IntoEvent + 'static,
    {
        Self(Source::Iter(Box::new(events.into_iter().map(IntoEvent::into_event))))
    }
}

impl std::fmt::Debug for Sse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sse(..)")
    }
}

impl IntoResponse for Sse {
    fn into_response(self, request: &Request) -> Result<Response, Error> {
        let drain = request.drain();
        let body = match self.0 {
            Source::Stream(events) => Body::stream(Until { events, begun: Box::pin(drain.begun()) }),
            Source::Iter(events) => Body::iter(Drained { events, drain }),
        };
        let mut response = Response::of(body);
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        fields.insert(UNBUFFERED, HeaderValue::from_static("no"));
        Ok(response)
    }
}

struct Events<S>(Pin<Box<S>>);

impl<S: Stream<Item: IntoEvent>> Stream for Events<S> {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context).map(|event| event.map(IntoEvent::into_event))
    }
}

type Piece = Result<Bytes, rsgi_core::Error>;

fn piece(event: Result<Event, Error>) -> Piece {
    Ok(event.and_then(|event| event.to_text())?.into())
}

/// Events until the server goes down.
struct Until {
    events: Pin<Box<dyn Stream<Item = Result<Event, Error>> + Send>>,
    begun: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Stream for Until {
    type Item = Piece;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        if self.begun.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        self.events.as_mut().poll_next(context).map(|event| event.map(piece))
    }
}

/// The same of what blocks: looked at before each event.
struct Drained {
    events: Box<dyn Iterator<Item = Result<Event, Error>> + Send>,
    drain: Drain,
}

impl Iterator for Drained {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.drain.has_begun() { None } else { self.events.next().map(piece) }
    }
}

/// By which nginx, before the app, hands each event on at once: it would gather them (its `proxy_buffering`).
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

#[cfg(test)]
mod tests {
    use rsgi_test::{Client, Step};

    use super::*;
    use crate::{App, Route};

    #[test]
    fn an_event_has_a_line_for_each_of_its_parts() {
        let text = |event: Event| event.to_text().unwrap();
        assert_eq!(text(Event::data("")), "data: \n\n");
        assert_eq!(text(Event::data("a\r\nb\rc\n")), "data: a\ndata: b\ndata: c\ndata: \n\n");
        assert_eq!(text(Event::comment("still\nhere")), ": still\n: here\n\n");
        let all = Event::json(&[1, 2]).unwrap().event("sum").id("3").retry(Duration::from_secs(2));
        assert_eq!(text(all), "event: sum\nid: 3\nretry: 2000\ndata: [1,2]\n\n");
        for event in [Event::data("x").id("a\nb"), Event::data("x").event("a\rb"), Event::data("x").id("\0")]
        {
            assert!(event.to_text().is_err(), "{event:?}");
        }
    }

    /// One event, and then nothing for ever.
    struct OneAndWait(bool);

    impl Stream for OneAndWait {
        type Item = Event;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Event>> {
            if std::mem::replace(&mut self.0, true) {
                Poll::Pending
            } else {
                Poll::Ready(Some(Event::data("one")))
            }
        }
    }

    #[test]
    fn each_event_goes_out_at_once_and_the_stream_ends_with_the_server() {
        let route = Route::new("/", async || Sse::stream(OneAndWait(false))).endpoint("events");
        let client = Client::new(App::builder("app").route(route).build().unwrap());
        let mut open = client.get("/").open().unwrap();
        assert!(matches!(open.poll(), Step::Head));
        let head = open.so_far().unwrap();
        assert_eq!(
            (head.field("cache-control"), head.field("x-accel-buffering")),
            (Some("no-cache"), Some("no"))
        );
        assert!(matches!(open.poll(), Step::Piece(piece) if piece == "data: one\n\n"));
        assert!(matches!(open.poll(), Step::Pending));
        open.drain();
        assert!(matches!(open.poll(), Step::End));
    }

    #[test]
    fn what_blocks_ends_with_the_server_too() {
        let route =
            Route::new("/", || Sse::iter(std::iter::repeat_with(|| Event::data("x")))).endpoint("events");
        let client = Client::new(App::builder("app").route(route).build().unwrap());
        let mut open = client.get("/").open().unwrap();
        assert!(open.piece().unwrap().unwrap().starts_with(b"data: x\n\n"));
        open.drain();
        assert!(open.finish().is_whole());
    }

    #[test]
    fn an_error_breaks_the_stream_off_visibly() {
        let events = || [Ok(Event::data("one")), Err(Error::msg("no more"))];
        let route = Route::new("/", move || Sse::iter(events())).endpoint("events");
        let client = Client::new(App::builder("app").route(route).build().unwrap());
        let mut open = client.get("/").open().unwrap();
        assert!(!open.head().unwrap().is_whole());
        assert_eq!(open.piece().unwrap().unwrap(), "data: one\n\n");
        assert!(open.piece().unwrap().is_err(), "no end, but a break");
    }
}
