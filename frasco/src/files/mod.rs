//! Files as answers: one by [`send_file`] or [`send_from_directory`], a folder's by [`StaticFolder`].
//!
//! What a file's answer says, and that no name leads out of a folder, is rsgi-middleware's
//! [`Files`]. A file goes out as one, so that a server may have the system send it. It is opened
//! where blocking is allowed, for async handlers too ([`IntoResponse::blocks`]). Read next: `folder.rs`, `disposition.rs`.

mod disposition;
mod folder;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rsgi_core::StartResponse;
use rsgi_core::http::header::{self, HeaderValue};
use rsgi_middleware::{Files, OpenFile};

pub use folder::StaticFolder;

use crate::error::{Error, abort};
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use disposition::{Disposition, disposition};

/// Answers with a file that the program names: never by a name that a client sent, for which there is
/// [`send_from_directory`].
///
/// The answer has a type by the name's extension, validators, and `Cache-Control: no-cache`; it is 304, 206, 412 or 416 where the
/// request says so (RFC 9110 sections 13 and 14). A file that isn't there is a 500, with its path in the log.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, SendFile, send_file};
/// # let path = std::env::temp_dir().join(format!("frasco-send-file-{}.csv", std::process::id()));
/// # std::fs::write(&path, "a,b\n")?;
/// # let at = path.clone();
///
/// let report = async move || send_file(&at).download_name("Übersicht.csv").as_attachment();
/// # fn is_sent(_: &impl AsyncFn() -> SendFile) {}
/// # is_sent(&report);
/// # let at = path.clone();
/// # let report = move || send_file(&at).download_name("Übersicht.csv").as_attachment();
/// let app = App::builder("app").route(frasco::Route::new("/report", report).endpoint("report")).build()?;
/// let client = rsgi_test::Client::new(app);
///
/// let answer = client.get("/report").header("range", "bytes=2-").answer();
/// assert_eq!((answer.status(), answer.text()), (206, "b\n"));
/// let named = "attachment; filename=\"_bersicht.csv\"; filename*=UTF-8''%C3%9Cbersicht.csv";
/// assert_eq!(answer.field("content-disposition"), Some(named));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn send_file(path: impl Into<PathBuf>) -> SendFile {
    SendFile::of(Place::Anywhere(path.into()))
}

/// Answers with a file of a folder, by a name that may be the client's: decoded, with slashes between. What isn't there is a 404, and so is a name
/// that leads out of the folder, by `..`, by a link or otherwise, or to a hidden file.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Path, SendFile, send_from_directory};
///
/// async fn upload(Path(name): Path<String>) -> SendFile {
///     send_from_directory("uploads", name)
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("app").get("/uploads/<path:name>", upload).build()?;
/// # let _ = app;
/// # Ok(())
/// # }
/// ```
pub fn send_from_directory(folder: impl Into<PathBuf>, name: impl Into<String>) -> SendFile {
    SendFile::of(Place::Below(folder.into(), name.into()))
}

/// A file to be sent, by [`send_file`] or [`send_from_directory`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use frasco::{App, SendFile, send_file};
/// # let path = std::env::temp_dir().join(format!("frasco-send-{}.csv", std::process::id()));
/// # std::fs::write(&path, "a,b\n")?;
///
/// # let of = path.clone();
/// let report = move || {
///     send_file(&of).as_attachment().download_name("report.csv").max_age(Duration::from_mins(1))
/// };
/// let app = App::builder("app").route(frasco::Route::new("/report", report).endpoint("report")).build()?;
/// let answer = rsgi_test::Client::new(app).get("/report").answer();
/// assert_eq!(answer.field("content-disposition"), Some("attachment; filename=\"report.csv\""));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SendFile {
    place: Place,
    content_type: Option<HeaderValue>,
    cache_control: HeaderValue,
    disposition: Disposition,
    download_name: Option<String>,
}

#[derive(Debug, Clone)]
enum Place {
    Anywhere(PathBuf),
    Below(PathBuf, String),
}

impl SendFile {
    fn of(place: Place) -> Self {
        Self {
            place,
            content_type: None,
            cache_control: ASK_FIRST,
            disposition: Disposition::Inline,
            download_name: None,
        }
    }

    /// Sets the type. Default: by the extension of the file's name.
    ///
    /// # Panics
    ///
    /// It holds what no field can: for texts that the program has.
    #[must_use]
    pub fn content_type(mut self, value: &str) -> Self {
        let value = HeaderValue::from_str(value);
        self.content_type = Some(value.unwrap_or_else(|_| panic!("a type that no field can hold")));
        self
    }

    /// Has the browser save the file, under its own name or [`download_name`](Self::download_name). Default: it shows it if it can.
    #[must_use]
    pub fn as_attachment(mut self) -> Self {
        self.disposition = Disposition::Attachment;
        self
    }

    /// Sets the name under which the file is saved, any text (RFC 6266). Default: the file's own if it is an
    /// [attachment](Self::as_attachment), else none.
    #[must_use]
    pub fn download_name(mut self, name: impl Into<String>) -> Self {
        self.download_name = Some(name.into());
        self
    }

    /// Lets every cache keep it so long without asking again. Default: `no-cache`, a cache asks each time whether it has changed.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.cache_control = kept_for(age);
        self
    }

    /// Sets `Cache-Control`, such as `private, max-age=60` for what one user alone may see. Default: `no-cache`.
    #[must_use]
    pub fn cache_control(mut self, value: HeaderValue) -> Self {
        self.cache_control = value;
        self
    }

    fn open(&self, request: &Request) -> Result<OpenFile, Error> {
        match &self.place {
            Place::Anywhere(path) => Ok(OpenFile::open(path)?),
            Place::Below(folder, name) => {
                let files = Files::new(folder)?;
                Ok(files.open(name, request.headers())?.ok_or_else(|| abort(404))?)
            }
        }
    }

    fn own_name(&self) -> Option<&str> {
        match &self.place {
            Place::Anywhere(path) => path.file_name()?.to_str(),
            Place::Below(_, name) => Path::new(name).file_name()?.to_str(),
        }
    }
}

impl IntoResponse for SendFile {
    fn into_response(self, request: &Request) -> Result<Response, Error> {
        let mut file = self.open(request)?.cache_control(self.cache_control.clone());
        if let Some(kind) = &self.content_type {
            file = file.content_type(kind.clone());
        }
        let mut response = sent(file, request)?;
        let is_named = self.download_name.is_some() || self.disposition == Disposition::Attachment;
        if is_named && response.status().is_success() {
            let name = self.download_name.as_deref().or_else(|| self.own_name());
            response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition(self.disposition, name));
        }
        Ok(response)
    }

    fn blocks() -> bool {
        true
    }
}

fn sent(file: OpenFile, request: &Request) -> Result<Response, Error> {
    let started = file.respond(request.method(), request.headers(), StartResponse::new());
    let mut started = started.map_err(Error::boxed)?;
    let mut response = Response::of(started.take_body());
    response.set_status(started.status());
    response.headers_mut().clone_from(started.headers());
    Ok(response)
}

fn kept_for(age: Duration) -> HeaderValue {
    let value = HeaderValue::try_from(format!("public, max-age={}", age.as_secs()));
    value.unwrap_or(ASK_FIRST)
}

/// As Flask has it.
const ASK_FIRST: HeaderValue = HeaderValue::from_static("no-cache");
