//! The server of these tests: it asks an app through `respond`, drives the body, tells the outcome.
//!
//! Each step can be had alone, for a test that breaks what a server owes.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, Request, Response, StatusCode, request};
use rsgi_core::http_body::Body as _;
use rsgi_core::{
    AcceptedBy, App, Capabilities, Connection, Delivery, Endpoint, Environ, Error, Exchange, Input, Outgoing,
    Server, Sink, StartResponse, Started, app_fn, may_block, respond, wait,
};
use rsgi_test::lint::{Check, Finding, Findings, lint};

pub(crate) const WHOLE: Delivery = Delivery::Whole(AcceptedBy::Caller);

/// What came of a request.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) whole: bool,
}

/// The head of a request with nothing wrong about it.
pub(crate) fn get(target: &str) -> request::Builder {
    Request::get(target).header("host", "localhost")
}

pub(crate) fn server() -> Server {
    Server::new("toy", "1")
}

pub(crate) fn able(capabilities: Capabilities) -> Server {
    let mut server = server();
    server.capabilities = capabilities;
    server
}

/// An environ with nothing wrong about it.
pub(crate) fn environ() -> Environ {
    environ_of(get("/a"))
}

pub(crate) fn environ_of(request: request::Builder) -> Environ {
    Environ::on_server(request.body(Input::empty()).unwrap(), server())
}

/// An environ of a connection that a test describes.
pub(crate) fn environ_on(request: request::Builder, change: impl FnOnce(&mut Connection)) -> Environ {
    let end = Endpoint::unix(None, None);
    let mut connection = Connection::new(Arc::new(server()), 1, end.clone(), end);
    change(&mut connection);
    let (head, input) = request.body(Input::empty()).unwrap().into_parts();
    Environ::new(head, input, Exchange::new(Arc::new(connection)))
}

/// Calls the app.
pub(crate) fn call(app: &impl App, environ: Environ) -> Response<Outgoing> {
    may_block(|| wait(respond(app, environ)))
}

/// Drives a body to its end; tells whether it was whole.
pub(crate) fn drive(outgoing: &mut Outgoing, taken: &mut Taken) -> bool {
    may_block(|| outgoing.write_to(taken)).is_ok()
}

/// Polls a body to its end, as a reactor does.
pub(crate) fn poll(outgoing: &mut Outgoing) {
    while let Some(Ok(_)) = wait(poll_fn(|context| Pin::new(&mut *outgoing).poll_frame(context))) {}
}

/// Asks as a good server does.
pub(crate) fn ask(app: &impl App, environ: Environ) -> Answer {
    let exchange = Arc::clone(environ.exchange());
    let (head, mut outgoing) = call(app, environ).into_parts();
    let mut taken = Taken::default();
    let whole = drive(&mut outgoing, &mut taken);
    drop(outgoing);
    exchange.tell(if whole { WHOLE } else { Delivery::Failed });
    let Taken { body, trailers } = taken;
    Answer { status: head.status, headers: head.headers, body, trailers, whole }
}

/// Asks an app that answers at once with what `answer` makes, and gives what the lint found.
pub(crate) fn found_in(
    environ: Environ,
    answer: impl FnOnce(StartResponse) -> Result<Started, Error> + Send + 'static,
) -> Vec<Finding> {
    let app = lint(once(answer));
    ask(&app, environ);
    app.findings().take()
}

/// An app that answers its one request at once.
pub(crate) fn once(
    answer: impl FnOnce(StartResponse) -> Result<Started, Error> + Send + 'static,
) -> impl App {
    let answer = Mutex::new(Some(answer));
    app_fn(move |_: Environ, start_response| {
        let answer = answer.lock().unwrap().take();
        async move { answer.ok_or("asked twice")?(start_response) }
    })
}

/// What a lint finds in a request to an app with nothing wrong about it.
pub(crate) fn found_with(environ: Environ) -> Vec<Finding> {
    found_in(environ, |start_response| Ok(start_response.status(StatusCode::NOT_FOUND).empty()))
}

/// Asserts that exactly this was found, and gives it.
#[track_caller]
pub(crate) fn only(check: &Check, found: &[Finding]) -> Finding {
    let names: Vec<_> = found.iter().map(|finding| (finding.check.name, finding.to_string())).collect();
    assert!(names.len() == 1 && names[0].0 == check.name, "{} wanted, found: {names:#?}", check.name);
    found[0].clone()
}

/// Asserts that nothing was found.
#[track_caller]
pub(crate) fn none(findings: &Findings) {
    assert!(findings.is_empty(), "{findings}");
}

/// What a body wrote.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Sink for Taken {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        self.body.extend_from_slice(&piece);
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
