//! An application as a factory builds it: `create_app()` mounts its one part, `/ping` answers `pong`.
//!
//! Try it: `cargo run -p rsgi-examples --bin ping`, then `curl http://127.0.0.1:8000/ping`; with five worker processes:
//! `cargo run -p rsgi-examples --bin ping -- -w 5`; on the other server, elsewhere: `-- --server hyper --bind 127.0.0.1:9000`.

use std::process::ExitCode;

use rsgi_core::http::{Method, StatusCode, header};
use rsgi_core::{App, Environ, Error, Mount, StartResponse, Started};

/// Builds the application. A framework would read its configuration and register its routes here.
fn create_app() -> impl App {
    Mount::new().at("/ping", ping)
}

async fn ping(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    // The mount has taken `/ping` off: what is left is nothing, or somebody else's path.
    if !environ.path_info().is_empty() {
        return Ok(start_response.status(StatusCode::NOT_FOUND).empty());
    }
    match *environ.method() {
        // The server makes the answer to HEAD of the one to GET.
        Method::GET | Method::HEAD => {
            let head = start_response.status(StatusCode::OK);
            Ok(head.header(header::CONTENT_TYPE, "text/html; charset=utf-8")?.body("pong"))
        }
        Method::OPTIONS => allowed(start_response, StatusCode::OK),
        _ => allowed(start_response, StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn allowed(start_response: StartResponse, status: StatusCode) -> Result<Started, Error> {
    Ok(start_response.status(status).header(header::ALLOW, "GET, HEAD, OPTIONS")?.empty())
}

fn main() -> ExitCode {
    rsgi_serve::run(create_app)
}
