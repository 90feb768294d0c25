//! The environment as a source of a [`Config`], and `.env`, which stands in for what of it isn't set.
//!
//! Nothing is ever written to the process's environment: that would be unsound with threads.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::tree::{Leaf, Node};
use super::{Config, ConfigError, ConfigErrorKind};

/// What begins the names of a config's variables, if nothing else is said.
const PREFIX: &str = "FRASCO_";

impl Config {
    /// Takes the variables of a file `.env` for the environment, where that doesn't set them. A file that isn't there is none. Say it before
    /// [`environment`](Self::environment).
    ///
    /// # Errors
    ///
    /// It can't be read ([`ConfigErrorKind::File`]) or understood ([`ConfigErrorKind::Syntax`]), or the environment was read already
    /// ([`ConfigErrorKind::Order`]).
    pub fn dotenv(self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        if self.0.is_environment_read {
            let text = format!("{} after the environment was read: call .dotenv(...) before", path.display());
            return Err(ConfigError::new(ConfigErrorKind::Order, text));
        }
        // Its errors show the line, and so a secret.
        let told = |error| {
            if let dotenvy::Error::Io(error) = error {
                return ConfigError::file(path, error);
            }
            ConfigError::new(ConfigErrorKind::Syntax, format!("{}: a line is no NAME=value", path.display()))
        };
        let lines = match dotenvy::from_path_iter(path) {
            Err(dotenvy::Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(self),
            opened => opened.map_err(told)?,
        };
        let lines: Vec<_> = lines.collect::<Result<_, _>>().map_err(told)?;
        let file = path.display().to_string();
        let lines = lines.into_iter().map(|(name, value)| (file.clone(), name, value));
        Ok(self.change(|inner| inner.dotenv.extend(lines)))
    }

    /// Takes the variables that begin with `FRASCO_`, without that and in lower case: `FRASCO_DEBUG=true` is `debug`, and two underscores part a table from
    /// its key, `FRASCO_BLOG__TITLE` is `blog.title`. A value is JSON where it can be read as such, else text; what is wanted as text is one anyway.
    ///
    /// # Errors
    ///
    /// A variable of such a name is no Unicode ([`ConfigErrorKind::Syntax`]).
    pub fn environment(self) -> Result<Self, ConfigError> {
        self.environment_with_prefix(PREFIX)
    }

    /// Takes the variables that begin with a text of the app's own, such as `BLOG_`, as [`environment`](Self::environment) does.
    ///
    /// # Errors
    ///
    /// As [`environment`](Self::environment).
    pub fn environment_with_prefix(self, prefix: &str) -> Result<Self, ConfigError> {
        self.variables(prefix, std::env::vars_os())
    }

    /// Takes these variables as if the environment had them, and nothing else: for tests.
    ///
    /// # Errors
    ///
    /// As [`environment`](Self::environment).
    ///
    /// # Examples
    ///
    /// ```
    /// use frasco::Config;
    ///
    /// let config = Config::new().value("blog.title", "Notes").variables("BLOG_", [("BLOG_BLOG__TITLE", "Jottings")])?;
    /// assert_eq!(config.get::<String>("blog.title")?, "Jottings");
    /// # Ok::<(), frasco::ConfigError>(())
    /// ```
    pub fn variables<N, V>(
        self,
        prefix: &str,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, ConfigError>
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        // In order, so that a table's variable comes before its keys'.
        let mut wanted = BTreeMap::new();
        for (file, name, value) in &self.0.dotenv {
            if name.starts_with(prefix) {
                wanted.insert(name.clone(), (value.clone(), file.clone()));
            }
        }
        for (name, value) in variables {
            let Some(name) = name.into().to_str().filter(|name| name.starts_with(prefix)).map(str::to_owned)
            else {
                continue;
            };
            let value = value.into().into_string().map_err(|_| {
                ConfigError::new(
                    ConfigErrorKind::Syntax,
                    format!("the variable {name} of the environment is no Unicode"),
                )
            })?;
            wanted.insert(name, (value, "the environment".to_owned()));
        }
        let own = |name: &str| name[prefix.len()..].to_ascii_lowercase().replace("__", ".");
        Ok(self.change(|inner| {
            inner.is_environment_read = true;
            for (name, (value, place)) in wanted {
                let key = own(&name);
                if key.split('.').all(|name| !name.is_empty()) {
                    inner.root.put(&key, node(value, &Arc::from(format!("{name} in {place}"))));
                }
            }
        }))
    }
}

fn node(text: String, source: &Arc<str>) -> Node {
    match serde_json::from_str(&text) {
        Ok(table @ Value::Object(_)) => Node::of_json(table, source),
        parsed => {
            let value = parsed.unwrap_or_else(|_| Value::String(text.clone()));
            Node::Leaf(Leaf { value, text: Some(text), source: Arc::clone(source) })
        }
    }
}
