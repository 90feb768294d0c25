//! The app that the tests of `deploy/` serve: it tells who answers, whom, and streams when it is told to.
//!
//! `/` is the worker's process, `/ping` is `pong`, `/client` what is known of the client, `/sleep/MILLIS` takes its time, `/abort` ends
//! the worker, `/events` is a stream whose second event waits for a request to `/go` at the same worker. The factory fails if the file
//! that `fails_if` in the section `[app]` names is there.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Body, Environ, Error, StartResponse, Started, blocking};
use rsgi_serve::Section;

fn create_app(section: &Section) -> Result<impl App + use<>, String> {
    match section.text("fails_if") {
        Some(path) if Path::new(path).exists() => Err(format!("{path} is there")),
        _ => Ok(blocking(|environ: Environ, start_response| answer(&environ, start_response))),
    }
}

fn answer(environ: &Environ, start_response: StartResponse) -> Result<Started, Error> {
    let path = environ.path_info();
    let text = match path {
        "/ping" => "pong".to_owned(),
        "/client" => client(environ),
        "/go" => go(),
        "/abort" => std::process::abort(),
        "/events" => return events(start_response),
        _ => {
            if let Some(millis) = path.strip_prefix("/sleep/") {
                eprintln!("sleeping");
                std::thread::sleep(Duration::from_millis(millis.parse()?));
            }
            std::process::id().to_string()
        }
    };
    Ok(start_response.status(StatusCode::OK).body(text))
}

fn client(environ: &Environ) -> String {
    let trusted = environ.trusted();
    let ip = trusted.client.ip().map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
    let host = trusted.host.unwrap_or_default();
    format!("{ip} {} {host}", trusted.scheme)
}

fn go() -> String {
    *TOLD.lock().unwrap_or_else(PoisonError::into_inner) = true;
    TOLD_NOW.notify_all();
    "gone on".to_owned()
}

fn events(start_response: StartResponse) -> Result<Started, Error> {
    let second = || {
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        while !std::mem::take(&mut *told) {
            told = TOLD_NOW.wait(told).unwrap_or_else(PoisonError::into_inner);
        }
        "data: second\n\n"
    };
    let pieces = std::iter::once("data: first\n\n").chain(std::iter::once_with(second));
    let head = start_response.status(StatusCode::OK);
    Ok(head.header("content-type", "text/event-stream")?.body(Body::iter(pieces)))
}

/// Whether the stream may go on.
static TOLD: Mutex<bool> = Mutex::new(false);
static TOLD_NOW: Condvar = Condvar::new();

fn main() -> ExitCode {
    rsgi_serve::Launcher::new(create_app).name("deployed").run()
}
