//! Breaks C7: a body is given to a started head, and to nothing else.

use rsgi_core::{Environ, Error, StartResponse, Started};

async fn app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.body("Hello world!\n"))
}

fn main() {}
