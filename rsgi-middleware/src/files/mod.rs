//! [`Files`]: the files of a folder, as an app or before one.
//!
//! Read in the order of the modules: what a path names, where it lies, whether the client has it already, which part of
//! it is wanted, and the answer.
//!
//! Invariants: no path leads out of the folder; nothing is opened or read where blocking isn't allowed; a file goes out
//! as a [`Body::file_range`](rsgi_core::Body::file_range), so that a server may have the system send it.

mod path;

mod find;
mod validators;

mod ranges;

mod answer;
mod open_file;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rsgi_core::http::header::{ALLOW, HeaderValue};
use rsgi_core::http::{HeaderMap, Method, StatusCode};
use rsgi_core::{App, Capabilities, Environ, Error, Middleware, StartResponse, Started};

use crate::Coding;
use crate::coding::Wish;
use answer::{Served, serve};
pub use open_file::OpenFile;

/// Serves the files of a folder.
///
/// As an app it answers 404 for what isn't there; as a middleware it leaves that to the app inside, and every method but
/// GET and HEAD as well.
///
/// # What it answers
///
/// - `Content-Type` by the name's extension, `Last-Modified`, and an `ETag` of length and time: strong, but weak while the
///   file is younger than two seconds and may change again within its time stamp's grain (RFC 9110 section 8.8.1). A
///   file dated 1970, as reproducible builds date them, has neither: its time says nothing.
/// - Conditions in RFC 9110's order (section 13.2.2): 412 for `If-Match` and `If-Unmodified-Since`, 304 for
///   `If-None-Match` and `If-Modified-Since`, the whole file for an `If-Range` that no longer holds.
/// - A range as 206; several that ascend and don't overlap as `multipart/byteranges`, up to 16 of them. Others are ignored,
///   as a server may (sections 14.2 and 17.15), and so is what can't be parsed; 416 where nothing is left to send.
/// - A folder by its index, under its path with a slash; without, a redirect there, below whatever mount.
///
/// # What it never serves
///
/// Anything outside of the folder: `..` and an encoded slash, backslash or NUL name nothing, and a symbolic link that
/// leads out isn't followed ([`follow_links`](Self::follow_links) changes that). No file whose name, or whose folder's,
/// begins with a dot, such as `.git` and `.env`, but `.well-known` ([`dot_files`](Self::dot_files)). No folder's
/// listing, and nothing but regular files.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::HeaderValue;
/// use rsgi_core::{Mount, Stack};
/// use rsgi_middleware::Files;
/// use rsgi_test::Client;
/// # use rsgi_core::{app_fn, http::StatusCode};
/// # let app = app_fn(|_, start_response| async move { Ok(start_response.status(StatusCode::OK).body("app")) });
/// # let folder = std::env::temp_dir().join(format!("rsgi-files-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # std::fs::write(folder.join("site.css"), "p { color: teal }")?;
///
/// let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
/// let site = Mount::new()
///     .at("/static", Files::new(&folder)?.cache_control(forever))
///     .at("/", Stack::new().then(Files::new(&folder)?).app(app));
/// let client = Client::new(site);
///
/// let answer = client.get("/static/site.css").header("range", "bytes=4-8").answer();
/// assert_eq!((answer.status(), answer.text()), (206, "color"));
/// assert_eq!(answer.field("content-type"), Some("text/css; charset=utf-8"));
/// assert_eq!(client.get("/static/nothing").answer().status(), 404);
/// assert_eq!(client.get("/nothing").answer().text(), "app");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Files {
    settings: Arc<Settings>,
}

