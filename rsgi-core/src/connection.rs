//! The facts of one connection and of the server behind it, shared by all requests on it.
//!
//! Made once a connection by the adapter. Immutable: what changes during a request is in `exchange.rs`.

use std::sync::Arc;
use std::time::Instant;

use crate::capabilities::Capabilities;
use crate::disconnect::Drain;
use crate::endpoint::Endpoint;
use crate::error_stream::ErrorSink;
use crate::informational::Link;
use crate::offload::Offload;
use crate::tls_facts::Tls;
use crate::trust::Trust;

/// What a server says of itself, known before the first request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Server {
    /// The adapter's name, such as `rsgi-std`.
    pub name: &'static str,
    /// The adapter's version.
    pub version: &'static str,
    /// Whether the app may be called from several threads at once (PEP 3333, `wsgi.multithread`).
    pub multithread: bool,
    /// Whether other processes serve the same app (`wsgi.multiprocess`).
    pub multiprocess: bool,
    /// Whether the process serves one request and ends (`wsgi.run_once`).
    pub run_once: bool,
    /// What the server can do beyond plain requests and answers.
    pub capabilities: Capabilities,
    /// The largest request body, in bytes; `None` for no limit. An app may change it for its request.
    pub body_limit: Option<u64>,
    /// Whom to believe about forwarded requests; nobody by default.
    pub trust: Trust,
    /// Tells the apps that the server is going down.
    pub drain: Drain,
    /// How to run work that blocks.
    pub offload: Offload,
}

impl Server {
    /// Describes a server with one thread, one process, no capability and no trust; set the rest field by field.
    #[must_use]
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            multithread: false,
            multiprocess: false,
            run_once: false,
            capabilities: Capabilities::NONE,
            body_limit: None,
            trust: Trust::nobody(),
            drain: Drain::new(),
            offload: Offload::Inline,
        }
    }
}

/// Whether the last hop was encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The scheme as it stands in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme means when it names none.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl std::fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The facts of one connection.
#[non_exhaustive]
pub struct Connection {
    /// The server that accepted it.
    pub server: Arc<Server>,
    /// A number that no other connection of this process has.
    pub id: u64,
    /// The other end, as the system (or a trusted PROXY header) tells it.
    pub peer: Endpoint,
    /// This end; one for all connections of a listener, where the adapter shares it.
    pub local: Arc<Endpoint>,
    /// The facts of TLS; `None` in the clear.
    pub tls: Option<Box<Tls>>,
    /// The scheme by the last hop.
    pub scheme: Scheme,
    /// When it was accepted.
    pub accepted: Instant,
    /// The way out for informational responses, where the adapter has one. What apps keep of a request keeps this, too: an
    /// adapter that holds its socket in it closes that by a shutdown, or holds it weakly.
    pub link: Option<Arc<dyn Link>>,
    /// Where error streams go; `None` for the log.
    pub errors: Option<Arc<dyn ErrorSink>>,
}

impl Connection {
    /// Describes a connection in the clear, accepted now; set the rest field by field.
    #[must_use]
    pub fn new(server: Arc<Server>, id: u64, peer: Endpoint, local: Endpoint) -> Self {
        Self::at(server, id, peer, Arc::new(local))
    }

    /// The same, at an address that it shares with other connections of its listener.
    #[must_use]
    pub fn at(server: Arc<Server>, id: u64, peer: Endpoint, local: Arc<Endpoint>) -> Self {
        Self {
            server,
            id,
            peer,
            local,
            tls: None,
            scheme: Scheme::Http,
            accepted: Instant::now(),
            link: None,
            errors: None,
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("id", &self.id)
            .field("peer", &self.peer)
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}
