//! An upload streamed to a file, never held whole: reports its size and SHA-256. What arrives broken is removed.
//!
//! Try it: `cargo run -p rsgi-examples --features upload --bin upload`, then
//! `curl -T Cargo.lock http://127.0.0.1:8000/` and compare with `sha256sum Cargo.lock`.

use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use rsgi_core::http::{Method, StatusCode, header};
use rsgi_core::{Environ, Error, Input, StartResponse, Started, blocking};
use sha2::{Digest, Sha256};

/// More than the server's `body_bytes` allows by default; over it the client gets a 413.
const LARGEST: u64 = 1 << 30;

fn upload(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    if !matches!(*environ.method(), Method::PUT | Method::POST) {
        let head = start_response.status(StatusCode::METHOD_NOT_ALLOWED);
        return Ok(head.header(header::ALLOW, "PUT, POST")?.empty());
    }
    let (connection, request) = environ.request_id();
    let name = format!("rsgi-upload-{}-{connection}-{request}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = File::create_new(&path)?;
    environ.input_mut().set_limit(LARGEST);
    match store(environ.input_mut(), file) {
        Ok((size, sum)) => {
            let text = format!("{size} bytes in {}, SHA-256 {sum}\n", path.display());
            Ok(start_response.start(StatusCode::CREATED, [("content-type", "text/plain")])?.body(text))
        }
        Err(error) => {
            // A part of an upload is of no use. The error itself tells the server: 400, 408 or 413.
            fs::remove_file(&path)?;
            Err(error.into())
        }
    }
}

fn store(input: &mut Input, mut file: File) -> io::Result<(u64, String)> {
    let (mut hasher, mut size) = (Sha256::new(), 0);
    loop {
        let piece = input.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        file.write_all(piece)?;
        hasher.update(piece);
        let length = piece.len();
        size += length as u64;
        input.consume(length);
    }
    let sum: Vec<_> = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((size, sum.concat()))
}

fn main() -> ExitCode {
    rsgi_examples::launch(blocking(upload))
}
