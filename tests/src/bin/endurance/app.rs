//! What the server under load serves: async and blocking apps of the same answers, and the corpus' app beside them.
//!
//! A path is `/e/async/WHAT/NUMBER` or `/e/blocking/WHAT/NUMBER`; the answer's content follows from the number (see
//! `content.rs`), which its field `x-number` repeats. Every other path belongs to the malformed clients.
//!
//! Read next: `ticker.rs`, what the async event streams wait for; `sabotage.rs`, how it is made wrong on purpose.

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::Duration;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, Body, Environ, Error, Head, InputLength, Mount, StartResponse, Started, app_fn, blocking,
};
use rsgi_test::suite::corpus;

use crate::content::{BIG, EVENTS, PIECE, STREAM, content, event, small_length};
use crate::ticker::{TICK, tick};

/// All apps under one roof.
pub(crate) fn app() -> io::Result<impl App> {
    let file = big_file()?;
    let files = blocking(move |environ: Environ, start_response: StartResponse| {
        let (_, number) = asked(&environ);
        // Opened anew, so that each answer has a descriptor of its own which could be lost.
        let file = File::open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file)))?;
        let body = Body::file_range(file, number % 60_000, BIG as u64)?;
        Ok(head(start_response, number)?.body(body))
    });
    let mount = Mount::new().at("/e/async", app_fn(answer)).at("/e/blocking", blocking(answer_blocking));
    Ok(mount.at("/e/file", files).at("/", corpus::app()))
}

/// A file with the largest content; it has no name any more.
fn big_file() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("rsgi-endurance-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    (&file).write_all(&content(0, BIG))?;
    (&file).write_all(&content(BIG as u64, 60_000))?;
    Ok(file)
}

async fn answer(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let (what, number) = asked(&environ);
    let body = match what.as_str() {
        "small" => Body::from(content(number, small_length(number))),
        "big" => Body::from(content(number, BIG)),
        "echo" => match environ.input_length() {
            InputLength::Known(length) if length <= SMALL => environ.input_mut().collect(SMALL).await?.into(),
            _ => Body::duplex(environ.take_input(), async |mut input, sender| {
                while let Some(piece) = input.piece().await {
                    sender.send(piece?).await?;
                }
                Ok(())
            }),
        },
        "stream" => Body::send(async move |sender| {
            for piece in pieces(number) {
                sender.send(piece).await?;
            }
            Ok(())
        }),
        "events" => Body::send(async move |sender| {
            for index in 0..EVENTS {
                tick().await;
                sender.send(event(number, index)).await?;
            }
            Ok(())
        }),
        _ => return Ok(start_response.status(StatusCode::NOT_FOUND).empty()),
    };
    Ok(head(start_response, number)?.body(body))
}

fn answer_blocking(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let (what, number) = asked(&environ);
    let body = match what.as_str() {
        "small" => Body::from(content(number, small_length(number))),
        "big" => Body::reader(io::Cursor::new(content(number, BIG))).with_length(BIG as u64),
        "echo" => match environ.input_length() {
            InputLength::Known(length) if length <= SMALL => {
                let mut whole = Vec::new();
                environ.input_mut().read_to_end(&mut whole)?;
                whole.into()
            }
            _ => Body::reader(environ.take_input()),
        },
        "stream" => Body::iter(pieces(number)),
        "events" => Body::iter((0..EVENTS).map(move |index| {
            std::thread::sleep(TICK);
            event(number, index)
        })),
        // For the warm-up: so many at once that every thread there may be is started.
        "hold" => {
            std::thread::sleep(Duration::from_millis(300));
            Body::from(content(number, small_length(number)))
        }
        _ => return Ok(start_response.status(StatusCode::NOT_FOUND).empty()),
    };
    Ok(head(start_response, number)?.body(body))
}

fn head(start_response: StartResponse, number: u64) -> Result<Head, Error> {
    let head = start_response.start(StatusCode::OK, [("content-type", "application/octet-stream")])?;
    Ok(head.header("x-number", number)?)
}

fn pieces(number: u64) -> impl Iterator<Item = Bytes> + Send + 'static {
    let whole = content(number, STREAM);
    (0..STREAM / PIECE).map(move |index| whole.slice(index * PIECE..(index + 1) * PIECE))
}

/// The last two segments of the path.
fn asked(environ: &Environ) -> (String, u64) {
    let (front, number) = environ.path_info().rsplit_once('/').unwrap_or_default();
    (front.rsplit('/').next().unwrap_or_default().to_owned(), number.parse().unwrap_or_default())
}

/// What is echoed by an app that has it whole.
const SMALL: u64 = 64 << 10;
