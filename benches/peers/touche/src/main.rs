//! touche: a thread a connection, from a pool of N, as its documentation shows.
//!
//! Its bodies in memory are vectors, so `/big` is a reader over the shared bytes instead of a copy.

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use peer_options::{BIG, BLOCK, Options, PIECE, PIECES, PONG};
use touche::body::HttpBody;
use touche::{Body, Request, Response, Server, StatusCode, header};

fn main() -> io::Result<()> {
    let options = Options::read(&[]);
    let listener = options.listener()?;
    let file: Option<PathBuf> = options.file;
    // A client that is gone before it is accepted is no reason to end.
    let accepted = std::iter::repeat_with(move || listener.accept()).filter_map(Result::ok);
    Server::builder()
        .max_threads(options.threads.unwrap_or(64))
        .nodelay(true)
        .from_connections(accepted.map(|(stream, _)| stream))
        .serve(move |request: Request<Body>| answer(request, file.as_deref()))
}

fn answer(
    request: Request<Body>,
    file: Option<&Path>,
) -> Result<Response<Body>, Box<dyn Error + Send + Sync>> {
    let (kind, body) = match (request.uri().path(), file) {
        ("/ping", _) => (TEXT, Body::from(PONG)),
        ("/echo", _) => (BYTES, Body::from(request.into_body().into_bytes()?)),
        ("/stream", _) => (BYTES, Body::from_iter((0..PIECES).map(|_| PIECE))),
        ("/big", _) => (BYTES, Body::from_reader(BIG, BIG.len())),
        ("/file", Some(path)) => (BYTES, Body::try_from(File::open(path)?)?),
        ("/block", _) => {
            thread::sleep(BLOCK);
            (TEXT, Body::from(PONG))
        }
        _ => return Ok(Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty())?),
    };
    Ok(Response::builder().status(StatusCode::OK).header(header::CONTENT_TYPE, kind).body(body)?)
}

const TEXT: &str = "text/plain";
const BYTES: &str = "application/octet-stream";
