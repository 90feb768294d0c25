//! The CGI view of an environ, computed when asked for: RFC 3875's and PEP 3333's names.
//!
//! For apps that come from CGI, and for gateways to other languages. What the typed environ knows wins over what a
//! gateway sent; a header never becomes `HTTP_PROXY`, and a name with an underscore never poses as one with a
//! hyphen: it isn't shown here at all (RFC 3875 section 4.1.18).

use std::borrow::Cow;

use http::Version;
use http::header::{self, HeaderName};

use super::Environ;
use crate::connection::Scheme;
use crate::input::InputLength;
use crate::path;

/// The names that the typed environ answers itself.
const NAMES: [&str; 18] = [
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "GATEWAY_INTERFACE",
    "HTTPS",
    "PATH_INFO",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "REQUEST_METHOD",
    "REQUEST_URI",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
    "SSL_CIPHER",
    "SSL_PROTOCOL",
    "SSL_TLS_SNI",
];

impl Environ {
    /// One variable by its CGI name, as bytes; `PATH_INFO` and `SCRIPT_NAME` are decoded, as CGI has them.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::Environ;
    /// use rsgi_core::http::Request;
    ///
    /// let request = Request::get("/a%20b?q").header("accept", "text/html").header("proxy", "evil").body(()).unwrap();
    /// let environ = Environ::for_test(request);
    /// assert_eq!(environ.var("PATH_INFO").as_deref(), Some(&b"/a b"[..]));
    /// assert_eq!(environ.var("HTTP_ACCEPT").as_deref(), Some(&b"text/html"[..]));
    /// assert_eq!(environ.var("HTTP_PROXY"), None);
    /// ```
    pub fn var(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        if let Some(field) = name.strip_prefix("HTTP_") {
            return self.http_var(field);
        }
        if NAMES.contains(&name) {
            return self.own_var(name);
        }
        let vars = self.inner().extra.as_ref()?.vars.as_ref()?;
        vars.var(name).map(Cow::Borrowed)
    }

    /// All variables: the environ's own, those of the header fields, and what a gateway sent beside them.
    pub fn vars(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, [u8]>)> {
        let own = NAMES.iter().filter_map(|name| Some((Cow::Borrowed(*name), self.own_var(name)?)));
        let fields = self.headers().keys().filter(|name| is_shown(name)).filter_map(|name| {
            let value = self.joined(name)?;
            Some((Cow::Owned(variable_of(name)), value))
        });
        let gateway = self
            .inner()
            .extra
            .iter()
            .filter_map(|extra| extra.vars.as_ref())
            .flat_map(|vars| vars.vars())
            .filter(|(name, _)| !name.starts_with("HTTP_") && !NAMES.contains(name));
        own.chain(fields).chain(gateway.map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value))))
    }

    fn http_var(&self, field: &str) -> Option<Cow<'_, [u8]>> {
        // One variable, one name: `HTTP_x` and `HTTP_X-Y` stand for nothing.
        if field.contains(|character: char| character.is_ascii_lowercase() || character == '-') {
            return None;
        }
        let name = HeaderName::from_bytes(field.replace('_', "-").to_ascii_lowercase().as_bytes()).ok()?;
        if is_shown(&name) { self.joined(&name) } else { None }
    }

    fn joined(&self, name: &HeaderName) -> Option<Cow<'_, [u8]>> {
        let mut values = self.headers().get_all(name).into_iter();
        let first = values.next()?.as_bytes();
        let mut joined = Cow::Borrowed(first);
        let separator: &[u8] = if *name == header::COOKIE { b"; " } else { b", " };
        for value in values {
            let all = joined.to_mut();
            all.extend_from_slice(separator);
            all.extend_from_slice(value.as_bytes());
        }
        Some(joined)
    }

    fn own_var(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let text = |text: String| Some(Cow::Owned(text.into_bytes()));
        let part = |part: &str| Some(Cow::Owned(path::decode(part).into_owned()));
        match name {
            "CONTENT_LENGTH" => match self.input_length() {
                InputLength::Known(length) => text(length.to_string()),
                _ => None,
            },
            "CONTENT_TYPE" => {
                self.headers().get(header::CONTENT_TYPE).map(|value| Cow::Borrowed(value.as_bytes()))
            }
            "GATEWAY_INTERFACE" => Some(Cow::Borrowed(b"CGI/1.1")),
            "HTTPS" => (self.scheme() == Scheme::Https).then_some(Cow::Borrowed(b"on")),
            "PATH_INFO" => part(self.path_info()),
            "QUERY_STRING" => Some(Cow::Borrowed(self.query().unwrap_or_default().as_bytes())),
            "REMOTE_ADDR" => text(self.peer().ip().map(|ip| ip.to_string()).unwrap_or_default()),
            "REMOTE_PORT" => text(self.peer().port()?.to_string()),
            "REQUEST_METHOD" => Some(Cow::Borrowed(self.method().as_str().as_bytes())),
            "REQUEST_URI" => text(self.target().into_owned()),
            "SCRIPT_NAME" => part(self.script_name()),
            "SERVER_NAME" => text(self.server_name().into_owned()),
            "SERVER_PORT" => text(self.server_port().to_string()),
            "SERVER_PROTOCOL" => Some(Cow::Borrowed(protocol(self.version()))),
            "SERVER_SOFTWARE" => text(format!("{}/{}", self.server().name, self.server().version)),
            "SSL_CIPHER" => Some(Cow::Borrowed(self.tls()?.cipher.as_bytes())),
            "SSL_PROTOCOL" => Some(Cow::Borrowed(self.tls()?.version.as_str().as_bytes())),
            "SSL_TLS_SNI" => Some(Cow::Borrowed(self.tls()?.sni.as_deref()?.as_bytes())),
            _ => None,
        }
    }
}

fn protocol(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_09 => b"HTTP/0.9",
        Version::HTTP_10 => b"HTTP/1.0",
        Version::HTTP_2 => b"HTTP/2.0",
        Version::HTTP_3 => b"HTTP/3.0",
        _ => b"HTTP/1.1",
    }
}

/// Tells whether a field has an `HTTP_` variable: `Content-Type` and `Content-Length` have variables of their own,
/// `Proxy` would be read as a setting by client libraries, and `_` would pose as `-`.
fn is_shown(name: &HeaderName) -> bool {
    *name != header::CONTENT_TYPE
        && *name != header::CONTENT_LENGTH
        && name.as_str() != "proxy"
        && !name.as_str().contains('_')
}

fn variable_of(name: &HeaderName) -> String {
    let mut variable = String::with_capacity(name.as_str().len() + 5);
    variable.push_str("HTTP_");
    variable.extend(name.as_str().chars().map(|character| match character {
        '-' => '_',
        other => other.to_ascii_uppercase(),
    }));
    variable
}
