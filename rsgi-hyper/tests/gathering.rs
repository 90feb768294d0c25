//! What becomes of answers between hyper and the byte stream: those to pipelined requests are gathered into one write,
//! and large pieces go round hyper; and of the clock that bodies share. Over a stream that notes each write, since a socket doesn't tell.
//!
//! That answers are right, whole and in order over sockets is tested in the workspace's `tests`, for all adapters.

#![expect(clippy::unwrap_used, reason = "in its helpers too, a test fails by panicking")]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::StatusCode;
use rsgi_core::server::Config;
use rsgi_core::{App, Body, Endpoint, Environ, Error, InputErrorKind, StartResponse, Started};
use rsgi_hyper::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[tokio::test]
async fn answers_to_pipelined_requests_are_written_at_once() {
    let pipe = Pipe::default();
    let connection = serve(app, &pipe);
    let mut connection = pin!(connection);
    for _ in 0..3 {
        pipe.send(&get("/ping").repeat(16));
        poll_once(connection.as_mut()).await;
    }
    let writes = pipe.writes();
    let last = String::from_utf8(writes.last().unwrap().clone()).unwrap();
    assert_eq!(last.matches("pong").count(), 16, "after the first time one write has all answers");
    let all = String::from_utf8(writes.concat()).unwrap();
    assert_eq!(all.matches("pong").count(), 48);
}

#[tokio::test]
async fn gathered_answers_do_not_wait_for_an_app_that_waits() {
    let pipe = Pipe::default();
    let connection = serve(app, &pipe);
    let mut connection = pin!(connection);
    pipe.send(&get("/ping").repeat(2));
    poll_once(connection.as_mut()).await;
    pipe.send(&[get("/ping").repeat(2), get("/never")].concat());
    poll_once(connection.as_mut()).await;
    assert_eq!(String::from_utf8(pipe.writes().concat()).unwrap().matches("pong").count(), 4);
}

#[tokio::test]
async fn gathered_answers_do_not_wait_for_the_rest_of_a_head() {
    let pipe = Pipe::default();
    let connection = serve(app, &pipe);
    let mut connection = pin!(connection);
    pipe.send(&get("/ping").repeat(2));
    poll_once(connection.as_mut()).await;
    pipe.send(&[get("/ping").repeat(2), b"GET /pi".to_vec()].concat());
    poll_once(connection.as_mut()).await;
    assert_eq!(String::from_utf8(pipe.writes().concat()).unwrap().matches("pong").count(), 4);
}

#[tokio::test]
async fn large_pieces_keep_their_place_among_small_ones() {
    let pipe = Pipe { most: 1000, ..Pipe::default() };
    let connection = serve(app, &pipe);
    let mut connection = pin!(connection);
    pipe.send(&[get("/mixed"), get("/mixed"), get("/ping")].concat());
    poll_once(connection.as_mut()).await;
    let all = pipe.writes().concat();
    let content: Vec<u8> = mixed().concat();
    let places: Vec<usize> =
        (0..all.len() - content.len()).filter(|at| all[*at..].starts_with(&content)).collect();
    assert_eq!(places.len(), 2, "both answers are whole");
    assert!(all.ends_with(b"pong"), "and the last one follows them");
}

#[tokio::test]
async fn a_head_and_large_content_behind_it_are_written_at_once() {
    let pipe = Pipe::default();
    let connection = serve(app, &pipe);
    let mut connection = pin!(connection);
    pipe.send(&get("/large"));
    poll_once(connection.as_mut()).await;
    let writes = pipe.writes();
    assert_eq!(writes.len(), 1);
    assert!(writes[0].starts_with(b"HTTP/1.1 200 OK\r\n") && writes[0].ends_with(LARGE));
}

