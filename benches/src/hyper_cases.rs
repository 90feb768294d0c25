//! Beside `cases.rs`: what one connection of rsgi-hyper costs with other loads than a ping, and what wraps an app.
//!
//! Pipelined requests, an answer in pieces and a large one, each beside the same on bare hyper with the cheaper of its
//! two settings (`pipeline_flush`); a middleware and a mount, each beside the same without. What is copied isn't counted
//! by the byte: a memory function moves a large answer in few instructions, so that is for the timings.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use futures_core::Stream;
use http_body_util::{Full, StreamBody};
use hyper::body::{Body as HttpBody, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use rsgi_core::http::{Request, Response, StatusCode};
use rsgi_core::{Body, Environ, Error, Mount, Stack, StartResponse, Started, change_answer};

use crate::cases::{bare, drive_adapter, feed, hello, ping};
use crate::pipe::{PING, Pipe};

/// A case by its name: answers so many requests, and returns how many bytes were written.
pub type HyperCase = (&'static str, fn(usize) -> usize);

/// Each case with its name.
pub const HYPER_CASES: [HyperCase; 12] = [
    ("hyper-flat", |requests| drive_flat(requests, &Pipe::default(), hello)),
    ("hyper-pipelined", |requests| drive_flat(requests / DEPTH, &pipeline(), hello)),
    ("rsgi-hyper-pipelined", |requests| drive_adapter(requests / DEPTH, &pipeline(), ping)),
    ("hyper-stream", |requests| drive_flat(requests, &Pipe::default(), raw_stream)),
    ("rsgi-hyper-stream", |requests| drive_adapter(requests, &Pipe::default(), stream)),
    ("hyper-large", |requests| drive_queued(requests, &Pipe::default(), raw_large)),
    ("rsgi-hyper-large", |requests| drive_adapter(requests, &Pipe::default(), large)),
    ("rsgi-hyper-field", |requests| drive_adapter(requests, &Pipe::default(), field)),
    ("rsgi-hyper-one", |requests| {
        let app = Stack::new().then(change_answer(no_store)).app(ping);
        drive_adapter(requests, &Pipe::default(), app)
    }),
    ("rsgi-hyper-unmounted", |requests| drive_adapter(requests, &Pipe::default(), ping_path)),
    ("rsgi-hyper-mount", |requests| {
        drive_adapter(requests, &Pipe::default(), Mount::new().at("/ping", ping_path))
    }),
    ("rsgi-hyper-mounts", |requests| {
        let mounts = Mount::new().at("/shop", ping_path).at("/blog", ping_path).at("/", ping_path);
        drive_adapter(requests, &Pipe::default(), mounts)
    }),
];

/// Requests that lie in one read.
const DEPTH: usize = 16;

static PIPELINE: LazyLock<Vec<u8>> = LazyLock::new(|| PING.repeat(DEPTH));

static LARGE: LazyLock<Bytes> = LazyLock::new(|| vec![b'x'; 1 << 20].into());

const PIECE: &[u8] = &[b'x'; 1024];

fn pipeline() -> Pipe {
    Pipe::sending(&PIPELINE)
}

/// On hyper with `pipeline_flush`, which copies all it is given into one buffer.
fn drive_flat<F, Fut, B>(requests: usize, pipe: &Pipe, answer: F) -> usize
where
    F: Fn(Request<Incoming>) -> Fut,
    Fut: Future<Output = Result<Response<B>, Infallible>>,
    B: HttpBody + 'static,
    B::Error: Into<Error>,
{
    let mut builder = http1::Builder::new();
    builder.pipeline_flush(true);
    feed(requests, pipe, builder.serve_connection(TokioIo::new(pipe.clone()), service_fn(answer)))
}

/// On hyper as it is by default, where what it is given waits in a queue.
fn drive_queued<F, Fut, B>(requests: usize, pipe: &Pipe, answer: F) -> usize
where
    F: Fn(Request<Incoming>) -> Fut,
    Fut: Future<Output = Result<Response<B>, Infallible>>,
    B: HttpBody + 'static,
    B::Error: Into<Error>,
{
    feed(
        requests,
        pipe,
        http1::Builder::new().serve_connection(TokioIo::new(pipe.clone()), service_fn(answer)),
    )
}

/// An iterator's 256 pieces of 1 KiB, as a stream that is always ready.
struct Pieces(u16);

impl Stream for Pieces {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or_default();
        Poll::Ready(left.map(|_| Bytes::from_static(PIECE)))
    }
}

/// The same as frames.
struct Frames(Pieces);

impl Stream for Frames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

async fn raw_stream(_: Request<Incoming>) -> Result<Response<StreamBody<Frames>>, Infallible> {
    Ok(bare(StreamBody::new(Frames(Pieces(256)))))
}

async fn stream(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    plain(start_response, Body::stream(Pieces(256)))
}

async fn raw_large(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(bare(Full::new(LARGE.clone())))
}

async fn large(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    plain(start_response, LARGE.clone())
}

fn plain(start_response: StartResponse, body: impl Into<Body>) -> Result<Started, Error> {
    Ok(start_response
        .start(StatusCode::OK, [(CONTENT_TYPE, HeaderValue::from_static("text/plain"))])?
        .body(body))
}

fn no_store(started: &mut Started) -> Result<(), Error> {
    Ok(started.fields_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"))?)
}

/// What [`no_store`] around `ping` makes, made by the app itself.
async fn field(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let fields = [
        (CONTENT_TYPE, HeaderValue::from_static("text/plain")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok(start_response.start(StatusCode::OK, fields)?.body("pong"))
}

/// An app that looks where it is.
async fn ping_path(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let known = environ.path_info().len() < 100;
    plain(start_response, if known { "pong" } else { "long" })
}
