//! The smallest app as a Python module: `app` is a WSGI callable for Gunicorn, uWSGI, Waitress or Apache's mod_wsgi.
//!
//! Try it, in a Python environment with Gunicorn:
//!
//! ```text
//! PYO3_BUILD_EXTENSION_MODULE=1 cargo build -p rsgi-python --no-default-features --features export --example ping
//! cp target/debug/examples/libping.so ping.so
//! gunicorn ping:app
//! curl http://127.0.0.1:8000/ping
//! ```
#![forbid(unsafe_code)]

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Environ, Error, StartResponse, Started, blocking};

fn pong(_: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("pong\n"))
}

fn create_app() -> impl App {
    blocking(pong)
}

rsgi_python::wsgi_module!(ping, create_app);
