//! Breaks C2: a function that blocks is an application only through `blocking`, so that a server knows.

use rsgi_core::{App, Environ, Error, StartResponse, Started, http::StatusCode};

fn simple_app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.status(StatusCode::OK).body("Hello world!\n"))
}

fn serve(_app: impl App) {}

fn main() {
    serve(simple_app);
}
