//! Routes of poem, unchanged. poem's endpoints are no tower services: `endpoint.rs` is the adapter.
//!
//! Try it in `examples/frameworks`: `cargo run --bin poem`, then `curl http://127.0.0.1:8000/hello/ada`; on the other
//! server: `-- --server hyper`; with workers: `-- -w 5`; behind a web server: `-- --protocol fastcgi`.

mod endpoint;

use std::process::ExitCode;

use futures_util::StreamExt;
use poem::web::websocket::{WebSocket, WebSocketStream};
use poem::web::{Path, RemoteAddr};
use poem::{Body, IntoResponse, Route, get, handler, post};
use rsgi_core::App;

#[handler]
fn hello(Path(name): Path<String>, remote: &RemoteAddr) -> String {
    format!("hello {name} from {remote}\n")
}

#[handler]
async fn length(content: Body) -> poem::Result<String> {
    Ok(format!("{} bytes\n", content.into_vec().await?.len()))
}

#[handler]
fn echo(socket: WebSocket) -> impl IntoResponse {
    socket.on_upgrade(async |socket: WebSocketStream| {
        let (sender, receiver) = socket.split();
        // The client's end is the end.
        let _gone = receiver.forward(sender).await;
    })
}

/// Builds the application.
fn create_app() -> impl App {
    let routes = Route::new().at("/hello/:name", get(hello)).at("/length", post(length));
    endpoint::app(routes.at("/echo", get(echo)))
}

fn main() -> ExitCode {
    rsgi_serve::run(create_app)
}
