//! `may_minihttp`: coroutines on an event loop a worker. Written as its own examples.
//!
//! It has neither streams nor files, only bodies in memory: `/stream` and `/file` are answered by 501. Its listener
//! can't be given, so the length of its queue is its own choice.

use std::io::{self, Read};

use may_minihttp::{HttpServer, HttpService, Request, Response};
use peer_options::{BIG, BLOCK, Options, PONG};

#[derive(Clone)]
struct App {
    big: &'static str,
}

impl HttpService for App {
    fn call(&mut self, request: Request, response: &mut Response) -> io::Result<()> {
        match request.path() {
            "/ping" => {
                response.header("Content-Type: text/plain").body(PONG);
            }
            "/echo" => {
                response.header("Content-Type: application/octet-stream");
                let mut content = Vec::new();
                request.body().read_to_end(&mut content)?;
                response.body_vec(content);
            }
            "/big" => {
                response.header("Content-Type: application/octet-stream").body(self.big);
            }
            "/block" => {
                may::coroutine::sleep(BLOCK);
                response.header("Content-Type: text/plain").body(PONG);
            }
            "/stream" | "/file" => {
                response.status_code(501, "Not Implemented");
            }
            _ => {
                response.status_code(404, "Not Found");
            }
        }
        Ok(())
    }
}

fn main() -> io::Result<()> {
    let options = Options::read(&[]);
    may::config().set_workers(options.threads.unwrap_or(1)).set_pool_capacity(1000).set_stack_size(0x1000);
    let big = std::str::from_utf8(BIG).map_err(io::Error::other)?;
    let server = HttpServer(App { big }).start(options.listen)?;
    server.join().map_err(|_| io::Error::other("the server panicked"))
}
