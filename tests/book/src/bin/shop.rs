//! The program of the book's command lines: an app by a factory, and the launcher round it.
//!
//! The tests of the book start it to see whether the flags and commands that a page names are there.

use std::process::ExitCode;

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Environ, Error, StartResponse, Started};

async fn shop(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let text = format!("the shop, at {}\n", environ.path_info());
    Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(text))
}

fn create_app() -> impl App {
    shop
}

fn main() -> ExitCode {
    rsgi_serve::run(create_app)
}
