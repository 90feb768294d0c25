//! Breaks C5: a call ends with a started answer or an error, and a head without a body is no answer.

use rsgi_core::{App, Environ, Error, StartResponse, Started, app_fn, http::StatusCode};

async fn head_only(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.status(StatusCode::OK))
}

fn serve(_app: impl App) {}

fn main() {
    serve(head_only);
    serve(app_fn(|_environ, _start_response| async { Ok(()) }));
}
