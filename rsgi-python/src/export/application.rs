//! [`Application`]: the WSGI callable of a module.

use std::fmt;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::call::call;
use super::process::{Failed, Make, Place};
use rsgi_core::server::Config;

/// An RSGI app as a WSGI callable: `application(environ, start_response)` (PEP 3333, "The Application/Framework Side").
///
/// Made by [`wsgi_module!`](crate::wsgi_module). Any thread may call it, several at once, in any process that was forked behind its
/// import.
#[pyclass(frozen, module = "rsgi")]
pub struct Application(Place);

impl Application {
    /// Makes the app, so that what fails does so at the import.
    pub(super) fn new(make: Make, config: Config) -> Result<Self, Failed> {
        let place = Place::new(make, config);
        place.here()?;
        Ok(Self(place))
    }
}

#[pymethods]
impl Application {
    fn __call__<'py>(
        &self,
        environ: &Bound<'py, PyAny>,
        start_response: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let here = environ.py().detach(|| self.0.here());
        let here = here.map_err(|failed| PyRuntimeError::new_err(failed.to_string()))?;
        call(here, environ, start_response)
    }

    /// Has the app end; called at the interpreter's end (`atexit`), once.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| {
            if let Some(here) = self.0.take() {
                here.stop();
            }
        });
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Application").finish_non_exhaustive()
    }
}
