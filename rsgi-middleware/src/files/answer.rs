//! The answer by a file: its head, the whole of it or a part, or that the client has it. May block.

use std::path::Path;
use std::time::SystemTime;

use rsgi_core::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION,
};
use rsgi_core::http::{HeaderMap, Method, StatusCode};
use rsgi_core::{Body, Environ, Error, Fields, StartResponse, Started};

use super::find::{Found, FoundFile, find};
use super::path::below;
use super::ranges::{Multipart, Selection, count, select};
use super::validators::{Validators, Verdict};
use super::{Charset, Settings};
use crate::coding::Wish;
use crate::vary::vary_by;

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
    let wish =
        if settings.precompressed.is_empty() { Wish::default() } else { Wish::read(environ.headers()) };
    let started = match find(settings, below, &wish)? {
        Found::File(found) => answer(settings, environ.method(), environ.headers(), *found, start_response)?,
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

fn answer(
    settings: &Settings,
    method: &Method,
    headers: &HeaderMap,
    found: FoundFile,
    start_response: StartResponse,
) -> Result<Started, Error> {
    let validators = Validators::of(&found.facts, found.coding, SystemTime::now());
    let length = found.facts.len();
    let selection = match validators.judge(headers) {
        Verdict::Failed => return Ok(start_response.status(StatusCode::PRECONDITION_FAILED).empty()),
        Verdict::Unmodified => {
            let mut started = start_response.status(StatusCode::NOT_MODIFIED).empty();
            caching(settings, &validators, started.fields_mut())?;
            if validators.etag().is_some() {
                // Of use beside no tag only (RFC 9110 section 15.4.5).
                started.fields_mut().remove(&LAST_MODIFIED);
            }
            return Ok(started);
        }
        // GET is the only method that has ranges (RFC 9110 section 14.2).
        Verdict::Go if *method == Method::GET && validators.holds_range(headers) => select(headers, length),
        Verdict::Go => Selection::Whole,
    };
    let kind = content_type(settings, &found.name);
    let mut started = match selection {
        Selection::Unsatisfiable => {
            let head = start_response.status(StatusCode::RANGE_NOT_SATISFIABLE);
            return Ok(head.header(CONTENT_RANGE, format!("bytes */{length}"))?.empty());
        }
        Selection::Whole => {
            let head = start_response.status(StatusCode::OK).header(CONTENT_TYPE, kind)?;
            head.body(Body::file_range(found.file, 0, length)?)
        }
        Selection::Part(range) => {
            let place = format!("bytes {}-{}/{length}", range.start(), range.end());
            let head = start_response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_TYPE, kind)?;
            let body = Body::file_range(found.file, *range.start(), count(&range))?;
            head.header(CONTENT_RANGE, place)?.body(body)
        }
        Selection::Parts(ranges) => {
            let parts = Multipart::new(found.file, length, &kind, &ranges);
            let head = start_response.status(StatusCode::PARTIAL_CONTENT);
            let head = head.header(CONTENT_TYPE, parts.content_type())?;
            head.header(CONTENT_LENGTH, parts.length())?.body(parts.into_body())
        }
    };
    let fields = started.fields_mut();
    fields.insert(ACCEPT_RANGES, "bytes")?;
    if let Some(coding) = found.coding {
        fields.insert(CONTENT_ENCODING, coding.value())?;
    }
    caching(settings, &validators, fields)?;
    Ok(started)
}

/// The fields that a 304 has, too.
fn caching(settings: &Settings, validators: &Validators, fields: &mut Fields) -> Result<(), Error> {
    if let Some(etag) = validators.etag() {
        fields.insert(ETAG, etag)?;
    }
    if let Some(modified) = validators.last_modified() {
        fields.insert(LAST_MODIFIED, modified)?;
    }
    if let Some(cache_control) = &settings.cache_control {
        fields.insert(CACHE_CONTROL, cache_control.clone())?;
    }
    if !settings.precompressed.is_empty() {
        vary_by(fields, &ACCEPT_ENCODING)?;
    }
    Ok(())
}

fn content_type(settings: &Settings, name: &Path) -> String {
    let kind = mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream");
    if settings.charset == Charset::Utf8 && kind.starts_with("text/") {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_owned()
    }
}
