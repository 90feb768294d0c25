//! Files of a [`Config`], as TOML or JSON by their name.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::tree::Node;
use super::{Config, ConfigError, ConfigErrorKind};

impl Config {
    /// Reads a file, `.toml` or `.json`. Blocks, as all at boot may.
    ///
    /// # Errors
    ///
    /// It can't be read ([`ConfigErrorKind::File`]) or understood ([`ConfigErrorKind::Syntax`]).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use frasco::Config;
    ///
    /// let config = Config::new().file("blog.toml")?.file_if_there("local.toml")?;
    /// # Ok::<(), frasco::ConfigError>(())
    /// ```
    pub fn file(self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::file(path, error))?;
        let node = parse(path, &text)?;
        Ok(self.change(|inner| inner.root.merge(node)))
    }

    /// Reads a file as [`file`](Self::file) does, unless there is none of that name.
    ///
    /// # Errors
    ///
    /// As [`file`](Self::file).
    pub fn file_if_there(self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        match std::fs::metadata(path.as_ref()) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(self),
            _ => self.file(path),
        }
    }
}

/// The errors' own texts may show the line at fault, and so a secret: only its number is told.
fn parse(path: &Path, text: &str) -> Result<Node, ConfigError> {
    let source = Arc::from(path.display().to_string());
    let wrong = |why: String| {
        ConfigError::new(ConfigErrorKind::Syntax, format!("the config {}: {why}", path.display()))
    };
    let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    if extension.eq_ignore_ascii_case("toml") {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            wrong(format!("line {line} is no TOML: {}", error.message()))
        })?;
        return Ok(Node::of_toml(table.into(), &source));
    }
    if !extension.eq_ignore_ascii_case("json") {
        return Err(wrong("its name is to end in .toml or .json".to_owned()));
    }
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| wrong(format!("it is no JSON: {error}")))?;
    if !value.is_object() {
        return Err(wrong("it is to be an object".to_owned()));
    }
    Ok(Node::of_json(value, &source))
}
