//! A finished answer's head, given to `start_response` (PEP 3333, "The `start_response()` Callable").

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use rsgi_core::Framing;
use rsgi_core::http::response::Parts;
use rsgi_core::http::{HeaderMap, HeaderValue, StatusCode, header};

/// Gives the head to the host; gives the host's `write`.
pub(super) fn start<'py>(
    start_response: &Bound<'py, PyAny>,
    parts: &Parts,
    framing: Framing,
) -> PyResult<Bound<'py, PyAny>> {
    let length = match framing {
        Framing::Length(length) => Some(length),
        _ => None,
    };
    start_with(start_response, parts.status, &parts.headers, length)
}

/// The same from its parts; a `Content-Length` is added if it is told and the fields have none.
pub(super) fn start_with<'py>(
    start_response: &Bound<'py, PyAny>,
    status: StatusCode,
    fields: &HeaderMap,
    length: Option<u64>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = start_response.py();
    let list = PyList::empty(py);
    for (name, value) in fields {
        list.append((name.as_str(), native(py, value)))?;
    }
    if let Some(length) = length.filter(|_| !fields.contains_key(header::CONTENT_LENGTH)) {
        list.append((header::CONTENT_LENGTH.as_str(), length.to_string()))?;
    }
    // A host wants a reason; what has none here is a status of the app's own.
    let status = format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or("Unknown"));
    start_response.call1((status, list))
}

/// A value as a native string: a code point a byte.
fn native<'py>(py: Python<'py>, value: &HeaderValue) -> Bound<'py, PyString> {
    match value.to_str() {
        Ok(text) => PyString::new(py, text),
        Err(_) => {
            PyString::new(py, &value.as_bytes().iter().map(|byte| char::from(*byte)).collect::<String>())
        }
    }
}
