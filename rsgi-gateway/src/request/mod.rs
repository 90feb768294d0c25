//! [`Request`]: what a web server's variables come to, everything of a request but its content.
//!
//! Shared by all protocols, and by whoever else is told of a request by the variables of RFC 3875, such as a host of WSGI (PEP 3333,
//! "`environ` Variables"). It knows the web servers' quirks, each undone where it is told of; the app sees none of them.
//!
//! Invariant: what can't be told for certain is refused, or left to the connection; nothing is made up.
//! Next: `told.rs`, then `target.rs`, `split.rs` and `facts.rs`.

mod facts;
mod split;
mod target;
mod told;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Method, StatusCode, Version};
use rsgi_core::server::Limits;
use rsgi_core::{Connection, Endpoint, Environ, Exchange, GatewayVars, Input, InputLength, Server};

use crate::codec::Variables;
use facts::Facts;
use target::Target;
use told::Told;

/// A request without its content.
///
/// # Examples
///
/// A host of another protocol, from the variables to the answer:
///
/// ```
/// use std::sync::Arc;
/// use std::time::Instant;
///
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::server::Limits;
/// use rsgi_core::{Endpoint, Exchange, Input, Server, app_fn, respond, wait};
/// use rsgi_gateway::codec::Variables;
/// use rsgi_gateway::request::{Refusal, Request};
///
/// # fn main() -> Result<(), Refusal> {
/// let told = [("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", "/shop"), ("PATH_INFO", "/cart"), ("QUERY_STRING", "all")];
/// let mut request = Request::read(Variables::from_iter(told), &Limits::default())?;
/// let unnamed = Endpoint::unix(None, None);
/// let server = Arc::new(Server::new("my-host", "1.0"));
/// let connection = request.connection(&server, 1, &unnamed, &Arc::new(unnamed.clone()), Instant::now());
/// let environ = request.environ(Input::empty(), Exchange::new(Arc::new(connection)));
///
/// let app = app_fn(|environ: rsgi_core::Environ, start_response: rsgi_core::StartResponse| async move {
///     Ok(start_response.status(StatusCode::OK).body(format!("{} {}", environ.script_name(), environ.path_info())))
/// });
/// let mut answer = wait(respond(&app, environ));
/// assert_eq!(answer.body_mut().take_bytes().as_deref(), Some(&b"/shop /cart"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Request {
    method: Method,
    version: Version,
    target: Target,
    fields: HeaderMap,
    facts: Facts,
    length: Option<u64>,
    coded: bool,
    variables: Variables,
}

/// Why a request is answered without the app.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// What it is to be answered with: 400, 414 or 431 (RFC 9110 sections 15.5.1 and 15.5.15, RFC 6585 section 5).
    pub status: StatusCode,
    /// What is at fault, for the log; it holds no value, which might be a secret.
    pub reason: Cow<'static, str>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "request refused: {}; answered {}", self.reason, self.status.as_u16())
    }
}

impl std::error::Error for Refusal {}

/// What content a request may have whose length isn't told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsaid {
    /// None (SCGI, uwsgi).
    Nothing,
    /// What the client sent in a transfer coding, and else none (CGI: Apache's `mod_cgid` 2.4.71 ends the script's input
    /// with it).
    Coded,
    /// Any: the protocol tells the end (FastCGI).
    Streams,
}

