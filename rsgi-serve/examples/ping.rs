//! The talk's app: a factory, a part mounted under a path, `/ping` answers `pong`.
//!
//! Try it: `cargo run --release --example ping -- -w 5`, then `curl http://127.0.0.1:8000/ping`; send the process that it names
//! TTIN, TTOU, HUP or USR2, end one of its workers, or ask it by `cargo run --release --example ping -- show`.

use std::process::ExitCode;

use rsgi_core::http::{StatusCode, header};
use rsgi_core::{App, Environ, Error, Mount, StartResponse, Started};

fn create_app() -> impl App {
    Mount::new().at("/ping", ping)
}

async fn ping(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    if !environ.path_info().is_empty() {
        return Ok(start_response.status(StatusCode::NOT_FOUND).empty());
    }
    let head = start_response.status(StatusCode::OK);
    Ok(head.header(header::CONTENT_TYPE, "text/html; charset=utf-8")?.body("pong"))
}

fn main() -> ExitCode {
    rsgi_serve::run(create_app)
}
