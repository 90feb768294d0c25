//! A router of salvo, unchanged. salvo's service is hyper's and not tower's: `service.rs` is the adapter.
//!
//! Try it in `examples/frameworks`: `cargo run --bin salvo`, then `curl http://127.0.0.1:8000/hello/ada`; on the other
//! server: `-- --server hyper`; with workers: `-- -w 5`; behind a web server: `-- --protocol fastcgi`.

mod service;

use std::process::ExitCode;

use futures_util::StreamExt;
use rsgi_core::App;
use salvo::http::StatusError;
use salvo::websocket::{WebSocket, WebSocketUpgrade};
use salvo::{Request, Response, Router, handler};

#[handler]
async fn hello(request: &mut Request) -> String {
    let name = request.param::<String>("name").unwrap_or_default();
    format!("hello {name} from {}\n", request.remote_addr())
}

#[handler]
async fn length(request: &mut Request) -> Result<String, StatusError> {
    let content = request.payload().await.map_err(|_| StatusError::bad_request())?;
    Ok(format!("{} bytes\n", content.len()))
}

#[handler]
async fn echo(request: &mut Request, response: &mut Response) -> Result<(), StatusError> {
    let upgrade = async |socket: WebSocket| {
        let (sender, receiver) = socket.split();
        // The client's end is the end.
        let _gone = receiver.forward(sender).await;
    };
    WebSocketUpgrade::new().upgrade(request, response, upgrade).await
}

/// Builds the application.
fn create_app() -> impl App {
    let routes = Router::new().push(Router::with_path("hello/{name}").get(hello));
    service::app(
        routes.push(Router::with_path("length").post(length)).push(Router::with_path("echo").goal(echo)),
    )
}

fn main() -> ExitCode {
    rsgi_serve::run(create_app)
}
