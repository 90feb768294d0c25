//! The answer to a request by what lies at its path: a file, a redirect to a folder, or none. May block.
//!
//! What is said of a file is `open_file.rs`'s.

use rsgi_core::http::StatusCode;
use rsgi_core::http::header::LOCATION;
use rsgi_core::{Environ, Error, StartResponse, Started};

use super::find::{Found, find};
use super::open_file::OpenFile;
use super::path::below;
use super::{Settings, wish};

/// An answer, or the request back where no file is to be found.
pub(super) enum Served {
    Answer(Box<Started>),
    Nothing(Environ, StartResponse),
}

/// Answers a GET or HEAD.
pub(super) fn serve(
    settings: &Settings,
    environ: Environ,
    start_response: StartResponse,
) -> Result<Served, Error> {
    let Some(below) = below(environ.path_info(), settings.dot_files) else {
        return Ok(Served::Nothing(environ, start_response));
    };
    let wish = wish(settings, environ.headers());
    let started = match find(settings, below, &wish)? {
        Found::File(found) => {
            OpenFile::of(settings, *found).respond(environ.method(), environ.headers(), start_response)?
        }
        Found::Folder => match location(&environ) {
            Some(location) => {
                let head = start_response.status(StatusCode::MOVED_PERMANENTLY).header(LOCATION, location)?;
                head.empty()
            }
            None => return Ok(Served::Nothing(environ, start_response)),
        },
        Found::Nothing => return Ok(Served::Nothing(environ, start_response)),
    };
    Ok(Served::Answer(Box::new(started)))
}

/// The path with its slash, below the mount. One that begins with two slashes would name another host.
fn location(environ: &Environ) -> Option<String> {
    let mut location = format!("{}{}/", environ.script_name(), environ.path_info());
    if location.starts_with("//") {
        return None;
    }
    if let Some(query) = environ.query() {
        location.push('?');
        location.push_str(query);
    }
    Some(location)
}
