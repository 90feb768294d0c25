//! The server of these tests: it asks an app through `respond`, takes the answer apart and tells the outcome.
//!
//! It polls as an async adapter does, or drives what blocks as a blocking one does; no bytes cross a wire.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use http_body::Body as _;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, Request, StatusCode};
use rsgi_core::{
    AcceptedBy, App, Capabilities, Delivery, Environ, Framing, Input, Outcome, Outgoing, OutgoingErrorKind,
    Server, Sink, may_block, respond, wait,
};

/// A whole answer, as a client and the log see it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) framing: Framing,
    pub(crate) close: bool,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) error: Option<OutgoingErrorKind>,
    pub(crate) outcome: Outcome,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// How the answer's body is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Road {
    Polled,
    Driven,
}

/// A server that can do nothing beyond plain answers.
pub(crate) fn plain() -> Server {
    Server::new("toy", "1.2")
}

/// One that can do something more.
pub(crate) fn able(capabilities: Capabilities) -> Server {
    let mut server = plain();
    server.capabilities = capabilities;
    server
}

pub(crate) fn get() -> Request<Input> {
    Request::new(Input::empty())
}

pub(crate) fn request(method: &str, target: &str) -> Request<Input> {
    Request::builder().method(method).uri(target).body(Input::empty()).unwrap()
}

/// Asks on a blocking server, polling the answer.
pub(crate) fn ask(app: &impl App, request: Request<Input>) -> Answer {
    ask_on(app, Environ::on_server(request, able(Capabilities::TRAILERS)), Road::Polled)
}

/// Asks twice, by either road, and sees to it that both give the same.
pub(crate) fn ask_both(app: &impl App, request: impl Fn() -> Request<Input>) -> Answer {
    let polled = ask(app, request());
    let driven = ask_on(app, Environ::on_server(request(), able(Capabilities::TRAILERS)), Road::Driven);
    let facts = |answer: &Answer| {
        let Answer { status, headers, framing, close, body, trailers, error, outcome } = answer;
        let outcome = (outcome.delivery, outcome.phase, outcome.body_bytes, outcome.fault, outcome.trailers);
        format!("{:?}", (status, headers, framing, close, body, trailers, error, outcome))
    };
    assert_eq!(facts(&polled), facts(&driven));
    polled
}

/// Asks with an environ of the test's making.
pub(crate) fn ask_on(app: &impl App, environ: Environ, road: Road) -> Answer {
    let exchange = Arc::clone(environ.exchange());
    let told = told(&environ);
    let (parts, mut outgoing) = may_block(|| wait(respond(app, environ))).into_parts();
    let (framing, close) = (outgoing.framing(), outgoing.close_after());
    let mut sink = Taken::default();
    let ended = match road {
        Road::Polled => take_polled(&mut outgoing, &mut sink),
        Road::Driven => may_block(|| outgoing.write_to(&mut sink)).map_err(|error| error.kind()),
    };
    drop(outgoing);
    exchange.tell(match ended {
        Ok(()) => Delivery::Whole(AcceptedBy::Caller),
        Err(_) => Delivery::Failed,
    });
    let outcome = told.lock().unwrap().take().unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        framing,
        close,
        body: sink.body,
        trailers: sink.trailers,
        error: ended.err(),
        outcome,
    }
}

/// Where an environ's outcome will be.
pub(crate) fn told(environ: &Environ) -> Arc<Mutex<Option<Outcome>>> {
    let told = Arc::new(Mutex::new(None));
    let callback = Arc::clone(&told);
    environ.on_outcome(move |outcome| {
        assert!(callback.lock().unwrap().replace(outcome.clone()).is_none(), "told twice");
    });
    told
}

fn take_polled(outgoing: &mut Outgoing, sink: &mut Taken) -> Result<(), OutgoingErrorKind> {
    while let Some(frame) = wait(poll_fn(|context| Pin::new(&mut *outgoing).poll_frame(context))) {
        match frame.map_err(|error| error.kind())?.into_data() {
            Ok(data) => {
                assert!(!data.is_empty(), "an empty piece reached the adapter");
                sink.body.extend_from_slice(&data);
            }
            Err(frame) => sink.trailers = Some(frame.into_trailers().unwrap()),
        }
    }
    assert!(outgoing.is_end_stream());
    Ok(())
}

/// Polls a body once.
pub(crate) fn poll(outgoing: &mut Outgoing, waker: &Waker) -> Poll<Option<Result<Bytes, OutgoingErrorKind>>> {
    Pin::new(outgoing).poll_frame(&mut Context::from_waker(waker)).map(|frame| {
        frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.into_data().unwrap()),
            Err(error) => Err(error.kind()),
        })
    })
}

/// What a driven body wrote.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) flushes: usize,
}

impl Sink for Taken {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        assert!(!piece.is_empty(), "an empty piece reached the adapter");
        self.body.extend_from_slice(&piece);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushes += 1;
        Ok(())
    }

    fn trailers(&mut self, trailers: HeaderMap) -> io::Result<()> {
        assert!(self.trailers.replace(trailers).is_none(), "trailers twice");
        Ok(())
    }
}

/// A waker that counts.
#[derive(Debug, Default)]
pub(crate) struct Count(pub(crate) std::sync::atomic::AtomicUsize);

impl Count {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (Arc::clone(&count), Waker::from(count))
    }

    pub(crate) fn wakes(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}
