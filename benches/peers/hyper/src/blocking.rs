//! The app, blocking: each request through `spawn_blocking`, streams piece by piece through a channel.
//!
//! A request's content is read before, on the runtime: only what blocks goes to the other thread.

use std::io;
use std::thread;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use peer_options::{BETWEEN_EVENTS, BIG, BLOCK, EVENTS, PIECE, PIECES, PONG, event};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::spawn_blocking;

use crate::Failed;
use crate::app::{Answer, App, BYTES, STREAM, TEXT, not_found, pieces, sized, whole};

pub(crate) async fn answer(app: App, request: Request<Incoming>) -> Result<Response<Answer>, Failed> {
    let (head, body) = request.into_parts();
    let content = if body.is_end_stream() { Bytes::new() } else { body.collect().await?.to_bytes() };
    spawn_blocking(move || blocking(&app, head.uri.path(), content)).await?
}

fn blocking(app: &App, path: &str, content: Bytes) -> Result<Response<Answer>, Failed> {
    Ok(match (path, &app.file) {
        ("/ping", _) => whole(TEXT, PONG),
        ("/echo", _) => whole(BYTES, content),
        ("/stream", _) => sent(BYTES, |sender| {
            (0..PIECES).try_for_each(|_| sender.blocking_send(Ok(Bytes::from_static(PIECE))).ok());
        }),
        ("/big", _) => whole(BYTES, BIG),
        ("/file", Some(path)) => {
            let file = std::fs::File::open(path)?;
            let length = file.metadata()?.len();
            sized(file.into(), length)
        }
        ("/block", _) => {
            thread::sleep(BLOCK);
            whole(TEXT, PONG)
        }
        ("/events", _) => sent(STREAM, |sender| {
            (0..EVENTS).try_for_each(|_| {
                thread::sleep(BETWEEN_EVENTS);
                sender.blocking_send(Ok(event().into())).ok()
            });
        }),
        _ => not_found(),
    })
}

/// What another thread sends; it ends when the client has gone.
fn sent(
    kind: &'static str,
    send: impl FnOnce(&Sender<io::Result<Bytes>>) + Send + 'static,
) -> Response<Answer> {
    let (sender, mut receiver) = mpsc::channel(16);
    spawn_blocking(move || send(&sender));
    pieces(kind, stream::poll_fn(move |context| receiver.poll_recv(context)))
}
