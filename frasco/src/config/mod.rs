//! [`Config`]: what an app is set up with, from defaults, files and the environment; each source stronger than those before it.
//!
//! Own code over serde and toml, not the crate `config`: that one folds the case of keys, reads texts as numbers and tells no source of a wrong
//! value. Read next: `tree.rs` (what is held), `read.rs` (how a type is made of it), `environment.rs`, `settings.rs` (the keys that Frasco itself uses).
//!
//! Invariant: no secret is shown, neither by `Debug` nor in an error.

mod environment;
mod error;
mod file;
mod read;
pub(crate) mod settings;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::builder::Builder;
use crate::error::Error;
use crate::extract::FromRequest;
use crate::request::Request;
pub use error::{ConfigError, ConfigErrorKind};
pub(crate) use settings::Settings;
use tree::Node;

/// Settings: a tree of values by lower-case names, from sources of which each is stronger than those before it. A clone is the same one.
///
/// These keys are Frasco's own, under the names of Flask's; all others are the app's. A value of a wrong type is an error of
/// [`Builder::build`](crate::Builder::build) that names key and source.
///
/// | key | type | what it does | default |
/// |---|---|---|---|
/// | `debug` | boolean | errors that nothing handles are shown, to clients of this machine | `false` |
/// | `secret_key` | text, 32 bytes or more | gives clients sessions, unless the builder did | none |
/// | `secret_key_fallbacks` | list of texts | keys of before, which only open sessions | none |
/// | `session_cookie_name` | text | | `session` |
/// | `session_cookie_domain` | text | the host below which browsers send it | the host that set it, alone |
/// | `session_cookie_path` | text | the path below which browsers send it | where the app is mounted |
/// | `session_cookie_secure` | boolean | `true`: always `Secure` | if the client came by https |
/// | `session_cookie_samesite` | `lax`, `strict`, `none` | | `lax` |
/// | `permanent_session_lifetime` | whole seconds | how long a session lives after its last change | 14 days |
/// | `max_content_length` | bytes | the largest content of a request, in place of the server's limit; more is a 413 | the server's |
/// | `max_form_memory_size` | bytes | the most that a form's fields hold; more is a 413 | 500,000 |
/// | `max_form_parts` | number | the most fields and files of a form; more is a 413 | 1000 |
/// | `trusted_hosts` | list of hosts | the hosts that the app answers for, `.example.com` with all below it; another is a 400 | any |
///
/// # Examples
///
/// ```
/// use frasco::{App, BuildError, Config};
///
/// #[derive(serde::Deserialize)]
/// struct Blog {
///     title: String,
///     posts_per_page: u32,
/// }
///
/// async fn index(config: Config) -> Result<String, frasco::Error> {
///     Ok(config.get("blog.title")?)
/// }
///
/// fn create_app() -> Result<App, BuildError> {
///     let config = Config::new()
///         .value("blog.title", "Notes")
///         .value("blog.posts_per_page", 10)
///         // FRASCO_BLOG__TITLE=Jottings is stronger than what is above.
///         .dotenv(".env")?
///         .environment()?;
///     let blog: Blog = config.get("blog")?;
///     assert_eq!((blog.title.as_str(), blog.posts_per_page), ("Notes", 10));
///     App::builder("blog").config(config).get("/", index).build()
/// }
///
/// # fn main() -> Result<(), BuildError> {
/// assert_eq!(rsgi_test::Client::new(create_app()?).get("/").answer().text(), "Notes");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Config(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    root: Node,
    /// Of `.env`, for the environment that is still to be read: file, name, value.
    dotenv: Vec<(String, String, String)>,
    /// What was called secret besides what looks it.
    secrets: Vec<String>,
    is_environment_read: bool,
}

impl Default for Inner {
    fn default() -> Self {
        Self { root: Node::table(), dotenv: Vec::new(), secrets: Vec::new(), is_environment_read: false }
    }
}

impl Config {
    /// Begins with nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Sets a value; `blog.title` is `title` in the table `blog`.
    ///
    /// # Panics
    ///
    /// The value can't be written as JSON, as a map can't whose keys are no texts: a mistake in the program.
    #[must_use]
    pub fn value(self, key: &str, value: impl Serialize) -> Self {
        let value =
            serde_json::to_value(value).unwrap_or_else(|error| panic!("the value of {key:?}: {error}"));
        let node = Node::of_json(value, &Arc::from("the program"));
        self.change(|inner| inner.root.put(key, node))
    }

    /// Sets all values of a struct or a map, such as defaults of the app's, or the section `[app]` of rsgi-serve's file.
    ///
    /// # Panics
    ///
    /// It can't be written as a table of JSON: a mistake in the program.
    #[must_use]
    pub fn values(self, values: impl Serialize) -> Self {
        let value =
            serde_json::to_value(values).unwrap_or_else(|error| panic!("the config's values: {error}"));
        assert!(value.is_object(), "the config's values are to be a struct or a map");
        let node = Node::of_json(value, &Arc::from("the program"));
        self.change(|inner| inner.root.merge(node))
    }

    /// Has the value of a key shown as `[secret]`, and so all below it. Keys with `secret`, `password`, `token`, `credential` or the word `key` in
    /// their name are secret anyway, as are URLs with a name or password.
    #[must_use]
    pub fn secret(self, key: &str) -> Self {
        self.change(|inner| inner.secrets.push(key.to_owned()))
    }

    /// Reads the value of a key as a type of the app's; a whole table as a struct. An `Option` is `None` where there is no such key.
    ///
    /// # Errors
    ///
    /// There is no such key ([`ConfigErrorKind::Missing`]), or it is of another type ([`ConfigErrorKind::Type`]); with key and source.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T, ConfigError> {
        let node = self.0.root.find(key);
        read::read(node, key).map_err(|unread| unread.told(|key, text| self.is_secret(key, text)))
    }

    /// Reads all of it as a type of the app's.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.get("")
    }

    /// Where the value of a key comes from, in words; `None` for a table, and if there is no such key.
    #[must_use]
    pub fn source(&self, key: &str) -> Option<&str> {
        self.0.root.find(key)?.source()
    }

    /// Tells whether a value must not be shown.
    pub(crate) fn is_secret(&self, key: &str, text: Option<&str>) -> bool {
        let is_below = |secret: &String| {
            key.strip_prefix(secret.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.0.secrets.iter().any(is_below)
            || tree::looks_secret(key)
            || text.is_some_and(tree::has_credentials)
    }
}

/// Shows keys, sources, and values but for secrets.
impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = formatter.debug_map();
        self.0.root.each("", &mut |key, leaf| {
            let shown = leaf.value.to_string();
            let is_secret = self.is_secret(key, Some(&shown));
            map.entry(
                &format_args!("{key}"),
                &format_args!("{} ({})", if is_secret { "[secret]" } else { &shown }, leaf.source),
            );
        });
        map.finish()
    }
}

/// The app's config.
impl FromRequest for Config {
    async fn from_request(request: &Request) -> Result<Self, Error> {
        Ok(request.config().clone())
    }
}

impl Builder {
    /// Sets the app up; see [`Config`]. In place of what was given before.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }
}
