//! Breaks C1: an application takes the environ and `start_response`, both and in this order.

use rsgi_core::{App, Environ, Error, StartResponse, Started, http::StatusCode};

async fn without_environ(start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.status(StatusCode::OK).empty())
}

async fn turned_round(start_response: StartResponse, _environ: Environ) -> Result<Started, Error> {
    Ok(start_response.status(StatusCode::OK).empty())
}

fn serve(_app: impl App) {}

fn main() {
    serve(without_environ);
    serve(turned_round);
}
