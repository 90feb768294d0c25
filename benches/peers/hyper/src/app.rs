//! The app, async. `/events` gives its events by tokio's timer.
//!
//! An answer in memory is a `Full`, without the box that hyper's larger examples have; streams are boxed.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use peer_options::{BETWEEN_EVENTS, BIG, BLOCK, EVENTS, PIECE, PIECES, PONG, event};
use tokio::fs::File;
use tokio::time::sleep;
use tokio_util::io::ReaderStream;

use crate::Failed;

pub(crate) type Answer = Either<Full<Bytes>, BoxBody<Bytes, io::Error>>;

pub(crate) const TEXT: &str = "text/plain";
pub(crate) const BYTES: &str = "application/octet-stream";
pub(crate) const STREAM: &str = "text/event-stream";

/// What the app knows.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) file: Option<Arc<Path>>,
}

pub(crate) async fn answer(app: App, request: Request<Incoming>) -> Result<Response<Answer>, Failed> {
    Ok(match (request.uri().path(), app.file) {
        ("/ping", _) => whole(TEXT, PONG),
        ("/echo", _) => whole(BYTES, request.into_body().collect().await?.to_bytes()),
        ("/stream", _) => pieces(BYTES, stream::iter((0..PIECES).map(|_| Ok(Bytes::from_static(PIECE))))),
        ("/big", _) => whole(BYTES, BIG),
        ("/file", Some(path)) => {
            let file = File::open(path).await?;
            let length = file.metadata().await?.len();
            sized(file, length)
        }
        ("/block", _) => {
            sleep(BLOCK).await;
            whole(TEXT, PONG)
        }
        ("/events", _) => pieces(
            STREAM,
            stream::unfold(0..EVENTS, |mut left| async {
                left.next()?;
                sleep(BETWEEN_EVENTS).await;
                Some((Ok(event().into()), left))
            }),
        ),
        _ => not_found(),
    })
}

pub(crate) fn whole(kind: &'static str, content: impl Into<Bytes>) -> Response<Answer> {
    with_kind(kind, Either::Left(Full::new(content.into())))
}

pub(crate) fn pieces(
    kind: &'static str,
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
) -> Response<Answer> {
    with_kind(kind, Either::Right(BodyExt::boxed(StreamBody::new(pieces.map_ok(Frame::data)))))
}

/// A file as hyper's example sends it, but in larger pieces.
pub(crate) fn sized(file: File, length: u64) -> Response<Answer> {
    let mut response = pieces(BYTES, ReaderStream::with_capacity(file, 64 * 1024));
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response
}

pub(crate) fn not_found() -> Response<Answer> {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn with_kind(kind: &'static str, answer: Answer) -> Response<Answer> {
    let mut response = Response::new(answer);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