#[tokio::test]
async fn the_clock_of_one_body_goes_on_for_the_next_and_never_rings_too_early() {
    let pipe = Pipe::default();
    let connection = serve(app, &pipe);
    let mut connection = pin!(connection);
    pipe.send(&post("/read", "four"));
    poll_once(connection.as_mut()).await;
    pipe.send(&post("/read-late", ""));
    while pipe.writes().len() < 2 {
        poll_fn(|context| {
            assert!(connection.as_mut().poll(context).is_pending(), "the connection ended");
            if pipe.writes().len() < 2 { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
    let writes = pipe.writes().concat();
    let told = String::from_utf8(writes).unwrap();
    assert!(told.contains("4 bytes") && told.ends_with("timed out in time"), "{told}");
}

fn mixed() -> Vec<Bytes> {
    [(b'a', 20_000), (b'b', 3), (b'c', 50_000), (b'd', 10), (b'e', 16_384)]
        .map(|(byte, length)| vec![byte; length].into())
        .into()
}

async fn app(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let head = start_response.status(StatusCode::OK);
    match environ.path_info() {
        "/never" => std::future::pending().await,
        "/mixed" => {
            let pieces = mixed();
            let length = pieces.iter().map(|piece| piece.len() as u64).sum();
            let body = Body::send(async move |sender| {
                for piece in pieces {
                    sender.send(piece).await?;
                }
                Ok(())
            });
            Ok(head.body(body.with_length(length)))
        }
        "/large" => Ok(head.body(LARGE)),
        "/read" => Ok(head.body(format!("{} bytes", environ.input_mut().collect(u64::MAX).await?.len()))),
        "/read-late" => {
            // The clock of the body before this one rings while this one is waited for.
            tokio::time::sleep(PROGRESS / 2).await;
            let begun = Instant::now();
            let error = environ.input_mut().collect(u64::MAX).await.unwrap_err();
            assert_eq!(error.kind(), InputErrorKind::TimedOut);
            Ok(head.body(if begun.elapsed() < PROGRESS { "timed out early" } else { "timed out in time" }))
        }
        _ => Ok(head.body("pong")),
    }
}

static LARGE: &[u8] = &[b'l'; 100_000];
const PROGRESS: Duration = Duration::from_millis(200);

fn post(path: &str, content: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n{content}").into_bytes()
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

fn serve(app: impl App, pipe: &Pipe) -> impl Future<Output = ()> {
    let hosted = Builder::new(Config::new().timeouts(|timeouts| timeouts.body_progress = Some(PROGRESS)))
        .host(app)
        .unwrap();
    let pipe = pipe.clone();
    async move {
        let end = Endpoint::unix(None, None);
        hosted.serve(pipe, end.clone(), end).await;
    }
}

/// Polls until nothing is left to do without the client.
async fn poll_once(mut connection: Pin<&mut impl Future<Output = ()>>) {
    for _ in 0..100 {
        poll_fn(|context| {
            assert!(connection.as_mut().poll(context).is_pending(), "the connection ended");
            Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
    }
}

/// A client that sends what it is told to, and notes each write of the server.
#[derive(Clone)]
struct Pipe {
    ends: Arc<Mutex<Ends>>,
    /// Bytes that it takes at once.
    most: usize,
}

#[derive(Default)]
struct Ends {
    sent: VecDeque<Vec<u8>>,
    writes: Vec<Vec<u8>>,
    reader: Option<Waker>,
}

impl Default for Pipe {
    fn default() -> Self {
        Self { ends: Arc::default(), most: usize::MAX }
    }
}

impl Pipe {
    fn send(&self, bytes: &[u8]) {
        let mut ends = self.ends.lock().unwrap();
        ends.sent.push_back(bytes.to_vec());
        if let Some(reader) = ends.reader.take() {
            reader.wake();
        }
    }

    fn writes(&self) -> Vec<Vec<u8>> {
        self.ends.lock().unwrap().writes.clone()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut ends = self.ends.lock().unwrap();
        let Some(sent) = ends.sent.pop_front() else {
            ends.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        buffer.put_slice(&sent);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = &bytes[..bytes.len().min(self.most)];
        self.ends.lock().unwrap().writes.push(taken.to_vec());
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        self.poll_write(context, &bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
