//! [`Told`]: the variables sorted, in one pass: what the request is made of, by name, and its header fields.
//!
//! Invariant: nothing here is judged but names, values and sizes of fields. Next: `target.rs`, `facts.rs`.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use rsgi_core::is_host_field;
use rsgi_core::server::Limits;

use super::Refusal;
use crate::codec::Variables;

/// What the web server tells, as it told it; of a name that came several times, the last, as nginx has it.
#[derive(Default)]
pub(super) struct Told<'a> {
    pub(super) method: &'a [u8],
    pub(super) protocol: &'a [u8],
    pub(super) request_uri: &'a [u8],
    pub(super) script_name: Option<&'a [u8]>,
    pub(super) path_info: Option<&'a [u8]>,
    pub(super) query: Option<&'a [u8]>,
    pub(super) document_uri: Option<&'a [u8]>,
    pub(super) script_filename: &'a [u8],
    pub(super) document_root: &'a [u8],
    pub(super) context_root: &'a [u8],
    pub(super) software: &'a [u8],
    pub(super) https: &'a [u8],
    pub(super) scheme: &'a [u8],
    pub(super) remote_addr: &'a [u8],
    pub(super) remote_port: &'a [u8],
    pub(super) server_addr: &'a [u8],
    pub(super) server_port: &'a [u8],
    pub(super) server_name: &'a [u8],
    pub(super) ssl_protocol: &'a [u8],
    /// Whether the client sent its content in a transfer coding, which the web server has undone.
    pub(super) coded: bool,
    /// Whether some `CONTENT_LENGTH` isn't empty.
    pub(super) has_length: bool,
    content_type: &'a [u8],
    content_length: &'a [u8],
}

/// The header fields, counted.
pub(super) struct Fields<'a> {
    map: HeaderMap,
    count: usize,
    bytes: usize,
    variables: &'a Variables,
    limits: &'a Limits,
}

impl<'a> Told<'a> {
    /// Sorts the variables.
    pub(super) fn sort(variables: &'a Variables, limits: &'a Limits) -> Result<(Self, HeaderMap), Refusal> {
        let mut told = Self::default();
        let map = HeaderMap::with_capacity(ROOM);
        let mut fields = Fields { map, count: 0, bytes: 0, variables, limits };
        for (name, value) in variables.iter() {
            match name.strip_prefix(b"HTTP_") {
                Some(b"TRANSFER_ENCODING") => told.coded = true,
                Some(field) => fields.take(field, value)?,
                None => told.keep(name, value),
            }
        }
        if !told.content_type.is_empty() {
            fields.append(header::CONTENT_TYPE, told.content_type)?;
        }
        // SCGI, Apache, lighttpd and HAProxy tell 0 where the client told nothing.
        let is_unsaid = told.content_length == b"0"
            && [Method::GET, Method::HEAD].iter().any(|method| method.as_str().as_bytes() == told.method);
        if !told.content_length.is_empty() && !is_unsaid {
            fields.append(header::CONTENT_LENGTH, told.content_length)?;
        }
        Ok((told, fields.map))
    }

    fn keep(&mut self, name: &[u8], value: &'a [u8]) {
        // By length first: compared in turn, the names cost more than everything else here together.
        match (name.len(), name) {
            (14, b"REQUEST_METHOD") => self.method = value,
            (15, b"SERVER_PROTOCOL") => self.protocol = value,
            (11, b"REQUEST_URI") => self.request_uri = value,
            (11, b"SCRIPT_NAME") => self.script_name = Some(value),
            (9, b"PATH_INFO") => self.path_info = Some(value),
            (12, b"QUERY_STRING") => self.query = Some(value),
            (12, b"DOCUMENT_URI") => self.document_uri = Some(value),
            (15, b"SCRIPT_FILENAME") => self.script_filename = value,
            (13, b"DOCUMENT_ROOT") => self.document_root = value,
            (21, b"CONTEXT_DOCUMENT_ROOT") => self.context_root = value,
            (15, b"SERVER_SOFTWARE") => self.software = value,
            (5, b"HTTPS") => self.https = value,
            (14, b"REQUEST_SCHEME") => self.scheme = value,
            (11, b"REMOTE_ADDR") => self.remote_addr = value,
            (11, b"REMOTE_PORT") => self.remote_port = value,
            (11, b"SERVER_ADDR") => self.server_addr = value,
            (11, b"SERVER_PORT") => self.server_port = value,
            (11, b"SERVER_NAME") => self.server_name = value,
            (12, b"SSL_PROTOCOL") => self.ssl_protocol = value,
            (12, b"CONTENT_TYPE") => self.content_type = value,
            (14, b"CONTENT_LENGTH") => {
                self.content_length = value;
                self.has_length |= !value.is_empty();
            }
            _ => {}
        }
    }
}

