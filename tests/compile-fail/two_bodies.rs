//! Breaks C8 and C14: a head is used up by the body it gets.

use rsgi_core::{Environ, Error, StartResponse, Started, http::StatusCode};

async fn app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let head = start_response.status(StatusCode::OK);
    let _first = head.body("one");
    Ok(head.body("two"))
}

fn main() {}
