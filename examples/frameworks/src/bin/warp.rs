//! Filters of warp, unchanged: a path, a body with a limit, a rejection, and a WebSocket.
//!
//! Try it in `examples/frameworks`: `cargo run --bin warp`, then `curl http://127.0.0.1:8000/hello/ada`; on the other
//! server: `-- --server hyper`; with workers: `-- -w 5`; behind a web server: `-- --protocol fastcgi`.

use std::process::ExitCode;

use futures_util::StreamExt;
use hyper::body::Bytes;
use rsgi_core::App;
use rsgi_tower::ServiceApp;
use warp::{Filter, ws};

/// Builds the application. `warp::service` makes a tower service of filters: nothing else is to do.
fn create_app() -> impl App {
    let hello = warp::path!("hello" / String).and(warp::get()).map(|name| format!("hello {name}\n"));
    let length = warp::path("length")
        .and(warp::post())
        .and(warp::body::content_length_limit(16))
        .and(warp::body::bytes())
        .map(|content: Bytes| format!("{} bytes\n", content.len()));
    let echo = warp::path("echo").and(warp::ws()).map(|upgrade: ws::Ws| upgrade.on_upgrade(echo));
    ServiceApp::new(warp::service(hello.or(length).or(echo)))
}

async fn echo(socket: ws::WebSocket) {
    let (sender, receiver) = socket.split();
    // The client's end is the end.
    let _gone = receiver.forward(sender).await;
}

fn main() -> ExitCode {
    rsgi_serve::run(create_app)
}