impl Fields<'_> {
    /// Takes a field by what stands behind `HTTP_`.
    fn take(&mut self, field: &[u8], value: &[u8]) -> Result<(), Refusal> {
        match field {
            // Client libraries would take it for a setting (httpoxy, CVE-2016-5385); nginx passes it on.
            b"PROXY"
            // CONTENT_TYPE and CONTENT_LENGTH are the web server's word; nginx and lighttpd send both.
            | b"CONTENT_TYPE" | b"CONTENT_LENGTH"
            // No trailer comes through any of the protocols, whatever the client takes.
            | b"TE" => return Ok(()),
            b"HOST" => self.check_host(value)?,
            _ => {}
        }
        let name = match usual_name(field) {
            Some(name) => name,
            None => field_name(field)?,
        };
        self.append(name, value)
    }

    /// One Host at most, and a right one, as on the HTTP servers. Whether there must be one was the web server's to
    /// judge.
    fn check_host(&self, value: &[u8]) -> Result<(), Refusal> {
        if self.map.contains_key(header::HOST) {
            return Err(Refusal::bad("HTTP_HOST came twice"));
        }
        if is_host_field(value) { Ok(()) } else { Err(Refusal::bad("HTTP_HOST is no host")) }
    }

    fn append(&mut self, name: HeaderName, value: &[u8]) -> Result<(), Refusal> {
        let value = bare(value);
        let size = name.as_str().len() + value.len();
        (self.count, self.bytes) = (self.count + 1, self.bytes + size);
        if size > self.limits.header_bytes {
            return Err(Refusal::large(format!("the field {name} has more than limits.header_bytes")));
        }
        if self.count > self.limits.header_count {
            return Err(Refusal::large("more fields than limits.header_count"));
        }
        if self.bytes > self.limits.head_bytes {
            return Err(Refusal::large("the fields have more than limits.head_bytes"));
        }
        let Ok(value) = HeaderValue::from_maybe_shared(self.variables.share(value)) else {
            return Err(Refusal::bad(format!("the value of the field {name} holds a control character")));
        };
        let full = |_| Refusal::large("more fields than a header map can hold");
        self.map.try_append(name, value).map_err(full).map(drop)
    }
}

/// The names that nearly every request has, which needn't be read.
fn usual_name(variable: &[u8]) -> Option<HeaderName> {
    Some(match (variable.len(), variable) {
        (4, b"HOST") => header::HOST,
        (6, b"ACCEPT") => header::ACCEPT,
        (6, b"COOKIE") => header::COOKIE,
        (6, b"ORIGIN") => header::ORIGIN,
        (7, b"REFERER") => header::REFERER,
        (10, b"CONNECTION") => header::CONNECTION,
        (10, b"USER_AGENT") => header::USER_AGENT,
        (13, b"AUTHORIZATION") => header::AUTHORIZATION,
        (13, b"CACHE_CONTROL") => header::CACHE_CONTROL,
        (13, b"IF_NONE_MATCH") => header::IF_NONE_MATCH,
        (15, b"ACCEPT_ENCODING") => header::ACCEPT_ENCODING,
        (15, b"ACCEPT_LANGUAGE") => header::ACCEPT_LANGUAGE,
        _ => return None,
    })
}

/// A value without the whitespace round it, which is none of it (RFC 9110 section 5.5). nginx (1.22) takes spaces off, and
/// leaves tabs.
fn bare(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The field's name: hyphens for underscores, lower case.
fn field_name(variable: &[u8]) -> Result<HeaderName, Refusal> {
    let mut short = [0; SHORT];
    let mut long;
    let name = if let Some(name) = short.get_mut(..variable.len()) {
        name
    } else {
        long = vec![0; variable.len()];
        &mut long[..]
    };
    for (to, from) in name.iter_mut().zip(variable) {
        *to = if *from == b'_' { b'-' } else { *from };
    }
    HeaderName::from_bytes(name).map_err(|_| {
        let shown = variable.get(..SHORT).unwrap_or(variable).escape_ascii();
        Refusal::bad(format!("HTTP_{shown} stands for no field"))
    })
}

impl Refusal {
    pub(super) fn bad(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason: reason.into() }
    }

    fn large(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason: reason.into() }
    }
}

/// Names up to this length are put together on the stack.
const SHORT: usize = 64;

/// Fields that there is room for at once: a browser sends about a dozen.
const ROOM: usize = 16;
