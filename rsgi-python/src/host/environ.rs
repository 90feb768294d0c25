//! The environ dictionary of a request (PEP 3333, "environ Variables"), made of core's typed one.
//!
//! What each request has is copied from a dictionary that was made once, keys, constants and room for the fields together,
//! and then written over: a table of this size built key by key grows four times.

use std::fmt::Write as _;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use rsgi_core::http::{Method, Version, header};
use rsgi_core::{Environ, InputLength, Scheme, Server, path};

use super::errors::Errors;
use super::file_wrapper::FileWrapper;
use super::input::Input;
use super::names::{Names, names, variable};
use super::text::native;

/// What all requests of one server have in common.
#[derive(Debug)]
pub(super) struct Template {
    server: Facts,
    common: Py<PyDict>,
}

/// What a server says of itself, as far as an environ tells it.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    name: &'static str,
    version: &'static str,
    concurrency: [bool; 3],
}

impl Facts {
    fn of(server: &Server) -> Self {
        let concurrency = [server.multithread, server.multiprocess, server.run_once];
        Self { name: server.name, version: server.version, concurrency }
    }
}

impl Template {
    /// Makes the common part.
    pub(super) fn new(py: Python<'_>, server: &Server) -> PyResult<Self> {
        let names = names(py);
        let common = PyDict::new(py);
        for variable in names.of_each_request() {
            common.set_item(variable.bind(py), names.empty.bind(py))?;
        }
        let software = format!("{}/{}", server.name, server.version);
        common.set_item(names.server_software.bind(py), software)?;
        common.set_item(names.gateway_interface.bind(py), names.cgi.bind(py))?;
        common.set_item(names.wsgi_version.bind(py), (1, 0))?;
        common.set_item(names.wsgi_url_scheme.bind(py), names.http.bind(py))?;
        common.set_item(names.wsgi_input_terminated.bind(py), true)?;
        common.set_item(names.wsgi_multithread.bind(py), PyBool::new(py, server.multithread))?;
        common.set_item(names.wsgi_multiprocess.bind(py), PyBool::new(py, server.multiprocess))?;
        common.set_item(names.wsgi_run_once.bind(py), PyBool::new(py, server.run_once))?;
        common.set_item(names.wsgi_file_wrapper.bind(py), py.get_type::<FileWrapper>())?;
        Ok(Self { server: Facts::of(server), common: common.unbind() })
    }

    /// Tells whether it is this server's.
    pub(super) fn is_of(&self, server: &Server) -> bool {
        self.server == Facts::of(server)
    }

    /// Makes the dictionary of a request, whose content is `length` bytes long and read by `input`.
    pub(super) fn dictionary<'py>(
        &self,
        py: Python<'py>,
        environ: &Environ,
        length: InputLength,
        input: &Bound<'py, Input>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let names = names(py);
        let into = self.common.bind(py).copy()?;
        request(py, names, environ, &into)?;
        ends(py, names, environ, &into)?;
        fields(py, names, environ, length, &into)?;
        sent(environ, &into)?;
        into.set_item(names.wsgi_input.bind(py), input)?;
        into.set_item(names.wsgi_errors.bind(py), Errors::of(py, environ)?)?;
        Ok(into)
    }
}

impl Names {
    /// The keys that no request lacks, in CGI's order.
    fn of_each_request(&self) -> [&Py<PyString>; 15] {
        [
            &self.request_method,
            &self.script_name,
            &self.path_info,
            &self.query_string,
            &self.server_name,
            &self.server_port,
            &self.server_protocol,
            &self.server_software,
            &self.gateway_interface,
            &self.remote_addr,
            &self.request_uri,
            &self.raw_uri,
            &self.wsgi_url_scheme,
            &self.wsgi_input,
            &self.wsgi_errors,
        ]
    }

    fn method<'py>(&self, py: Python<'py>, method: &Method) -> Bound<'py, PyString> {
        let known = match *method {
            Method::GET => &self.get,
            Method::HEAD => &self.head,
            Method::POST => &self.post,
            Method::PUT => &self.put,
            Method::DELETE => &self.delete,
            Method::OPTIONS => &self.options,
            Method::PATCH => &self.patch,
            _ => return PyString::new(py, method.as_str()),
        };
        known.bind(py).clone()
    }

    fn protocol(&self, version: Version) -> &Py<PyString> {
        match version {
            Version::HTTP_10 => &self.http10,
            Version::HTTP_2 => &self.http2,
            _ => &self.http11,
        }
    }

    /// A decoded part of the path.
    fn path<'py>(&self, py: Python<'py>, part: &str) -> Bound<'py, PyString> {
        match part {
            "" => self.empty.bind(py).clone(),
            "/" => self.slash.bind(py).clone(),
            _ => native(py, &path::decode(part)),
        }
    }
}

