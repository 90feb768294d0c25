//! An axum router with what the targets compare, on our servers: `/ping`, `/echo` and `/stream` as the peer `axum` has
//! them (`benches/peers/axum`), so that between the two only what hosts the router differs.

use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, header};
use axum::routing::{get, post};
use rsgi_core::App;
use rsgi_tower::ServiceApp;

use crate::app::{self, PIECE, PONG, Pieces};

/// The router as an app.
pub(crate) fn hosted() -> impl App {
    ServiceApp::new(
        Router::new()
            .route("/ping", get(async || PONG))
            .route("/echo", post(async |content: Bytes| (BYTES, content)).layer(DefaultBodyLimit::disable()))
            .route("/stream", get(async || (BYTES, Body::from_stream(pieces())))),
    )
}

const BYTES: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, app::BYTES)];

fn pieces() -> Pieces<impl Iterator<Item = io::Result<Bytes>> + Send + Unpin> {
    Pieces((0..app::PIECES).map(|_| Ok(Bytes::from_static(PIECE))))
}
