//! The app of the benchmark, once async and once blocking; every server of `benches/peers` has the same.
//!
//! `/ping`, `/echo`, `/stream` (256 pieces of 1 KiB), `/big` (8 MiB, shared), `/file`, `/block` (waits 5 ms) and `/events`
//! (20 events, one each 50 ms, each telling when it was made).

use std::fs::File;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_core::Stream;
use rsgi_core::http::header::CONTENT_TYPE;
use rsgi_core::http::{HeaderValue, StatusCode};
use rsgi_core::{App, Body, Environ, Error, StartResponse, Started};
use tokio::time::sleep;

pub(crate) const PONG: &str = "pong";
pub(crate) static PIECE: &[u8] = &[b's'; 1024];
pub(crate) const PIECES: usize = 256;
static BIG: &[u8] = &[b'b'; 8 << 20];
const BLOCK: Duration = Duration::from_millis(5);
const EVENTS: usize = 20;
const BETWEEN_EVENTS: Duration = Duration::from_millis(50);

const TEXT: &str = "text/plain";
pub(crate) const BYTES: &str = "application/octet-stream";
const STREAM: &str = "text/event-stream";

/// The async app. It needs tokio's timers.
pub(crate) struct AsyncApp {
    pub(crate) file: Option<Arc<Path>>,
}

impl App for AsyncApp {
    async fn call(&self, mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let (kind, body) = match (environ.path_info(), &self.file) {
            ("/ping", _) => (TEXT, PONG.into()),
            ("/echo", _) => (BYTES, environ.input_mut().collect(u64::MAX).await?.into()),
            ("/stream", _) => (BYTES, Body::stream(Pieces(pieces()))),
            ("/big", _) => (BYTES, BIG.into()),
            ("/file", Some(path)) => (BYTES, Body::file(File::open(path)?)?),
            ("/block", _) => {
                sleep(BLOCK).await;
                (TEXT, PONG.into())
            }
            ("/events", _) => (STREAM, events()),
            _ => return Ok(not_found(start_response)),
        };
        Ok(start_response.start(StatusCode::OK, [(CONTENT_TYPE, HeaderValue::from_static(kind))])?.body(body))
    }
}

/// The blocking app.
pub(crate) fn answer(
    file: Option<&Path>,
    mut environ: Environ,
    start_response: StartResponse,
) -> Result<Started, Error> {
    let (kind, body) = match (environ.path_info(), file) {
        ("/ping", _) => (TEXT, PONG.into()),
        ("/echo", _) => (BYTES, environ.input_mut().read_whole(u64::MAX)?.into()),
        ("/stream", _) => (BYTES, Body::iter(pieces())),
        ("/big", _) => (BYTES, BIG.into()),
        ("/file", Some(path)) => (BYTES, Body::file(File::open(path)?)?),
        ("/block", _) => {
            thread::sleep(BLOCK);
            (TEXT, PONG.into())
        }
        ("/events", _) => (STREAM, Body::iter((0..EVENTS).map(|_| late_event()))),
        _ => return Ok(not_found(start_response)),
    };
    Ok(start_response.start(StatusCode::OK, [(CONTENT_TYPE, HeaderValue::from_static(kind))])?.body(body))
}

fn not_found(start_response: StartResponse) -> Started {
    start_response.status(StatusCode::NOT_FOUND).empty()
}

fn pieces() -> impl Iterator<Item = &'static [u8]> + Send + Unpin {
    std::iter::repeat_n(PIECE, PIECES)
}

/// An iterator as a stream that is always ready.
pub(crate) struct Pieces<I>(pub(crate) I);

impl<I: Iterator + Unpin> Stream for Pieces<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

fn events() -> Body {
    Body::send(async |sender| {
        for _ in 0..EVENTS {
            sleep(BETWEEN_EVENTS).await;
            sender.send(event()).await?;
        }
        Ok(())
    })
}

fn late_event() -> String {
    thread::sleep(BETWEEN_EVENTS);
    event()
}

/// The time at which it was made, in nanoseconds since 1970.
fn event() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("data: {}\n\n", now.as_nanos())
}
