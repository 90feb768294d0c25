//! The access log around apps, in memory; here is what its tests share.

mod lines;
mod outputs;

use std::fs;
use std::path::Path;

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Environ, Error, Middleware, StartResponse, Started};
use rsgi_test::{Client, Memory};

use super::{Access, Format};
use crate::log::output::Output;
use crate::log::scratch;

/// Has `ask` ask an app on a server of these settings, and gives the lines of its access log.
fn lines(
    name: &str,
    format: Format,
    memory: Memory,
    app: impl App,
    ask: impl FnOnce(&Client),
) -> Vec<String> {
    let path = scratch(&format!("access-{name}"));
    let access = Access::open(format, &Output::File(path.clone()), None).unwrap();
    ask(&Client::with(access.wrap(app), memory));
    taken(&path)
}

fn taken(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    fs::remove_file(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn memory() -> Memory {
    let peer: std::net::SocketAddr = "192.0.2.7:4711".parse().unwrap();
    Memory::new().peer(peer)
}

async fn hello(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let head = start_response.start(StatusCode::OK, [("x-kind", "a"), ("x-kind", "b")])?;
    Ok(head.body("Hello world!\n"))
}

/// The line of one request to `hello`.
fn line(name: &str, format: &str, request: impl FnOnce(&Client) -> rsgi_test::Request<'_>) -> String {
    let format = Format::parse(format).unwrap();
    let mut lines = lines(name, format, memory(), hello, |client| drop(request(client).answer()));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}
