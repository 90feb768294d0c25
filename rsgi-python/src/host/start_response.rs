//! The `start_response` callable that an application is given (PEP 3333, "The `start_response()` Callable").
//!
//! What it is given is checked at once, so that a fault is raised where the application made it. Nothing is sent here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyAssertionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use rsgi_core::http::StatusCode;
use rsgi_core::http::header::{self, HeaderName, HeaderValue};
use rsgi_core::{Head, StartError};

use super::text;
use super::write::{Write, Written};

/// The callable, and what came of its calls.
#[pyclass(frozen, freelist = 16, module = "rsgi")]
pub(super) struct StartResponse(Mutex<State>);

/// Where an answer stands.
pub(super) struct State {
    pub(super) start_response: rsgi_core::StartResponse,
    /// The head, from its start until it is taken to be sent.
    pub(super) head: Option<Started>,
    /// The head was taken: nothing of it can change any more.
    pub(super) is_sent: bool,
    pub(super) written: Written,
}

/// A head, with what must be known of it later.
pub(super) struct Started {
    pub(super) head: Head,
    /// The `Content-Length`.
    pub(super) length: Option<u64>,
}

impl StartResponse {
    pub(super) fn new(start_response: rsgi_core::StartResponse, written: Written) -> Self {
        Self(Mutex::new(State { start_response, head: None, is_sent: false, written }))
    }

    /// The state. Never held while Python runs.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (status, headers, exc_info = None, /))]
    fn __call__(
        this: Bound<'_, Self>,
        status: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        exc_info: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Write> {
        let start_response = {
            let state = this.get().lock();
            if let Some(exc_info) = exc_info {
                if state.is_sent {
                    drop(state);
                    return Err(again(exc_info)?);
                }
            } else if state.is_sent || state.head.is_some() {
                return Err(PyAssertionError::new_err(
                    "start_response was called before; call it again only with exc_info, to answer an error",
                ));
            }
            state.start_response.clone()
        };
        let started = head(start_response, status, headers)?;
        this.get().lock().head = Some(started);
        Ok(Write::of(this.unbind()))
    }
}

/// The exception of an `exc_info`, to be raised again.
fn again(exc_info: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    let wrong = || PyTypeError::new_err("exc_info is no tuple as sys.exc_info() gives it");
    let exception = exc_info.cast::<PyTuple>().map_err(|_| wrong())?.get_item(1).map_err(|_| wrong())?;
    Ok(PyErr::from_value(exception))
}

/// Checks a status and fields.
fn head(
    start_response: rsgi_core::StartResponse,
    status: &Bound<'_, PyAny>,
    headers: &Bound<'_, PyAny>,
) -> PyResult<Started> {
    let status = code(status)?;
    let Ok(headers) = headers.cast::<PyList>() else {
        let kind = headers.get_type().name()?;
        return Err(PyTypeError::new_err(format!("the headers of start_response are a list, not {kind}")));
    };
    let none = std::iter::empty::<(HeaderName, HeaderValue)>();
    let mut head = start_response.start(status, none).map_err(|error| refused(&error))?;
    let mut length = None;
    for field in headers.iter() {
        let (name, value) = pair(&field)?;
        if name == header::CONTENT_LENGTH {
            length = value.to_str().ok().and_then(|digits| digits.parse().ok());
        }
        head = head.header(name, value).map_err(|error| refused(&error))?;
    }
    Ok(Started { head, length })
}

/// The code of a status such as `404 Not Found`. Its reason isn't sent on: HTTP/2 has none, and nobody acts by it.
fn code(status: &Bound<'_, PyAny>) -> PyResult<StatusCode> {
    let Ok(status) = status.cast::<PyString>() else {
        let kind = status.get_type().name()?;
        return Err(PyTypeError::new_err(format!("the status is a str such as '200 OK', not {kind}")));
    };
    let code = text::bytes(status).and_then(|status| {
        let is_whole = status.len() == 3 || status.get(3) == Some(&b' ');
        let is_clean = status.iter().all(|byte| *byte >= b' ' && *byte != 127);
        StatusCode::from_bytes(status.get(..3)?).ok().filter(|_| is_whole && is_clean)
    });
    code.ok_or_else(|| {
        let shown: String =
            status.to_string_lossy().chars().take(80).flat_map(char::escape_default).collect();
        PyValueError::new_err(format!("the status is three digits, a space and a reason, not '{shown}'"))
    })
}

/// A header's name and value.
fn pair(field: &Bound<'_, PyAny>) -> PyResult<(HeaderName, HeaderValue)> {
    let wrong = || {
        let shown: String =
            field.repr().map_or_else(|_| "another".to_owned(), |repr| repr.to_string_lossy().into_owned());
        let shown: String = shown.chars().take(80).collect();
        PyTypeError::new_err(format!("a header is a tuple of two str, not {shown}"))
    };
    let tuple = field.cast::<PyTuple>().map_err(|_| wrong())?;
    if tuple.len() != 2 {
        return Err(wrong());
    }
    let (name, value) = (tuple.get_borrowed_item(0)?, tuple.get_borrowed_item(1)?);
    let (Ok(name), Ok(value)) = (name.cast::<PyString>(), value.cast::<PyString>()) else {
        return Err(wrong());
    };
    let known = text::bytes(&name).and_then(|name| HeaderName::from_bytes(&name).ok());
    let known = known.ok_or_else(|| {
        PyValueError::new_err(format!("header name {} is no token (RFC 9110 section 5.1)", quoted(&name)))
    })?;
    let content = text::bytes(&value).and_then(|value| HeaderValue::from_bytes(&value).ok());
    let content = content.ok_or_else(|| {
        PyValueError::new_err(format!(
            "header {known}: {} holds a control character, or one that is no byte; encode it",
            quoted(&value)
        ))
    })?;
    Ok((known, content))
}

fn quoted(text: &Bound<'_, PyString>) -> String {
    let shown: String = text.to_string_lossy().chars().take(80).flat_map(char::escape_default).collect();
    format!("'{shown}'")
}

fn refused(error: &StartError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
