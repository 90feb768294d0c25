//! Breaks A5: there is no head to go on with until the error of `start` is dealt with.

use rsgi_core::{Environ, Error, StartResponse, Started, http::StatusCode};

async fn app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.start(StatusCode::OK, [("bad name", "x")]).body("Hello world!\n"))
}

fn main() {}
