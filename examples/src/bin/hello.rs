//! PEP 3333's `simple_app`, blocking, as near to the Python as Rust comes:
//!
//! ```python
//! def simple_app(environ, start_response):
//!     status = '200 OK'
//!     response_headers = [('Content-type', 'text/plain')]
//!     start_response(status, response_headers)
//!     return [HELLO_WORLD]
//! ```
//!
//! Try it: `cargo run -p rsgi-examples --bin hello`, then `curl -i http://127.0.0.1:8000/`.

use std::process::ExitCode;

use rsgi_core::http::StatusCode;
use rsgi_core::{Environ, Error, StartResponse, Started, blocking};

const HELLO_WORLD: &str = "Hello world!\n";

fn simple_app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let status = StatusCode::OK;
    let response_headers = [("content-type", "text/plain")];
    Ok(start_response.start(status, response_headers)?.body(HELLO_WORLD))
}

fn main() -> ExitCode {
    rsgi_examples::launch(blocking(simple_app))
}
