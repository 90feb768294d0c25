//! The cases that are counted, each the same answer by another road.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
use rsgi_core::http::{Request, Response, StatusCode};
use rsgi_core::server::Config;
use rsgi_core::{
    App, Connection, Endpoint, Environ, Error, Exchange, Input, Server, Stack, StartResponse, Started,
    change_answer, respond,
};
use tokio::runtime::Builder;

use crate::pipe::Pipe;

/// One road to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Case {
    /// `/ping` written straight on hyper.
    Hyper,
    /// `/ping` through core's `respond` alone, on the same hyper.
    Core,
    /// `/ping` through rsgi-hyper.
    Rsgi,
    /// As `Hyper`, setting two fields more.
    HyperFields,
    /// As `Rsgi`, inside two middlewares that set one field each.
    RsgiMiddleware,
}

impl Case {
    /// Each with its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("hyper", Self::Hyper),
        ("core", Self::Core),
        ("rsgi-hyper", Self::Rsgi),
        ("hyper-fields", Self::HyperFields),
        ("rsgi-hyper-middleware", Self::RsgiMiddleware),
    ];
}

impl FromStr for Case {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, case)| *case).ok_or_else(|| format!("no case {name}; the cases are {:?}", Self::ALL))
    }
}

/// Answers `requests` requests on one connection, and returns how many bytes were written.
///
/// # Panics
///
/// If the connection ends.
pub fn run(case: Case, requests: usize) -> usize {
    match case {
        Case::Hyper => drive(requests, hello),
        Case::HyperFields => drive(requests, hello_fields),
        Case::Core => drive_core(requests, &ping),
        Case::Rsgi => drive_adapter(requests, &Pipe::default(), ping),
        Case::RsgiMiddleware => {
            let app = Stack::new()
                .then(change_answer(|started| {
                    Ok(started.fields_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"))?)
                }))
                .then(change_answer(|started| {
                    Ok(started.fields_mut().insert(VARY, HeaderValue::from_static("accept"))?)
                }))
                .app(ping);
            drive_adapter(requests, &Pipe::default(), app)
        }
    }
}

/// As hyper's own examples write it.
pub(crate) async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(bare(Full::new(Bytes::from_static(b"pong"))))
}

async fn hello_fields(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = bare(Full::new(Bytes::from_static(b"pong")));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// An answer as plain text.
pub(crate) fn bare<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

pub(crate) async fn ping(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response
        .start(StatusCode::OK, [(CONTENT_TYPE, HeaderValue::from_static("text/plain"))])?
        .body("pong"))
}

fn drive_core(requests: usize, app: &impl App) -> usize {
    let server = Arc::new(Server::new("bench", "0"));
    let end = Endpoint::unix(None, None);
    let connection = Arc::new(Connection::new(server, 1, end.clone(), end));
    let now = Instant::now();
    let exchange = RefCell::new(Exchange::new(connection));
    drive(requests, |request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        assert!(body.is_end_stream(), "a ping has no body");
        let mut exchange = exchange.borrow_mut();
        Exchange::begin(&mut exchange, now);
        let answer = respond(app, Environ::new(head, Input::empty(), Arc::clone(&exchange)));
        Infallibly { answer }
    })
}

pin_project_lite::pin_project! {
    struct Infallibly<F> {
        #[pin]
        answer: F,
    }
}

impl<F: Future> Future for Infallibly<F> {
    type Output = Result<F::Output, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().answer.poll(context).map(Ok)
    }
}

fn drive<F, Fut, B>(requests: usize, answer: F) -> usize
where
    F: Fn(Request<Incoming>) -> Fut,
    Fut: Future<Output = Result<Response<B>, Infallible>>,
    B: hyper::body::Body + 'static,
    B::Error: Into<Error>,
{
    let pipe = Pipe::default();
    let connection = http1::Builder::new().serve_connection(TokioIo::new(pipe.clone()), service_fn(answer));
    feed(requests, &pipe, connection)
}

/// On rsgi-hyper.
pub(crate) fn drive_adapter(requests: usize, pipe: &Pipe, app: impl App) -> usize {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime for its timers");
    let _entered = runtime.enter();
    let hosted = rsgi_hyper::Builder::new(Config::new()).host(app).expect("default settings are right");
    let end = Endpoint::unix(None, None);
    feed(requests, pipe, hosted.serve(pipe.clone(), end.clone(), end))
}

/// Polls a connection once for each of so many sendings.
pub(crate) fn feed(requests: usize, pipe: &Pipe, connection: impl Future) -> usize {
    let mut connection = pin!(connection);
    let mut context = Context::from_waker(Waker::noop());
    for request in 0..requests {
        let before = pipe.written();
        pipe.send();
        assert!(connection.as_mut().poll(&mut context).is_pending(), "the connection ended");
        assert!(pipe.written() > before, "request {request} was not answered");
    }
    pipe.written()
}
