//! Breaks A18: input and error stream are the server's; an application reads and writes them and cannot close them.

use rsgi_core::{Environ, Error, StartResponse, Started, http::StatusCode};

async fn app(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    environ.input_mut().close();
    environ.errors().close();
    Ok(start_response.status(StatusCode::OK).empty())
}

fn main() {}
