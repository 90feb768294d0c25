//! [`StaticFolder`]: a folder whose files are there for everyone, under a rule of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rsgi_core::http::header::HeaderValue;
use rsgi_middleware::Files;

use super::{ASK_FIRST, kept_for, sent};
use crate::blueprint::Blueprint;
use crate::builder::Builder;
use crate::error::{Error, abort};
use crate::extract;
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use crate::scope::{Route, Scope};

/// A folder of an app's or blueprint's files, for [`Builder::static_folder`] and [`Blueprint::static_folder`]; a path alone is one, too.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use frasco::{App, Blueprint, BuildError, Error, Request, StaticFolder};
/// # let folder = std::env::temp_dir().join(format!("frasco-static-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # std::fs::write(folder.join("site.css"), "p { color: teal }")?;
///
/// async fn links(request: Request) -> Result<String, Error> {
///     let own = request.url_for("static").with("filename", "site.css").build()?;
///     let admins = request.url_for("admin.static").with("filename", "site.css").build()?;
///     Ok(format!("{own} {admins}"))
/// }
///
/// let admin = Blueprint::new("admin").url_prefix("/admin").static_folder(&folder);
/// let assets = StaticFolder::new(&folder).url_path("/assets").max_age(Duration::from_secs(3600));
/// let app = App::builder("app").static_folder(assets).register(admin).get("/", links).build()?;
/// let client = rsgi_test::Client::new(app);
/// assert_eq!(client.get("/").answer().text(), "/assets/site.css /admin/static/site.css");
/// let answer = client.get("/assets/site.css").answer();
/// assert_eq!((answer.text(), answer.field("cache-control")), ("p { color: teal }", Some("public, max-age=3600")));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct StaticFolder {
    path: PathBuf,
    url_path: String,
    cache_control: HeaderValue,
}

impl StaticFolder {
    /// The files of this folder. A relative path is taken from where the program was started.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), url_path: "/static".to_owned(), cache_control: ASK_FIRST }
    }

    /// Sets below which path they are, below a blueprint's prefix. Default: `/static`.
    #[must_use]
    pub fn url_path(mut self, path: &str) -> Self {
        path.trim_end_matches('/').clone_into(&mut self.url_path);
        self
    }

    /// Lets every cache keep them so long without asking again: for files that get another name when they change, or may be
    /// that old. Default: `no-cache`, a cache asks each time whether a file has changed.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.cache_control = kept_for(age);
        self
    }

    fn add_to(self, scope: &mut Scope) {
        let files = match Files::new(&self.path) {
            Ok(files) => Arc::new(files.without_index().cache_control(self.cache_control)),
            Err(error) => {
                scope.faults.push(format!("the static folder: {error}"));
                return;
            }
        };
        let handler = move |extract::Path(name): extract::Path<String>| {
            let files = Arc::clone(&files);
            async move { OneOf(files, name) }
        };
        scope
            .routes
            .push(Route::new(&format!("{}/<path:filename>", self.url_path), handler).endpoint("static"));
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for StaticFolder {
    fn from(path: &P) -> Self {
        Self::new(path.as_ref())
    }
}

impl From<PathBuf> for StaticFolder {
    fn from(path: PathBuf) -> Self {
        Self::new(path)
    }
}

impl From<String> for StaticFolder {
    fn from(path: String) -> Self {
        Self::new(path)
    }
}

/// A file of a folder, by its name.
struct OneOf(Arc<Files>, String);

impl IntoResponse for OneOf {
    fn into_response(self, request: &Request) -> Result<Response, Error> {
        let Self(files, name) = self;
        sent(files.open(&name, request.headers())?.ok_or_else(|| abort(404))?, request)
    }

    fn blocks() -> bool {
        true
    }
}

macro_rules! static_folder {
    () => {
        /// Serves a folder's files at `/static/<path:filename>`, as the endpoint `static`; see [`StaticFolder`]. A blueprint's are below its
        /// prefix, and one without a prefix needs another [path](StaticFolder::url_path) than the app's. That the folder is there is looked at now.
        #[must_use]
        pub fn static_folder(mut self, folder: impl Into<StaticFolder>) -> Self {
            folder.into().add_to(&mut self.scope);
            self
        }
    };
}

impl Builder {
    static_folder!();
}

impl Blueprint {
    static_folder!();
}