#[derive(Debug, Clone)]
struct Settings {
    root: PathBuf,
    links: Links,
    dot_files: DotFiles,
    index: Option<String>,
    cache_control: Option<HeaderValue>,
    precompressed: Vec<Coding>,
    charset: Charset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Inside,
    Anywhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DotFiles {
    Hidden,
    Served,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    Utf8,
    Untold,
}

impl Files {
    /// Serves a folder's files. The folder is looked up for each request anew, so that it may be a link that a
    /// deployment changes.
    ///
    /// # Errors
    ///
    /// The folder isn't there or is none: a mistake that is to be found at boot.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        let named = |kind, what: &str| {
            io::Error::new(kind, format!("folder of files {}: {what}; name one that exists", root.display()))
        };
        match std::fs::metadata(&root) {
            Ok(facts) if facts.is_dir() => {}
            Ok(_) => return Err(named(io::ErrorKind::NotADirectory, "no folder")),
            Err(error) => return Err(named(error.kind(), &error.to_string())),
        }
        let settings = Settings {
            root,
            links: Links::Inside,
            dot_files: DotFiles::Hidden,
            index: Some("index.html".to_owned()),
            cache_control: None,
            precompressed: Vec::new(),
            charset: Charset::Utf8,
        };
        Ok(Self { settings: Arc::new(settings) })
    }

    fn set(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(Arc::make_mut(&mut self.settings));
        self
    }

    /// Follows symbolic links that lead out of the folder, too. Default: only relative ones that stay inside. Whoever
    /// can make a link in the folder then can have any file served.
    #[must_use]
    pub fn follow_links(self) -> Self {
        self.set(|settings| settings.links = Links::Anywhere)
    }

    /// Serves files whose name begins with a dot, too. Default: only what lies under `.well-known` (RFC 8615).
    #[must_use]
    pub fn dot_files(self) -> Self {
        self.set(|settings| settings.dot_files = DotFiles::Served)
    }

    /// Answers a folder's path by this file in it. Default: `index.html`.
    #[must_use]
    pub fn index(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.set(|settings| settings.index = Some(name))
    }

    /// Has no index: a folder's path names nothing.
    #[must_use]
    pub fn without_index(self) -> Self {
        self.set(|settings| settings.index = None)
    }

    /// Says by `Cache-Control` how long caches may keep the files. Default: nothing, so that each guesses (RFC 9111 section
    /// 4.2.2).
    #[must_use]
    pub fn cache_control(self, value: HeaderValue) -> Self {
        self.set(|settings| settings.cache_control = Some(value))
    }

    /// Serves `name.br`, `name.gz` or `name.zst` beside a file in its place, to clients that accept these codings, the first
    /// listed where they have no preference. One that is older than the file isn't. Default: none.
    #[must_use]
    pub fn precompressed(self, codings: impl IntoIterator<Item = Coding>) -> Self {
        self.set(|settings| settings.precompressed = codings.into_iter().collect())
    }

    /// Says nothing of a text's encoding. Default: `charset=utf-8` for `text/*`.
    #[must_use]
    pub fn without_charset(self) -> Self {
        self.set(|settings| settings.charset = Charset::Untold)
    }

    /// Opens one of the folder's files, for an app that has its name by other means than the path: `css/site.css`, decoded, with
    /// slashes between, which may be the client's. What is never served isn't opened either, nor a folder. `headers` are the
    /// request's, which may wish for a [precompressed](Self::precompressed) file. It blocks.
    ///
    /// # Errors
    ///
    /// The system's, other than that there is no such file: that is `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::http::HeaderMap;
    /// use rsgi_middleware::Files;
    /// # let folder = std::env::temp_dir().join(format!("rsgi-files-open-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # std::fs::write(folder.join("a.txt"), "a")?;
    ///
    /// let files = Files::new(&folder)?;
    /// assert!(files.open("a.txt", &HeaderMap::new())?.is_some());
    /// assert!(files.open("../a.txt", &HeaderMap::new())?.is_none());
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(&self, name: &str, headers: &HeaderMap) -> io::Result<Option<OpenFile>> {
        let settings = &*self.settings;
        let Some(below) = path::named(name, settings.dot_files) else { return Ok(None) };
        let wish = wish(settings, headers);
        Ok(match find::find_file(settings, below.path, &wish)? {
            find::Found::File(found) => Some(OpenFile::of(settings, *found)),
            find::Found::Folder | find::Found::Nothing => None,
        })
    }

    /// Looks a request's file up and answers by it, where that may block.
    async fn serve(&self, environ: Environ, start_response: StartResponse) -> Result<Served, Error> {
        let offload = environ.offload().clone();
        let settings = Arc::clone(&self.settings);
        offload.run(move || serve(&settings, environ, start_response)).await
    }
}

/// Which codings the request wishes for, if files have any.
fn wish(settings: &Settings, headers: &HeaderMap) -> Wish {
    if settings.precompressed.is_empty() { Wish::default() } else { Wish::read(headers) }
}

fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

impl App for Files {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        if !reads(environ.method()) {
            // RFC 9110 sections 9.3.7 and 15.5.6.
            let status = match *environ.method() {
                Method::OPTIONS => StatusCode::NO_CONTENT,
                _ => StatusCode::METHOD_NOT_ALLOWED,
            };
            return Ok(start_response.status(status).header(ALLOW, "GET, HEAD, OPTIONS")?.empty());
        }
        match self.serve(environ, start_response).await? {
            Served::Answer(started) => Ok(*started),
            Served::Nothing(_, start_response) => {
                let head = start_response.start(StatusCode::NOT_FOUND, [("content-type", "text/plain")])?;
                Ok(head.body("not found\n"))
            }
        }
    }
}

impl<A: App> Middleware<A> for Files {
    type App = FilesApp<A>;

    fn wrap(self, inner: A) -> Self::App {
        FilesApp { files: self, inner }
    }
}

/// An app behind [`Files`].
#[derive(Debug, Clone)]
pub struct FilesApp<A> {
    files: Files,
    inner: A,
}

impl<A: App> App for FilesApp<A> {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        if !reads(environ.method()) {
            return self.inner.call(environ, start_response).await;
        }
        match self.files.serve(environ, start_response).await? {
            Served::Answer(started) => Ok(*started),
            Served::Nothing(environ, start_response) => self.inner.call(environ, start_response).await,
        }
    }

    fn requires(&self) -> Capabilities {
        self.inner.requires()
    }

    fn stop(&self) -> impl Future<Output = ()> + Send {
        self.inner.stop()
    }
}
