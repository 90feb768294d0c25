//! Breaks A2: the future of a call moves between threads, so nothing lives across an await that cannot.

use std::rc::Rc;

use rsgi_core::{App, Environ, Error, StartResponse, Started, http::StatusCode};

async fn app(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let page = Rc::new("page");
    std::future::ready(()).await;
    Ok(start_response.status(StatusCode::OK).body(*page))
}

fn serve(_app: impl App) {}

fn main() {
    serve(app);
}
