//! [`Request`]: what a web server's variables come to, everything of a request but its content.
//!
//! Shared by all protocols. It knows the web servers' quirks, each where it is undone with what was seen; the app sees none.
//!
//! Invariant: what can't be told for certain is refused, or left to the connection; nothing is made up.
//! Next: `conn`, which serves it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{Method, StatusCode, Version};
use rsgi_core::server::Limits;
use rsgi_core::{Connection, Endpoint, Environ, Exchange, Input, InputLength, Server};

use crate::codec::Variables;

/// A request without its content.
#[derive(Debug)]
pub(crate) struct Request {
    head: Parts,
    length: Option<u64>,
}

/// Why a request is answered without the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// 400, 414, 431.
    pub(crate) status: StatusCode,
    /// What is at fault, for the log.
    pub(crate) reason: Cow<'static, str>,
}

/// What content a request may have whose length isn't told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsaid {
    /// None (CGI, SCGI, uwsgi).
    Nothing,
    /// Any: the protocol tells the end (FastCGI).
    Streams,
}

impl Request {
    /// Reads the variables, which stay part of it.
    ///
    /// # Errors
    ///
    /// The status that the request is to be answered with, and why.
    pub(crate) fn read(variables: Variables, limits: &Limits) -> Result<Self, Refusal> {
        let _ = (variables, limits);
        Err(Refusal { status: StatusCode::NOT_IMPLEMENTED, reason: Cow::Borrowed("not yet") })
    }

    /// The method.
    pub(crate) fn method(&self) -> &Method {
        &self.head.method
    }

    /// The protocol between client and web server.
    pub(crate) fn version(&self) -> Version {
        self.head.version
    }

    /// The length of the content.
    pub(crate) fn length(&self, unsaid: Unsaid) -> InputLength {
        match (self.length, unsaid) {
            (Some(0), _) | (None, Unsaid::Nothing) => InputLength::None,
            (Some(length), _) => InputLength::Known(length),
            (None, Unsaid::Streams) => InputLength::Unknown,
        }
    }

    /// The client's connection as the web server tells it; the socket's own facts where it doesn't. Asked once.
    pub(crate) fn connection(
        &mut self,
        server: &Arc<Server>,
        id: u64,
        socket_peer: &Endpoint,
        socket_local: &Arc<Endpoint>,
        accepted: Instant,
    ) -> Connection {
        let mut connection =
            Connection::at(Arc::clone(server), id, socket_peer.clone(), Arc::clone(socket_local));
        connection.accepted = accepted;
        connection
    }

    /// The app's environ.
    pub(crate) fn environ(self, input: Input, exchange: Arc<Exchange>) -> Environ {
        Environ::new(self.head, input, exchange)
    }
}
