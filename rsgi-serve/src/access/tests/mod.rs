//! The access log around apps, in memory; here is what its tests share.

mod outputs;

use std::fs;
use std::path::Path;

use rsgi_core::http::StatusCode;
use rsgi_core::{Environ, Error, StartResponse, Started};

fn taken(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    fs::remove_file(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

async fn hello(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let head = start_response.start(StatusCode::OK, [("x-kind", "a"), ("x-kind", "b")])?;
    Ok(head.body("Hello world!\n"))
}
