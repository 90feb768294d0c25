//! Breaks C9: starting again takes a duplicate of the handle, made on purpose.

use rsgi_core::{Environ, Error, StartResponse, Started, http::StatusCode};

async fn app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let _first = start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("one");
    Ok(start_response.start(StatusCode::NOT_FOUND, [("content-type", "text/plain")])?.body("two"))
}

fn main() {}