/// What stands in the request line.
fn request(py: Python<'_>, names: &Names, environ: &Environ, into: &Bound<'_, PyDict>) -> PyResult<()> {
    into.set_item(names.request_method.bind(py), names.method(py, environ.method()))?;
    if !environ.script_name().is_empty() {
        into.set_item(names.script_name.bind(py), names.path(py, environ.script_name()))?;
    }
    // `OPTIONS *` is of no path: PEP 3333 has one begin with a slash, or empty.
    if environ.path_info() != "*" {
        into.set_item(names.path_info.bind(py), names.path(py, environ.path_info()))?;
    }
    if let Some(query) = environ.query()
        && !query.is_empty()
    {
        into.set_item(names.query_string.bind(py), native(py, query.as_bytes()))?;
    }
    let target = native(py, environ.target().as_bytes());
    into.set_item(names.request_uri.bind(py), &target)?;
    into.set_item(names.raw_uri.bind(py), target)?;
    into.set_item(names.server_protocol.bind(py), names.protocol(environ.version()).bind(py))
}

/// Both ends of the connection.
fn ends(py: Python<'_>, names: &Names, environ: &Environ, into: &Bound<'_, PyDict>) -> PyResult<()> {
    let mut text = String::new();
    into.set_item(names.server_name.bind(py), native(py, environ.server_name().as_bytes()))?;
    // Writing to a string doesn't fail.
    let _ = write!(text, "{}", environ.server_port());
    into.set_item(names.server_port.bind(py), &text)?;
    if let Some(ip) = environ.peer().ip() {
        text.clear();
        let _ = write!(text, "{ip}");
        into.set_item(names.remote_addr.bind(py), &text)?;
    }
    if let Some(port) = environ.peer().port() {
        text.clear();
        let _ = write!(text, "{port}");
        into.set_item(names.remote_port.bind(py), &text)?;
    }
    if !environ.trust().trusts_nobody() || environ.scheme() == Scheme::Https {
        secured(py, names, environ, into)?;
    }
    Ok(())
}

/// The scheme that the client asked by, as far as a trusted proxy vouches for it, and the facts of TLS.
#[cold]
fn secured(py: Python<'_>, names: &Names, environ: &Environ, into: &Bound<'_, PyDict>) -> PyResult<()> {
    if environ.trusted().scheme == Scheme::Https {
        into.set_item(names.wsgi_url_scheme.bind(py), names.secure.bind(py))?;
        into.set_item(names.https.bind(py), names.on.bind(py))?;
    }
    let Some(tls) = environ.tls() else { return Ok(()) };
    into.set_item(names.ssl_cipher.bind(py), native(py, tls.cipher.as_bytes()))?;
    into.set_item(names.ssl_protocol.bind(py), tls.version.as_str())?;
    if let Some(sni) = tls.sni.as_deref() {
        into.set_item(names.ssl_sni.bind(py), native(py, sni.as_bytes()))?;
    }
    Ok(())
}

/// The header fields. One that comes several times is joined, cookies as RFC 6265 section 4.2.1 has them.
fn fields(
    py: Python<'_>,
    names: &Names,
    environ: &Environ,
    length: InputLength,
    into: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let headers = environ.headers();
    if let InputLength::Known(length) = length {
        into.set_item(names.content_length.bind(py), length.to_string())?;
    }
    for name in headers.keys() {
        if *name == header::CONTENT_TYPE {
            let value = headers.get(name).map_or(&b""[..], |value| value.as_bytes());
            into.set_item(names.content_type.bind(py), native(py, value))?;
            continue;
        }
        let Some(variable) = variable(py, name) else { continue };
        let mut values = headers.get_all(name).iter();
        let Some(first) = values.next() else { continue };
        let Some(second) = values.next() else {
            into.set_item(variable, native(py, first.as_bytes()))?;
            continue;
        };
        let separator: &[u8] = if *name == header::COOKIE { b"; " } else { b", " };
        let mut joined = first.as_bytes().to_vec();
        for value in std::iter::once(second).chain(values) {
            joined.extend_from_slice(separator);
            joined.extend_from_slice(value.as_bytes());
        }
        into.set_item(variable, native(py, &joined))?;
    }
    Ok(())
}

/// What a gateway sent beside, such as `REMOTE_USER`. What the request itself says is never written over.
fn sent(environ: &Environ, into: &Bound<'_, PyDict>) -> PyResult<()> {
    let Some(variables) = environ.gateway_vars() else { return Ok(()) };
    for (name, value) in variables.vars() {
        if name.starts_with("HTTP_")
            || name.starts_with("wsgi.")
            || OWN.contains(&name)
            || into.contains(name)?
        {
            continue;
        }
        into.set_item(name, native(into.py(), value))?;
    }
    Ok(())
}

/// What the typed environ alone tells, also by its silence.
const OWN: [&str; 7] =
    ["CONTENT_LENGTH", "CONTENT_TYPE", "HTTPS", "REMOTE_PORT", "SSL_CIPHER", "SSL_PROTOCOL", "SSL_TLS_SNI"];

/// The template of a server, kept from the first request on.
pub(super) fn template(
    py: Python<'_>,
    kept: &pyo3::sync::PyOnceLock<Arc<Template>>,
    server: &Server,
) -> PyResult<Arc<Template>> {
    let template = kept.get_or_try_init(py, || Template::new(py, server).map(Arc::new))?;
    if template.is_of(server) {
        return Ok(Arc::clone(template));
    }
    // One app on several servers: all but the first have theirs made anew.
    Template::new(py, server).map(Arc::new)
}
