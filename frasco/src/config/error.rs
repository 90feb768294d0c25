//! [`ConfigError`]: what is wrong with a config, with the key and the source at fault, and no secret.

use std::fmt;

use crate::builder::BuildError;

/// What is wrong with a config.
///
/// # Examples
///
/// ```
/// use frasco::{Config, ConfigErrorKind};
///
/// let title = Config::new().get::<String>("blog.title").or_else(|error| match error.kind() {
///     ConfigErrorKind::Missing => Ok("Notes".to_owned()),
///     _ => Err(error),
/// });
/// assert_eq!(title.unwrap(), "Notes");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// A file can't be read; `source()` says why.
    File,
    /// A file or a variable can't be understood.
    Syntax,
    /// There is no such key.
    Missing,
    /// A value is of another type than is wanted.
    Type,
    /// `.env` was given after the environment was read.
    Order,
}

/// What is wrong with a config.
///
/// # Examples
///
/// ```
/// use frasco::{Config, ConfigErrorKind};
///
/// let config = Config::new().value("blog.per_page", "ten");
/// let error = config.get::<u32>("blog.per_page").unwrap_err();
/// assert_eq!(error.kind(), ConfigErrorKind::Type);
/// assert_eq!(error.to_string(), "blog.per_page (from the program): invalid type: string \"ten\", expected u32");
/// assert_eq!(config.get::<u32>("blog.page").unwrap_err().kind(), ConfigErrorKind::Missing);
/// ```
#[derive(Debug)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    text: String,
    source: Option<std::io::Error>,
}

impl ConfigError {
    pub(super) fn new(kind: ConfigErrorKind, text: String) -> Self {
        Self { kind, text, source: None }
    }

    pub(super) fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        let text = format!("the config {} can't be read", path.display());
        Self { kind: ConfigErrorKind::File, text, source: Some(source) }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// For `?` in a function that makes an app.
impl From<ConfigError> for BuildError {
    fn from(error: ConfigError) -> Self {
        let fault = match &error.source {
            Some(source) => format!("{}: {source}", error.text),
            None => error.text,
        };
        Self::of(fault)
    }
}
