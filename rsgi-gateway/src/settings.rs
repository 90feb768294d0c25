//! Settings: core's common ones as far as a gateway has use for them, and the one that only gateways have.
//!
//! The numbers and their meaning stand with core's `Config`.
//!
//! Invariant: a setting that would do nothing here is refused, not passed over. Next: `site.rs`.

use std::num::NonZeroUsize;

use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::server::{Config, ServeError, ServerField};
use rsgi_core::trust::IpNet;
use rsgi_core::{App, Capabilities, Server};

use crate::codec::Codec;
use crate::peers::Peers;

/// What only gateways have; `Options::default()` serves a web server on the same machine.
///
/// # Examples
///
/// ```
/// use rsgi_gateway::Options;
///
/// let options = Options::default().allow_from(["10.0.0.0/8".parse()?]);
/// # let _ = options;
/// # Ok::<(), rsgi_core::server::ServeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Options {
    peers: Peers,
    reactors: Option<NonZeroUsize>,
}

impl Options {
    /// Sets whose connections are accepted. Default: 127.0.0.1 and `::1`; peers on unix sockets always are, as the socket's
    /// mode says who they are.
    ///
    /// Whoever may connect is believed in everything: who the client is, whether it came over TLS, as whom it is logged in.
    /// Name the web servers' own addresses, never a network that clients are in.
    #[must_use]
    pub fn allow_from(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.peers = Peers::of(networks.into_iter().collect());
        self
    }

    /// Sets how many threads poll connections and apps on tokio; 0 stands for the default, one for each core. Lower it where
    /// other programs need the cores. A server on blocking threads has none, and refuses it.
    #[must_use]
    pub fn reactors(mut self, threads: usize) -> Self {
        self.reactors = NonZeroUsize::new(threads);
        self
    }

    pub(crate) fn peers(&self) -> Peers {
        self.peers.clone()
    }

    /// How many reactors were asked for.
    #[cfg(feature = "tokio")]
    pub(crate) fn reactor_threads(&self) -> Option<NonZeroUsize> {
        self.reactors
    }

    /// Refuses what a server on blocking threads has no use for.
    #[cfg(feature = "threads")]
    pub(crate) fn refuse_reactors(&self) -> Result<(), ServeError> {
        self.reactors.map_or(Ok(()), |threads| {
            let problem = "a server on blocking threads has no reactors";
            Err(ServeError::bad_setting(
                "reactors",
                threads,
                problem,
                "set `threads` instead, or serve on tokio",
            ))
        })
    }
}

/// Checks what a gateway has no use for, and what the app needs; gives what the server says of itself.
pub(crate) fn facts<C: Codec>(
    config: &Config,
    app: &impl App,
    offered: Capabilities,
) -> Result<Server, ServeError> {
    facts_of(C::NAME, config, app, offered)
}

/// The same, by the adapter's name.
pub(crate) fn facts_of(
    name: &'static str,
    config: &Config,
    app: &impl App,
    offered: Capabilities,
) -> Result<Server, ServeError> {
    config.check()?;
    if config.tls.is_some() {
        let problem = "this protocol has no TLS";
        return Err(ServeError::bad_setting("tls", name, problem, "give the certificate to the web server"));
    }
    if config.proxy_protocol != ProxyProtocol::Off {
        let problem = "this protocol's variables say who the client is";
        return Err(ServeError::bad_setting("proxy_protocol", name, problem, "leave it off"));
    }
    if config.server_field != ServerField::Off {
        let problem = "the web server's own field goes out";
        return Err(ServeError::bad_setting(
            "server_field",
            name,
            problem,
            "set it there, and leave it off here",
        ));
    }
    let missing = app.requires().missing_in(offered);
    if !missing.is_empty() {
        return Err(ServeError::missing_capability(missing, name));
    }
    let mut facts = Server::new(name, env!("CARGO_PKG_VERSION"));
    facts.capabilities = offered;
    facts.body_limit = config.limits.body_bytes;
    facts.trust = config.trust.clone();
    Ok(facts)
}
