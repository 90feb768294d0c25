//! A file with ranges, so that a broken download goes on where it stopped; the server may have the system send it.
//! The file is this program's own.
//!
//! Try it: `cargo run -p rsgi-examples --features download --bin download`, then
//! `curl -i -r 0-3 --output - http://127.0.0.1:8000/` and see what programs begin with.

use std::fs::File;
use std::process::ExitCode;
use std::time::SystemTime;

use http_range_header::parse_range_header;
use rsgi_core::http::{Method, StatusCode, header};
use rsgi_core::{Body, Environ, Error, StartResponse, Started, blocking};

#[expect(clippy::needless_pass_by_value, reason = "an app owns its environ, whether it needs to or not")]
fn download(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let file = File::open(std::env::current_exe()?)?;
    let length = file.metadata()?.len();
    let changed = file.metadata()?.modified()?.duration_since(SystemTime::UNIX_EPOCH)?;
    let tag = format!("\"{length:x}-{:x}\"", changed.as_nanos());
    let wanted = wanted(&environ, &tag, length);
    let head =
        move |status| start_response.start(status, [("accept-ranges", "bytes")])?.header(header::ETAG, tag);
    match wanted {
        Wanted::Whole => Ok(head(StatusCode::OK)?.body(Body::file(file)?)),
        Wanted::Part(first, last) => {
            let range = format!("bytes {first}-{last}/{length}");
            let body = Body::file_range(file, first, last - first + 1)?;
            Ok(head(StatusCode::PARTIAL_CONTENT)?.header(header::CONTENT_RANGE, range)?.body(body))
        }
        Wanted::Outside => {
            let range = format!("bytes */{length}");
            Ok(head(StatusCode::RANGE_NOT_SATISFIABLE)?.header(header::CONTENT_RANGE, range)?.empty())
        }
    }
}

enum Wanted {
    Whole,
    Part(u64, u64),
    Outside,
}

/// What of the file is asked for. A range that is unreadable, one of another version of the file, and several at once
/// may all be answered by the whole of it (RFC 9110 sections 13.1.5, 14.2).
fn wanted(environ: &Environ, tag: &str, length: u64) -> Wanted {
    let current = environ.header(header::IF_RANGE).is_none_or(|known| known == tag);
    let asked = environ.header(header::RANGE).filter(|_| current && *environ.method() == Method::GET);
    let Some(Ok(asked)) = asked.map(parse_range_header) else { return Wanted::Whole };
    match asked.validate(length).as_deref() {
        Ok([part]) => Wanted::Part(*part.start(), *part.end()),
        Ok(_) => Wanted::Whole,
        Err(_) => Wanted::Outside,
    }
}

fn main() -> ExitCode {
    rsgi_examples::launch(blocking(download))
}
