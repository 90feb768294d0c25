//! Answers `pong` to whatever comes, by way of the engine alone: its cost without any parsing.
//!
//! Try it: `cargo run --release -p rsgi-threads --example canned -- 127.0.0.1:8000 4`, then
//! `wrk -c 64 -t 1 http://127.0.0.1:8000/` beside it. The first number is that of handler threads; a second one lets
//! each handler block for so many milliseconds; `portable` after that chooses that poller.

use std::error::Error;
use std::io::{ErrorKind, Write as _};
use std::sync::Arc;
use std::time::Duration;

use rsgi_threads::{
    Accepted, Config, ConnWaker, Engine, Listener, Next, Opened, PollerKind, Protocol, Readiness, Stream,
    Turn,
};

struct Ping {
    block: Duration,
}

impl Protocol for Ping {
    type Connection = Stream;
    type Shared = ();
    type Scratch = Vec<u8>;

    fn scratch(&self) -> Vec<u8> {
        vec![0; 16 * 1024]
    }

    fn accepted(&self, stream: Stream, _: &Accepted, _: ConnWaker) -> Option<Opened<Self>> {
        Some(Opened { connection: stream, shared: Arc::new(()), next: Next::read(None) })
    }

    fn ready(&self, stream: &mut Stream, _: Readiness, turn: &mut Turn<'_, Self>) -> Next {
        match stream.read(turn.scratch) {
            Ok(0) => Next::Close,
            Ok(_) => Next::Run,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Next::read(None),
            Err(_) => Next::Close,
        }
    }

    fn run(&self, stream: &mut Stream, _: &mut Turn<'_, Self>) -> Next {
        if !self.block.is_zero() {
            std::thread::sleep(self.block);
        }
        if stream.write(ANSWER).is_ok() { Next::read(None) } else { Next::Close }
    }

    fn timeout(&self, _: &mut Stream, _: &mut Turn<'_, Self>) -> Next {
        Next::Close
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\npong";

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let listener = Listener::tcp(words.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned()))?;
    let threads = words.next().map_or(Ok(4), |word| word.parse())?;
    let block = Duration::from_millis(words.next().map_or(Ok(0), |word| word.parse())?);
    let poller = if words.next().is_some() { PollerKind::Portable } else { PollerKind::Native };
    let engine = Engine::new(
        Arc::new(Ping { block }),
        vec![listener],
        &Config::default().threads(threads).poller(poller),
    )?;
    writeln!(std::io::stderr(), "http://{}/", engine.addresses()[0])?;
    engine.serve()?;
    Ok(())
}
