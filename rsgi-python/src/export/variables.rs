//! The environ of a call, read: CGI's variables for rsgi-gateway, and what WSGI adds to them.
//!
//! Values are native strings whose code points are bytes (PEP 3333, "Unicode Issues"), and become those bytes again.

use std::ops::Range;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use rsgi_gateway::codec::Variables;
use rsgi_gateway::request::Unsaid;

use super::client::Client;
use super::hosts::{Concurrency, Stack};

/// What a host tells of a request.
pub(super) struct Told<'py> {
    pub(super) variables: Variables,
    pub(super) concurrency: Concurrency,
    pub(super) stack: Stack,
    pub(super) input: Option<Bound<'py, PyAny>>,
    pub(super) errors: Option<Bound<'py, PyAny>>,
    /// How the client's end is seen, where the host has a way.
    pub(super) client: Client,
    /// What content there is where no length is told.
    pub(super) unsaid: Unsaid,
}

impl<'py> Told<'py> {
    /// Reads an environ.
    pub(super) fn read(environ: &Bound<'py, PyAny>) -> PyResult<Self> {
        let py = environ.py();
        let environ = environ.cast::<PyDict>().map_err(|_| {
            PyTypeError::new_err("environ must be a dict (PEP 3333, \"Specification Details\")")
        })?;
        let (mut text, mut wsgi) = (Text::default(), Wsgi::default());
        for (name, value) in environ.iter() {
            let Ok(name) = name.cast::<PyString>() else { continue };
            let name = name.to_str()?;
            if name.contains('.') {
                wsgi.keep(name, value)?;
            } else if let Ok(value) = value.cast::<PyString>() {
                text.keep(name, value.to_str()?)?;
            }
        }
        let Wsgi { scheme, terminated, input, errors, client, multithread, multiprocess, run_once } = wsgi;
        let unsaid = match (terminated, text.is_multiplexed) {
            (false, _) => Unsaid::Nothing,
            (true, false) => Unsaid::Coded,
            // A stream needs no coding to end.
            (true, true) => Unsaid::Streams,
        };
        let stack = Stack::of_caller(py)?;
        let concurrency = Concurrency { multithread, multiprocess, run_once, greenlets: !stack.is_own() };
        Ok(Self { variables: text.finish(&scheme), concurrency, stack, input, errors, client, unsaid })
    }
}

/// The keys that PEP 3333 defines, and those that hosts have beyond it.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts of yes and no")]
struct Wsgi<'py> {
    scheme: String,
    terminated: bool,
    input: Option<Bound<'py, PyAny>>,
    errors: Option<Bound<'py, PyAny>>,
    client: Client,
    multithread: bool,
    multiprocess: bool,
    run_once: bool,
}

impl<'py> Wsgi<'py> {
    fn keep(&mut self, name: &str, value: Bound<'py, PyAny>) -> PyResult<()> {
        match name {
            "wsgi.url_scheme" => self.scheme = value.extract()?,
            "wsgi.input" => self.input = Some(value),
            "wsgi.errors" => self.errors = Some(value),
            "gunicorn.socket" => self.client = Client::Socket(value.unbind()),
            "waitress.client_disconnected" => self.client = Client::Asked(value.unbind()),
            // Any true value stands for true.
            "wsgi.input_terminated" => self.terminated = value.is_truthy()?,
            "wsgi.multithread" => self.multithread = value.is_truthy()?,
            "wsgi.multiprocess" => self.multiprocess = value.is_truthy()?,
            "wsgi.run_once" => self.run_once = value.is_truthy()?,
            _ => {}
        }
        Ok(())
    }
}

/// The variables in one piece of memory.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    pairs: Vec<(Range<usize>, Range<usize>)>,
    has_request_uri: bool,
    /// Where the value of Gunicorn's `RAW_URI` is.
    raw_uri: Option<Range<usize>>,
    is_multiplexed: bool,
}

impl Text {
    fn keep(&mut self, name: &str, value: &str) -> PyResult<()> {
        match name {
            // `wsgi.url_scheme` is the word on this.
            "HTTPS" | "REQUEST_SCHEME" => return Ok(()),
            "REQUEST_URI" => self.has_request_uri = !value.is_empty(),
            "SERVER_PROTOCOL" => {
                self.is_multiplexed = value.starts_with("HTTP/2") || value.starts_with("HTTP/3");
            }
            _ => {}
        }
        let value = self.add(name, value)?;
        if name == "RAW_URI" {
            self.raw_uri = Some(value);
        }
        Ok(())
    }

    /// Adds a variable; gives where its value is.
    fn add(&mut self, name: &str, value: &str) -> PyResult<Range<usize>> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.as_bytes());
        let middle = self.bytes.len();
        if value.is_ascii() {
            self.bytes.extend_from_slice(value.as_bytes());
        } else {
            for point in value.chars() {
                let byte = u8::try_from(point).map_err(|_| {
                    PyValueError::new_err(format!(
                        "environ[{name:?}] holds a character that is no byte (PEP 3333, \"Unicode Issues\")"
                    ))
                })?;
                self.bytes.push(byte);
            }
        }
        self.pairs.push((start..middle, middle..self.bytes.len()));
        Ok(middle..self.bytes.len())
    }

    fn finish(mut self, scheme: &str) -> Variables {
        if let (false, Some(raw)) = (self.has_request_uri, self.raw_uri.take()) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(b"REQUEST_URI");
            self.pairs.push((start..self.bytes.len(), raw));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"REQUEST_SCHEME");
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(scheme.as_bytes());
        self.pairs.push((start..middle, middle..self.bytes.len()));
        let mut variables = Variables::within(self.bytes.into());
        for (name, value) in self.pairs {
            variables.push(name, value);
        }
        variables
    }
}
