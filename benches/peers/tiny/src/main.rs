//! `tiny_http`: a thread a connection that reads requests, and a pool of N threads that answers them, as its README says.
//!
//! The threshold from which it sends a known length in chunks all the same is lifted: `/big` and `/file` are to have
//! their `Content-Length`.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use peer_options::{BIG, BLOCK, Options, PONG, Pieces};
use tiny_http::{Header, Request, Response, Server, StatusCode};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let options = Options::read(&[]);
    let server = Arc::new(Server::from_listener(options.listener()?, None)?);
    let file: Option<Arc<Path>> = options.file.map(Into::into);
    let threads: Vec<_> = (0..options.threads.unwrap_or(64))
        .map(|_| {
            let (server, file) = (Arc::clone(&server), file.clone());
            thread::spawn(move || {
                while let Ok(request) = server.recv() {
                    // A client that has gone is no reason to end.
                    let _gone = answer(request, file.as_deref());
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    Ok(())
}

fn answer(mut request: Request, file: Option<&Path>) -> io::Result<()> {
    match (request.url(), file) {
        ("/ping", _) => request.respond(pong()),
        ("/echo", _) => {
            let mut content = Vec::new();
            request.as_reader().read_to_end(&mut content)?;
            let length = content.len();
            request.respond(response(BYTES, io::Cursor::new(content), Some(length)))
        }
        ("/stream", _) => request.respond(response(BYTES, Pieces::new(), None)),
        ("/big", _) => request.respond(response(BYTES, BIG, Some(BIG.len()))),
        ("/file", Some(path)) => {
            let file = File::open(path)?;
            let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
            request.respond(response(BYTES, file, Some(length)))
        }
        ("/block", _) => {
            thread::sleep(BLOCK);
            request.respond(pong())
        }
        _ => request.respond(Response::empty(404)),
    }
}

const TEXT: &str = "text/plain";
const BYTES: &str = "application/octet-stream";

fn pong() -> Response<&'static [u8]> {
    response(TEXT, PONG.as_bytes(), Some(PONG.len()))
}

fn response<R: Read>(kind: &str, reader: R, length: Option<usize>) -> Response<R> {
    let fields = Header::from_bytes("Content-Type", kind).into_iter().collect();
    Response::new(StatusCode(200), fields, reader, length, None).with_chunked_threshold(usize::MAX)
}
