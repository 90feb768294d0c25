//! The access log around apps, in memory; here is what its tests share.

mod lines;
mod outputs;

use std::io::Write;
use std::sync::{Arc, Mutex};

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Environ, Error, Middleware, StartResponse, Started};
use rsgi_test::{Client, Memory};

use super::{AccessFormat, AccessLog};

/// What was written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// Has `ask` ask an app on a server of these settings, and gives the lines of its access log.
fn lines(format: AccessFormat, memory: Memory, app: impl App, ask: impl FnOnce(&Client)) -> Vec<String> {
    let paper = Paper::default();
    let log = AccessLog::to(paper.clone()).format(format);
    ask(&Client::with(log.wrap(app), memory));
    paper.lines()
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
fn line(format: &str, request: impl FnOnce(&Client) -> rsgi_test::Request<'_>) -> String {
    line_of(AccessFormat::parse(format).unwrap(), request)
}

fn line_of(format: AccessFormat, request: impl FnOnce(&Client) -> rsgi_test::Request<'_>) -> String {
    let mut lines = lines(format, memory(), hello, |client| drop(request(client).answer()));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}
