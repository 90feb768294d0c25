//! [`Options`]: the settings that only gateways have.
//!
//! Next: `settings.rs`, for those that they share with every server.

use std::num::NonZeroUsize;

#[cfg(feature = "threads")]
use rsgi_core::server::ServeError;
use rsgi_core::trust::IpNet;

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