impl Request {
    /// Reads the variables, which stay part of it. Of `limits` those of the head count: `target_bytes`, `header_count`,
    /// `header_bytes` and `head_bytes`.
    ///
    /// # Errors
    ///
    /// The status that the request is to be answered with, and why.
    pub fn read(variables: Variables, limits: &Limits) -> Result<Self, Refusal> {
        let (told, mut fields) = Told::sort(&variables, limits)?;
        let method = Method::from_bytes(told.method)
            .map_err(|_| Refusal::bad("REQUEST_METHOD is missing or no method"))?;
        let length = if told.has_length { variables.content_length() } else { Ok(None) };
        let length = length.map_err(|wrong| Refusal::bad(wrong.to_string()))?;
        if told.server_name == b"_" && fields.get(http::header::HOST).is_some_and(|host| host == "_") {
            // Debian's nginx (1.22) sends `$host`, its own `server_name` for a client's missing Host.
            fields.remove(http::header::HOST);
        }
        let target = Target::read(&told, &method, &variables, &mut fields, limits)?;
        let facts = Facts::read(&told, &variables, &fields)?;
        let (version, coded) = (version(told.protocol), told.coded);
        Ok(Self { method, version, target, fields, facts, length, coded, variables })
    }

    /// The length of the content: what `CONTENT_LENGTH` says (RFC 3875 section 4.1.2), and else what `unsaid` does.
    #[must_use]
    pub fn length(&self, unsaid: Unsaid) -> InputLength {
        match (self.length, unsaid) {
            (Some(0), _) | (None, Unsaid::Nothing) => InputLength::None,
            (Some(length), _) => InputLength::Known(length),
            (None, Unsaid::Coded) if !self.coded => InputLength::None,
            (None, Unsaid::Coded | Unsaid::Streams) => InputLength::Unknown,
        }
    }

    /// The client's connection as the web server tells it; the socket's own facts where it doesn't. Asked once. `id` is the
    /// connection's number, and `accepted` when the server got it.
    pub fn connection(
        &mut self,
        server: &Arc<Server>,
        id: u64,
        socket_peer: &Endpoint,
        socket_local: &Arc<Endpoint>,
        accepted: Instant,
    ) -> Connection {
        let peer = self.facts.peer.take().unwrap_or_else(|| socket_peer.clone());
        let local = self.facts.local.take().map_or_else(|| Arc::clone(socket_local), Arc::new);
        let mut connection = Connection::at(Arc::clone(server), id, peer, local);
        connection.accepted = accepted;
        connection.scheme = self.facts.scheme;
        connection.tls = self.facts.tls.take();
        connection
    }

    /// The app's environ, with the content and the request's shared part, which the caller tells the outcome through.
    #[must_use]
    pub fn environ(self, input: Input, exchange: Arc<Exchange>) -> Environ {
        let Self { method, version, target, fields, facts, variables, .. } = self;
        let split = (target.script_end > 0).then(|| {
            let (script_name, path_info) = target.uri.path().split_at(target.script_end);
            (script_name.to_owned(), path_info.to_owned())
        });
        let mut environ = Environ::filled(input, exchange, |parts| {
            parts.method = method;
            parts.version = version;
            parts.uri = target.uri;
            parts.headers = fields;
        });
        if let Some(raw) = target.raw {
            environ.set_target(raw);
        }
        if let Some((script_name, path_info)) = split {
            environ.set_split(script_name, path_info);
        }
        if let Some((name, port)) = facts.server {
            environ.set_server(name, port);
        }
        environ.set_gateway_vars(Sent(variables));
        environ
    }
}

/// The version between client and web server. What isn't one (`INCLUDED`, RFC 3875 section 4.1.16, or nothing) counts as
/// 1.1: how the answer is framed is the web server's business, so nothing hangs on it here.
fn version(protocol: &[u8]) -> Version {
    match protocol {
        b"HTTP/1.0" => Version::HTTP_10,
        b"HTTP/2.0" | b"HTTP/2" => Version::HTTP_2,
        b"HTTP/3.0" | b"HTTP/3" => Version::HTTP_3,
        b"HTTP/0.9" => Version::HTTP_09,
        _ => Version::HTTP_11,
    }
}

/// The variables, for those that the typed environ doesn't answer.
struct Sent(Variables);

impl GatewayVars for Sent {
    fn var(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name)
    }

    fn vars(&self) -> Box<dyn Iterator<Item = (&str, &[u8])> + '_> {
        Box::new(self.0.iter().filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value))))
    }
}
