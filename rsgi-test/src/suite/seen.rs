//! What an app saw of one request: a copy of everything an environ offers, as plain values that travel.
//!
//! Made inside the app and left as a note, so a case compares values and seldom needs an app of its own. Read next:
//! `apps.rs`, the apps that leave it.

use std::collections::BTreeMap;
use std::fmt;

use rsgi_core::http::HeaderMap;
use rsgi_core::{Environ, InputLength, Tls};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an app saw of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the fields are named as the environ's methods, whose documentation says more"
)]
#[expect(clippy::exhaustive_structs, reason = "cases compare it field by field")]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub script_name: String,
    pub path_info: String,
    pub path_info_decoded: Octets,
    pub query: Option<String>,
    pub version: String,
    pub scheme: String,
    pub host: Option<String>,
    pub url: String,
    pub server_name: String,
    pub server_port: u16,
    pub headers: Vec<(String, Octets)>,
    pub vars: BTreeMap<String, Octets>,
    pub peer: End,
    pub local: End,
    pub trusted_client: String,
    pub trusted_scheme: String,
    pub trusted_host: Option<String>,
    pub request_id: (u64, u64),
    /// `None`, `Unknown`, or `Known(5)`.
    pub input_length: String,
    pub tls: Option<SeenTls>,
    /// The body once it was read, or the kind of its error.
    pub body: Result<Octets, String>,
    /// The fields behind the body.
    pub trailers: Vec<(String, Octets)>,
}

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "cases compare it field by field")]
pub struct End {
    /// As [`Endpoint`](rsgi_core::Endpoint) is displayed.
    pub text: String,
    /// The address, of TCP.
    pub ip: Option<String>,
    /// The port, of TCP.
    pub port: Option<u16>,
    /// Whether it is a unix socket's.
    pub unix: bool,
    /// User, group and process, where the system told them.
    pub credentials: Option<(u32, u32, Option<i32>)>,
}

/// The facts of a TLS session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as those of `Tls`")]
#[expect(clippy::exhaustive_structs, reason = "cases compare it field by field")]
pub struct SeenTls {
    pub version: String,
    pub cipher: String,
    pub sni: Option<String>,
    pub alpn: Option<Octets>,
    pub client_certificates: Vec<Octets>,
}

/// Bytes that travel in JSON, as hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Default, Hash)]
pub struct Octets(Vec<u8>);

impl Seen {
    /// Copies what an environ says; the body is left unread.
    pub fn of(environ: &Environ) -> Self {
        let trusted = environ.trusted();
        Self {
            method: environ.method().to_string(),
            target: environ.target().into_owned(),
            script_name: environ.script_name().to_owned(),
            path_info: environ.path_info().to_owned(),
            path_info_decoded: environ.path_info_decoded().into_owned().into(),
            query: environ.query().map(str::to_owned),
            version: format!("{:?}", environ.version()),
            scheme: environ.scheme().to_string(),
            host: environ.host().map(str::to_owned),
            url: environ.url(),
            server_name: environ.server_name().into_owned(),
            server_port: environ.server_port(),
            headers: fields(environ.headers()),
            vars: environ
                .vars()
                .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
                .collect(),
            peer: End::of(environ.peer()),
            local: End::of(environ.local()),
            trusted_client: trusted.client.to_string(),
            trusted_scheme: trusted.scheme.to_string(),
            trusted_host: trusted.host.map(std::borrow::Cow::into_owned),
            request_id: environ.request_id(),
            input_length: length(environ.input_length()),
            tls: environ.tls().map(SeenTls::of),
            body: Ok(Octets::default()),
            trailers: Vec::new(),
        }
    }

    /// All values of a field, as text.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| std::str::from_utf8(value).unwrap_or("not UTF-8")).collect()
    }

    /// One variable of the CGI view, as text.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|value| std::str::from_utf8(value).unwrap_or("not UTF-8"))
    }

    /// The body as text.
    ///
    /// # Panics
    ///
    /// If there is no whole body of text.
    pub fn text(&self) -> &str {
        let body = self.body.as_ref().unwrap_or_else(|kind| panic!("no whole body: {kind}"));
        std::str::from_utf8(body).expect("a body of text")
    }
}

impl End {
    fn of(end: &rsgi_core::Endpoint) -> Self {
        Self {
            text: end.to_string(),
            ip: end.ip().map(|ip| ip.to_string()),
            port: end.port(),
            unix: end.ip().is_none(),
            credentials: end.credentials().map(|it| (it.uid, it.gid, it.pid)),
        }
    }
}

impl SeenTls {
    fn of(tls: &Tls) -> Self {
        Self {
            version: tls.version.as_str().to_owned(),
            cipher: tls.cipher.clone().into_owned(),
            sni: tls.sni.clone(),
            alpn: tls.alpn.as_deref().map(Into::into),
            client_certificates: tls.client_certificates.iter().map(|it| it.as_ref().into()).collect(),
        }
    }
}

/// Copies a header map, in order.
pub fn fields(map: &HeaderMap) -> Vec<(String, Octets)> {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().into())).collect()
}

fn length(length: InputLength) -> String {
    format!("{length:?}")
}

impl From<Vec<u8>> for Octets {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Octets {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl std::ops::Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(200)];
        write!(formatter, "{:?} ({} bytes)", String::from_utf8_lossy(shown), self.0.len())
    }
}

impl<T: AsRef<[u8]> + ?Sized> PartialEq<T> for Octets {
    fn eq(&self, other: &T) -> bool {
        self.0 == other.as_ref()
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text: String = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
        serializer.serialize_str(&text)
    }
}

impl<'a> Deserialize<'a> for Octets {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("not hexadecimal digits"))
    }
}
