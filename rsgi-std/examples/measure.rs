//! Answers `pong`, an echo, and a stream, for measurements: the cost of the server without a framework.
//!
//! Try it: `cargo run --release -p rsgi-std --example measure -- 127.0.0.1:8000 8`, then
//! `wrk -c 64 -t 1 http://127.0.0.1:8000/ping` beside it. The number is that of threads.

use std::error::Error;

use rsgi_core::http::{StatusCode, header};
use rsgi_core::server::Config;
use rsgi_core::{Adapter, Body, Environ, Running, StartResponse, Started, app_fn};
use rsgi_std::Server;

async fn app(mut environ: Environ, start_response: StartResponse) -> Result<Started, rsgi_core::Error> {
    let head = start_response.status(StatusCode::OK).header(header::CONTENT_TYPE, "text/plain")?;
    Ok(match environ.path_info() {
        "/echo" => head.body(environ.input_mut().collect(1 << 30).await?),
        "/big" => head.body(BIG),
        "/stream" => head.body(Body::iter((0..256).map(|_| vec![b'x'; 1024]))),
        _ => head.body("pong"),
    })
}

/// What an answer that is far larger than any buffer costs.
static BIG: &[u8] = &[b'x'; 8 << 20];

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let bind = words.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let threads = words.next().map_or(Ok(8), |word| word.parse())?;
    let config = Config::new().bind(&bind)?.threads(threads).limits(|limits| limits.body_bytes = None);
    Server::start(config, app_fn(app))?.wait()?;
    Ok(())
}
