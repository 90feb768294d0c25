//! Breaks C13: a body is bytes; what else a value is, the application turns into bytes.

use rsgi_core::{Environ, Error, StartResponse, Started, http::StatusCode};

async fn app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.status(StatusCode::OK).body(vec![1_u32, 2, 3]))
}

fn main() {}
