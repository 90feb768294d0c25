//! axum: a router behind `axum::serve`, on tokio's runtime of N threads, as its documentation shows.
//!
//! `axum::serve` leaves hyper's settings as they are, so answers to pipelined requests can't be gathered.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use peer_options::{BIG, BLOCK, Options, PIECE, PIECES, PONG};
use tokio::fs::File;
use tokio::net::TcpListener;
use tokio_util::io::ReaderStream;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&[]);
    let listener = options.listener()?;
    listener.set_nonblocking(true)?;
    let file: Option<Arc<Path>> = options.file.map(Into::into);
    let app = Router::new()
        .route("/ping", get(async || PONG))
        .route("/echo", post(async |content: Bytes| (BYTES, content)).layer(DefaultBodyLimit::disable()))
        .route("/stream", get(async || (BYTES, Body::from_stream(pieces()))))
        .route("/big", get(async || (BYTES, Bytes::from_static(BIG))))
        .route("/file", get(send_file))
        .route("/block", get(block))
        .with_state(file);
    let threads = options.threads.unwrap_or(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        // In a task of its own, so that the main thread only waits.
        tokio::spawn(async move { axum::serve(listener, app).await }).await??;
        Ok(())
    })
}

const BYTES: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/octet-stream")];

fn pieces() -> impl stream::Stream<Item = io::Result<Bytes>> {
    stream::iter((0..PIECES).map(|_| Ok(Bytes::from_static(PIECE))))
}

async fn block() -> &'static str {
    tokio::time::sleep(BLOCK).await;
    PONG
}

async fn send_file(State(path): State<Option<Arc<Path>>>) -> Result<Response, StatusCode> {
    let path = path.ok_or(StatusCode::NOT_FOUND)?;
    let file = File::open(path).await.map_err(|_| StatusCode::NOT_FOUND)?;
    let length = file.metadata().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?.len();
    let fields = [(header::CONTENT_LENGTH, length)];
    Ok((BYTES, fields.map(|(name, value)| (name, value.to_string())), {
        Body::from_stream(ReaderStream::with_capacity(file, 64 * 1024))
    })
        .into_response())
}
