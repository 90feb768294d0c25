//! What the server in memory says of itself and of its connections.
//!
//! Every setting has a default that a small server in the clear would have. Not here: what a request says.

use std::sync::Arc;
use std::thread;

use rsgi_core::trust::Trust;
use rsgi_core::{Capabilities, Endpoint, Job, Offload, Pool, Scheme, Server, Tls};

/// The settings of a server in memory.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::{Environ, Error, StartResponse, Started};
/// use rsgi_test::{Client, Memory};
///
/// async fn who(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     Ok(start_response.status(StatusCode::OK).body(environ.peer().to_string()))
/// }
///
/// let peer: std::net::SocketAddr = "192.0.2.7:4711".parse().unwrap();
/// let client = Client::with(who, Memory::new().peer(peer));
/// assert_eq!(client.get("/").answer().text(), "192.0.2.7:4711");
/// ```
#[derive(Debug, Clone)]
pub struct Memory {
    pub(super) server: Server,
    /// `None` for a port of its own a connection.
    pub(super) peer: Option<Endpoint>,
    local: Option<Endpoint>,
    pub(super) scheme: Scheme,
    pub(super) tls: Option<Tls>,
}

impl Memory {
    /// The defaults: a server `rsgi-test` that can do all but what needs a runtime or the system's `sendfile`, takes
    /// bodies of up to 16 MiB, trusts nobody and runs what blocks inline; a peer and a local address of 127.0.0.1.
    #[must_use]
    pub fn new() -> Self {
        let mut server = Server::new("rsgi-test", env!("CARGO_PKG_VERSION"));
        server.multithread = true;
        server.capabilities = CAN;
        server.body_limit = rsgi_core::server::Limits::default().body_bytes;
        Self { server, peer: None, local: None, scheme: Scheme::Http, tls: None }
    }

    /// Replaces all that the server says of itself. Default: see [`new`](Self::new).
    #[must_use]
    pub fn server(mut self, server: Server) -> Self {
        self.server = server;
        self
    }

    /// The other end. Default: 127.0.0.1 and a port of its own a connection.
    #[must_use]
    pub fn peer(mut self, peer: impl Into<Endpoint>) -> Self {
        self.peer = Some(peer.into());
        self
    }

    /// This end. Default: 127.0.0.1 and the scheme's port.
    #[must_use]
    pub fn local(mut self, local: impl Into<Endpoint>) -> Self {
        self.local = Some(local.into());
        self
    }

    /// The scheme by the last hop. Default: `http`.
    #[must_use]
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The facts of TLS, and with them the scheme `https`. Default: none.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        (self.tls, self.scheme) = (Some(tls), Scheme::Https);
        self
    }

    /// What the server can do. Take something away to test what an app makes of `NotSupported`; add
    /// [`Capabilities::TOKIO`] where the test runs in a runtime of tokio's.
    #[must_use]
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.server.capabilities = capabilities;
        self
    }

    /// The largest request body, in bytes; `None` for no limit. Default: 16 MiB, as servers have it.
    #[must_use]
    pub fn body_limit(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.server.body_limit = bytes.into();
        self
    }

    /// Whom to believe about forwarded requests. Default: nobody.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.server.trust = trust;
        self
    }

    /// Runs what blocks on threads of its own, as an asynchronous server does. Default: inline, as a blocking one. With
    /// threads a test can act while a blocking app runs: feed it, or vanish.
    #[must_use]
    pub fn threads(mut self) -> Self {
        self.server.offload = Offload::Pool(Arc::new(Threads));
        self
    }

    pub(super) fn local_or_usual(&self) -> Endpoint {
        let usual = || Endpoint::Tcp(([127, 0, 0, 1], self.scheme.port()).into());
        self.local.clone().unwrap_or_else(usual)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// A thread a job: the simplest pool there is.
struct Threads;

impl Pool for Threads {
    fn submit(&self, job: Job) {
        thread::spawn(move || {
            if let Some(waker) = job.run() {
                waker.wake();
            }
        });
    }
}

const CAN: Capabilities = Capabilities::TRAILERS
    .union(Capabilities::INFORMATIONAL)
    .union(Capabilities::UPGRADE)
    .union(Capabilities::DUPLEX)
    .union(Capabilities::UNIX_PEER)
    .union(Capabilities::TLS)
    .union(Capabilities::HTTP2);
