//! [`Section`]: the app's own settings, which stand beside the server's in the same file.

use std::fmt;

use serde::de::DeserializeOwned;

/// The section `[app]` of the settings' file: what a factory is given to make its app of.
///
/// # Examples
///
/// ```
/// use rsgi_serve::Section;
///
/// #[derive(serde::Deserialize)]
/// struct Blog {
///     title: String,
/// }
///
/// let section: Section = "title = 'Notes'".parse()?;
/// let blog: Blog = section.read()?;
/// assert_eq!(blog.title, "Notes");
/// # Ok::<(), rsgi_serve::SectionError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section(toml::Table);

/// Says what is wrong with the app's section.
#[derive(Debug)]
pub struct SectionError(toml::de::Error);

impl Section {
    pub(crate) fn new(table: toml::Table) -> Self {
        Self(table)
    }

    /// Tells whether there is nothing in it, or no such section at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the whole section as a type of the app's.
    ///
    /// # Errors
    ///
    /// A key is missing or its value is of another type; the error names it.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, SectionError> {
        self.0.clone().try_into().map_err(SectionError)
    }

    /// Returns a text by its key; `None` if there is none, or no text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    /// Returns the texts of a list by its key; none if there is no such list, and without what is no text.
    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<&str> {
        let items = self.0.get(key).and_then(toml::Value::as_array);
        items.into_iter().flatten().filter_map(toml::Value::as_str).collect()
    }
}

impl std::str::FromStr for Section {
    type Err = SectionError;

    /// Reads it from the lines that would follow `[app]`; for tests of a factory.
    fn from_str(text: &str) -> Result<Self, SectionError> {
        toml::from_str(text).map(Self).map_err(SectionError)
    }
}

impl fmt::Display for SectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "section [app]: {}", self.0.message())
    }
}

impl std::error::Error for SectionError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_key_is_named() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only read")]
        struct Wanted {
            title: String,
        }
        let error = Section::default().read::<Wanted>().unwrap_err();
        assert!(error.to_string().contains("title"), "{error}");
    }

    #[test]
    fn a_text_is_found_by_its_key() {
        let section: Section = "title = 'x'\nsize = 3".parse().unwrap();
        assert_eq!((section.text("title"), section.text("size")), (Some("x"), None));
    }
}
