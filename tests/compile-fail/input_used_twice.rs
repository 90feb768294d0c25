//! Breaks C29: the input has one owner, and who gave it away cannot read on.

use rsgi_core::{Environ, Error, StartResponse, Started, http::StatusCode};

async fn app(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let mut input = environ.take_input();
    let mut inner = environ;
    inner.set_input(input);
    let _piece = input.piece().await;
    Ok(start_response.status(StatusCode::OK).empty())
}

fn main() {}
