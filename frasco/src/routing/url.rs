//! [`UrlFor`]: the URL of an endpoint.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Router;
use super::escape::below;

/// A URL in the making, by [`Request::url_for`](crate::Request::url_for).
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Path, Request};
///
/// async fn post(Path(id): Path<u32>) -> String {
///     format!("post {id}")
/// }
///
/// async fn index(request: Request) -> Result<String, Error> {
///     Ok(request.url_for("post").with("id", 7).with("full", true).anchor("end").build()?)
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let app = App::builder("blog").get("/", index).get("/post/<int:id>", post).build()?;
/// let client = rsgi_test::Client::new(rsgi_core::Mount::new().at("/blog", app));
/// assert_eq!(client.get("/blog/").answer().text(), "/blog/post/7?full=true#end");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UrlFor<'a> {
    pub(crate) router: &'a Router,
    pub(crate) endpoint: String,
    pub(crate) mount: &'a str,
    /// Scheme and host, for an external one.
    pub(crate) host: (String, String),
    values: Vec<(String, String)>,
    anchor: Option<String>,
    is_external: bool,
}

impl<'a> UrlFor<'a> {
    pub(crate) fn new(router: &'a Router, endpoint: String, mount: &'a str, host: (String, String)) -> Self {
        Self { router, endpoint, mount, host, values: Vec::new(), anchor: None, is_external: false }
    }

    /// Sets a value: of the rule's variable of that name, else of the query.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.values.push((name.to_owned(), value.to_string()));
        self
    }

    /// Puts `#anchor` behind it.
    #[must_use]
    pub fn anchor(mut self, anchor: &str) -> Self {
        self.anchor = Some(anchor.to_owned());
        self
    }

    /// Makes it a whole one, with scheme and host as far as they are trusted. Default: a path.
    #[must_use]
    pub fn external(mut self) -> Self {
        self.is_external = true;
        self
    }

    /// Makes it a whole one of this scheme.
    #[must_use]
    pub fn scheme(mut self, scheme: &str) -> Self {
        scheme.clone_into(&mut self.host.0);
        self.external()
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// There is no such endpoint, a value is missing, or it is none that its variable matches.
    pub fn build(self) -> Result<String, UrlError> {
        let failed = |why: String| UrlError { endpoint: self.endpoint.clone(), why };
        let all = self.router.by_endpoint.get(&self.endpoint);
        let mut candidates: Vec<_> =
            all.into_iter().flatten().map(|index| self.router.entry(*index)).collect();
        if candidates.is_empty() {
            return Err(failed("there is no such endpoint".to_owned()));
        }
        // What has a place in the rule is better there than in the query.
        candidates.sort_by_key(|entry| {
            let named =
                entry.rule.names().filter(|name| self.values.iter().any(|(found, _)| found == name)).count();
            std::cmp::Reverse(named)
        });
        let mut why = None;
        for entry in candidates {
            let mut values = self.values.clone();
            let differs = |(name, value): &(String, String)| {
                values.iter().any(|(found, given)| found == name && given != value)
            };
            if entry.defaults.iter().any(differs) {
                why.get_or_insert_with(|| "a value differs from the rule's default".to_owned());
                continue;
            }
            match entry.rule.build(&mut values) {
                Ok(path) => {
                    values.retain(|value| !entry.defaults.contains(value));
                    return Ok(self.whole(&path, &values));
                }
                Err(error) => why = why.or(Some(error)),
            }
        }
        Err(failed(why.unwrap_or_default()))
    }

    fn whole(&self, path: &str, values: &[(String, String)]) -> String {
        let mut url = String::new();
        if self.is_external {
            url.extend([&self.host.0, "://", &self.host.1, self.mount.trim_end_matches('/'), path]);
        } else {
            url = below(self.mount, path);
        }
        if !values.is_empty() {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(values).finish();
            url.push('?');
            url.push_str(&query);
        }
        if let Some(anchor) = &self.anchor {
            url.push('#');
            url.extend(utf8_percent_encode(anchor, NON_ALPHANUMERIC));
        }
        url
    }
}

/// Why a URL couldn't be made.
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Error, Request};
///
/// async fn index(request: Request) -> Result<String, Error> {
///     let error = request.url_for("nothing").build().unwrap_err();
///     Ok(error.to_string())
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// let client = rsgi_test::Client::new(App::builder("app").get("/", index).build()?);
/// assert!(client.get("/").answer().text().contains("there is no such endpoint"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlError {
    endpoint: String,
    why: String,
}

impl fmt::Display for UrlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no URL for the endpoint {:?}: {}", self.endpoint, self.why)
    }
}

impl std::error::Error for UrlError {}
