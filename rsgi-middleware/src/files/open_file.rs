//! [`OpenFile`]: a file that is sent: its head, the whole of it or a part, or that the client has it. May block.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::SystemTime;

use rsgi_core::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED,
};
use rsgi_core::http::{HeaderMap, Method, StatusCode};
use rsgi_core::{Body, Error, Fields, StartResponse, Started};

use super::find::FoundFile;
use super::ranges::{Multipart, Selection, count, select};
use super::validators::{Validators, Verdict};
use super::{Charset, Settings};
use crate::vary::vary_by;

/// One file, open, to be an answer's body: for an app that decides by itself which file that is.
///
/// By [`open`](Self::open) any file that the program names, by [`Files::open`](super::Files::open) one of a folder, whose
/// name may be the client's. Opening and answering block: on an async server that is the offload's.
///
/// # Examples
///
/// ```
/// use rsgi_core::{Environ, StartResponse, app_fn, blocking};
/// use rsgi_middleware::OpenFile;
/// use rsgi_test::Client;
/// # let path = std::env::temp_dir().join(format!("rsgi-open-file-{}.txt", std::process::id()));
/// # std::fs::write(&path, "0123456789")?;
/// # let report = path.clone();
///
/// let app = blocking(move |environ: Environ, start_response: StartResponse| {
///     OpenFile::open(&report)?.respond(environ.method(), environ.headers(), start_response)
/// });
/// let answer = Client::new(app).get("/").header("range", "bytes=2-4").answer();
/// assert_eq!((answer.status(), answer.text()), (206, "234"));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct OpenFile {
    found: FoundFile,
    terms: Terms,
}

/// What is said of a file beside its content.
#[derive(Debug)]
struct Terms {
    content_type: Option<HeaderValue>,
    charset: Charset,
    cache_control: Option<HeaderValue>,
    /// Whether another client may get another coding.
    varies: bool,
}

impl OpenFile {
    /// Opens a file: wherever the path leads, so never one that a client names.
    ///
    /// # Errors
    ///
    /// It isn't there, can't be read, or is no regular file.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        // Asked before it is opened: opening a pipe would wait for its writer.
        if !std::fs::metadata(path).map_err(told)?.is_file() {
            return Err(told(io::Error::new(ErrorKind::InvalidInput, "no regular file")));
        }
        let file = File::open(path).map_err(told)?;
        let facts = file.metadata().map_err(told)?;
        let found = FoundFile { file, facts, name: path.to_owned(), coding: None };
        let terms = Terms { content_type: None, charset: Charset::Utf8, cache_control: None, varies: false };
        Ok(Self { found, terms })
    }

    pub(super) fn of(settings: &Settings, found: FoundFile) -> Self {
        let terms = Terms {
            content_type: None,
            charset: settings.charset,
            cache_control: settings.cache_control.clone(),
            varies: !settings.precompressed.is_empty(),
        };
        Self { found, terms }
    }

    /// Sets its type. Default: by the extension of its name, `charset=utf-8` with a text's.
    #[must_use]
    pub fn content_type(mut self, value: HeaderValue) -> Self {
        self.terms.content_type = Some(value);
        self
    }

    /// Says by `Cache-Control` how long caches may keep it. Default: nothing, or what the folder's [`Files`](super::Files) say.
    #[must_use]
    pub fn cache_control(mut self, value: HeaderValue) -> Self {
        self.terms.cache_control = Some(value);
        self
    }

    /// Answers a GET or HEAD by it, as [`Files`](super::Files) do: 200, 206, 304, 412 or 416.
    ///
    /// # Errors
    ///
    /// It has become shorter since it was opened, or the type that it was given is no text.
    pub fn respond(
        self,
        method: &Method,
        headers: &HeaderMap,
        start_response: StartResponse,
    ) -> Result<Started, Error> {
        let Self { found, terms } = self;
        let validators = Validators::of(&found.facts, found.coding, SystemTime::now());
        let length = found.facts.len();
        let selection = match validators.judge(headers) {
            Verdict::Failed => return Ok(start_response.status(StatusCode::PRECONDITION_FAILED).empty()),
            Verdict::Unmodified => {
                let mut started = start_response.status(StatusCode::NOT_MODIFIED).empty();
                terms.caching(&validators, started.fields_mut())?;
                if validators.etag().is_some() {
                    // Of use beside no tag only (RFC 9110 section 15.4.5).
                    started.fields_mut().remove(&LAST_MODIFIED);
                }
                return Ok(started);
            }
            // GET is the only method that has ranges (RFC 9110 section 14.2).
            Verdict::Go if *method == Method::GET && validators.holds_range(headers) => {
                select(headers, length)
            }
            Verdict::Go => Selection::Whole,
        };
        let kind = terms.kind(&found.name)?;
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
                let parts = Multipart::new(found.file, length, kind.to_str()?, &ranges);
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
        terms.caching(&validators, fields)?;
        Ok(started)
    }
}

impl Terms {
    /// The fields that a 304 has, too.
    fn caching(&self, validators: &Validators, fields: &mut Fields) -> Result<(), Error> {
        if let Some(etag) = validators.etag() {
            fields.insert(ETAG, etag)?;
        }
        if let Some(modified) = validators.last_modified() {
            fields.insert(LAST_MODIFIED, modified)?;
        }
        if let Some(cache_control) = &self.cache_control {
            fields.insert(CACHE_CONTROL, cache_control.clone())?;
        }
        if self.varies {
            vary_by(fields, &ACCEPT_ENCODING)?;
        }
        Ok(())
    }

    fn kind(&self, name: &Path) -> Result<HeaderValue, Error> {
        if let Some(kind) = &self.content_type {
            return Ok(kind.clone());
        }
        let kind = mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream");
        if self.charset == Charset::Utf8 && kind.starts_with("text/") {
            Ok(HeaderValue::try_from(format!("{kind}; charset=utf-8"))?)
        } else {
            Ok(HeaderValue::from_static(kind))
        }
    }
}
