//! An axum application, unchanged: extractors, state, nesting, events, uploads and a WebSocket, on every server.
//!
//! Try it: `cargo run -p rsgi-examples --features axum --bin axum`, then `curl http://127.0.0.1:8000/hello/ada`; on the other
//! server: `-- --server hyper`; with workers: `-- -w 5`; behind a web server, without the WebSocket: `-- --protocol fastcgi`.

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::Router;
use axum::extract::multipart::MultipartError;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Multipart, Path, State};
use axum::response::Response;
use axum::response::sse::{Event, Sse};
use axum::routing::{any, get, post};
use futures_util::{Stream, StreamExt, stream};
use rsgi_core::{App, Endpoint};
use rsgi_tower::{ServiceApp, connect_info};

/// Builds the application. Only the last line knows of RSGI.
fn create_app() -> impl App {
    let api = Router::new().route("/visits", get(visits)).route("/upload", post(upload));
    let router = Router::new()
        .route("/hello/{name}", get(async |Path(name): Path<String>| format!("hello {name}\n")))
        .route("/peer", get(async |ConnectInfo(peer): ConnectInfo<Endpoint>| format!("{peer}\n")))
        .route("/events", get(events))
        .route("/echo", any(async |upgrade: WebSocketUpgrade| -> Response { upgrade.on_upgrade(echo) }))
        .nest("/api", api)
        .with_state(Arc::new(AtomicU64::new(0)));
    ServiceApp::new(router).with_request(connect_info)
}

async fn visits(State(count): State<Arc<AtomicU64>>) -> String {
    format!("{}\n", count.fetch_add(1, Relaxed) + 1)
}

async fn upload(mut form: Multipart) -> Result<String, MultipartError> {
    let mut told = Vec::new();
    while let Some(field) = form.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        told.push(format!("{name}: {} bytes\n", field.bytes().await?.len()));
    }
    Ok(told.concat())
}

async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::iter(["one", "two"]).map(|data| Ok(Event::default().data(data))))
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let _gone = socket.send(message).await;
    }
}

fn main() -> ExitCode {
    rsgi_serve::run(create_app)
}
