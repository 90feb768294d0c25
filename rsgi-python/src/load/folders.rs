//! [`Folders`]: where an application's modules are looked for before all others.

use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::error::LoadError;

/// Folders that come first on Python's `sys.path`.
///
/// As Gunicorn has it: those of `pythonpath`, the last of which comes first of all, then the working folder. One that is on the path
/// already stays where it is.
///
/// # Examples
///
/// ```
/// use rsgi_python::load::Folders;
///
/// let folders = Folders::working().and("lib");
/// assert_ne!(folders, Folders::working());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders(Vec<PathBuf>);

impl Folders {
    /// The working folder, which an application is mostly in.
    #[must_use]
    pub fn working() -> Self {
        // One that was removed can't be looked into.
        Self(std::env::current_dir().into_iter().collect())
    }

    /// Adds a folder before the others; a relative one begins at the working folder.
    #[must_use]
    pub fn and(mut self, folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref();
        self.0.push(std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()));
        self
    }

    /// The folders, the first that Python looks into last.
    pub(super) fn all(&self) -> &[PathBuf] {
        &self.0
    }

    pub(super) fn lead(&self, py: Python<'_>) -> Result<(), LoadError> {
        let set = || -> PyResult<()> {
            let path = py.import("sys")?.getattr("path")?;
            let path = path.cast::<PyList>()?;
            for folder in &self.0 {
                let folder = folder.as_os_str().into_pyobject(py)?;
                if !path.contains(&folder)? {
                    path.insert(0, folder)?;
                }
            }
            Ok(())
        };
        set().map_err(|error| LoadError::path(py, &error))
    }
}
