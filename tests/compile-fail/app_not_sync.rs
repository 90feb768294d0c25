//! Breaks A1: an application is called from several threads at once, so what it holds can be shared between them.

use std::cell::Cell;

use rsgi_core::{App, Environ, Error, StartResponse, Started, http::StatusCode};

struct Counter {
    calls: Cell<u64>,
}

impl App for Counter {
    async fn call(&self, _environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        self.calls.set(self.calls.get() + 1);
        Ok(start_response.status(StatusCode::OK).empty())
    }
}

fn main() {}
