//! `wsgi.errors`: a text stream into the server's error log (PEP 3333, "Input and Error Streams").

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyString};
use rsgi_core::{Environ, ErrorStream};

/// The error stream of one request. What isn't sent by a newline or `flush` is sent at its end.
#[pyclass(frozen, freelist = 16, module = "rsgi")]
pub(super) struct Errors(Mutex<ErrorStream>);

impl Errors {
    pub(super) fn of<'py>(py: Python<'py>, environ: &Environ) -> PyResult<Bound<'py, Self>> {
        Bound::new(py, Self(Mutex::new(environ.errors())))
    }

    fn lock(&self) -> MutexGuard<'_, ErrorStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, text: &Bound<'_, PyString>) -> PyResult<usize> {
        // A lone surrogate, as of a file's name that is no text, is shown as Python shows it.
        let shown = text.to_string_lossy();
        // The log may wait for whoever reads it; other threads go on meanwhile.
        text.py().detach(|| self.lock().write_all(shown.as_bytes()))?;
        text.len()
    }
}

#[pymethods]
impl Errors {
    /// Writes text; gives the number of its characters, as any text stream does.
    fn write(&self, text: &Bound<'_, PyString>) -> PyResult<usize> {
        self.put(text)
    }

    /// Writes each of several texts.
    fn writelines(&self, lines: &Bound<'_, PyAny>) -> PyResult<()> {
        for line in PyIterator::from_object(lines)? {
            self.put(line?.cast::<PyString>()?)?;
        }
        Ok(())
    }

    /// Sends what was written without a newline.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.lock().flush())?)
    }
}
