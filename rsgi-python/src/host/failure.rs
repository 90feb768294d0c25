//! [`PythonError`]: an exception of the application's, as the error that the server answers and logs.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::intern;
use pyo3::prelude::*;
use rsgi_core::{Environ, ErrorStream, InputError, InputErrorKind, RequestLine};

/// An exception that a WSGI application let through. Its traceback has gone to the request's error stream by then.
#[derive(Debug)]
pub struct PythonError {
    text: String,
    /// Why the content couldn't be read, where that is what the exception comes from: the answer is the one of that.
    input: Option<InputError>,
}

impl fmt::Display for PythonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for PythonError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.input.as_ref().map(|input| input as _)
    }
}

/// Where exceptions of a request are told, and what of the request they are told with.
pub(super) struct Told {
    /// The request's error stream, or else the log.
    errors: Option<ErrorStream>,
    request: RequestLine,
}

impl Told {
    /// Of a request. Made when the request has come so far that somebody may need it.
    pub(super) fn of(environ: &Environ) -> Self {
        Self { errors: Some(environ.errors()), request: environ.request_line() }
    }

    /// The same without the request's error stream, which holds what belongs to the request: for who outlives that.
    pub(super) fn without_stream(self) -> Self {
        Self { errors: None, ..self }
    }

    /// Writes the traceback to the error stream, and makes an error of the exception.
    pub(super) fn failed(
        &mut self,
        py: Python<'_>,
        error: &PyErr,
        input: Option<InputErrorKind>,
    ) -> PythonError {
        let text = if error.is_instance_of::<PySystemExit>(py) {
            let called = error.value(py);
            format!(
                "the application called exit ({called}) while it answered; only the request ends, the worker goes on"
            )
        } else if error.is_instance_of::<PyKeyboardInterrupt>(py) {
            "the application raised KeyboardInterrupt while it answered; only the request ends".to_owned()
        } else {
            format!("the application raised {}", spelled(py, error))
        };
        self.write(py, &text, error);
        PythonError { text, input: input.map(InputError::new) }
    }

    /// Writes of an exception that changes nothing any more.
    pub(super) fn note(&mut self, py: Python<'_>, what: &str, error: &PyErr) {
        self.write(py, what, error);
    }

    /// Logs what is wrong with an answer that was sent.
    pub(super) fn warn(&self, what: &str) {
        tracing::warn!(target: "rsgi", "{}: {what}", self.request);
    }

    fn write(&mut self, py: Python<'_>, what: &str, error: &PyErr) {
        let mut text = format!("{}: {what}\n", self.request);
        text.push_str(&traceback(py, error));
        // The log may wait for whoever reads it.
        let errors = &mut self.errors;
        py.detach(|| {
            if let Some(errors) = errors {
                // An error stream takes all; where its end can't, there is nobody to tell.
                let _lost = errors.write_all(text.as_bytes()).and_then(|()| errors.flush());
            } else {
                tracing::error!(target: "rsgi::errors", "{text}");
            }
        });
    }
}

/// An exception in one line, as Python's own last line has it.
pub(crate) fn spelled(py: Python<'_>, error: &PyErr) -> String {
    let kind =
        error.get_type(py).qualname().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    let said = error.value(py).str().map(|text| text.to_string_lossy().into_owned());
    match said {
        Ok(said) if said.is_empty() => kind,
        Ok(said) => format!("{kind}: {said}"),
        Err(_) => format!("{kind}, which can't be shown"),
    }
}

/// An exception with its traceback, as Python prints it, a line's end behind it.
pub(crate) fn traceback(py: Python<'_>, error: &PyErr) -> String {
    let formatted = || -> PyResult<String> {
        let lines = py.import(intern!(py, "traceback"))?.call_method1(
            intern!(py, "format_exception"),
            (error.get_type(py), error.value(py), error.traceback(py)),
        )?;
        let mut text = String::new();
        for line in lines.try_iter()? {
            text.push_str(&line?.str()?.to_string_lossy());
        }
        Ok(text)
    };
    formatted().unwrap_or_else(|_| {
        let mut text = spelled(py, error);
        // Writing to a string doesn't fail.
        let _ = writeln!(text, " (its traceback can't be shown)");
        text
    })
}
