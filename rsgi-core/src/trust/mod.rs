//! Whose word about the client is believed: one policy, shared by every adapter.
//!
//! A proxy tells in header fields who its client was. Anyone can send such fields, so a field is worth only
//! as much as the hop that wrote it. Each hop adds its element at the right end; [`Trust::resolve`] therefore
//! reads from the right, and only as far as every writer on the way is trusted.
//!
//! Not here: the PROXY protocol's own bytes (`proxy_protocol`), whose result *replaces* the peer before this
//! starts.
//!
//! Invariants: without a trusted peer no field is looked at and nothing is allocated; no element that an
//! untrusted hop wrote decides anything; what can't be parsed is never guessed at.
//!
//! Where next: `walk.rs` (right to left), `forwarded.rs` and `x_forwarded.rs` (the two families of fields).

mod client;
mod forwarded;
mod ip_net;
mod walk;
mod x_forwarded;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use http::HeaderMap;

pub use client::Client;
pub use ip_net::IpNet;
pub use x_forwarded::{XElement, XForwarded};

use crate::connection::Scheme;
use crate::endpoint::Endpoint;

/// Says which peers are proxies of ours, and which fields they write.
///
/// The default trusts nobody: client, scheme and host are those of the connection.
///
/// # Examples
///
/// ```
/// use rsgi_core::trust::{ForwardedHeaders, Trust};
///
/// let policy = Trust::new(ForwardedHeaders::Standard).network("10.0.0.0/8".parse()?).unix_peers();
/// assert!(!policy.trusts_nobody());
/// # Ok::<(), rsgi_core::server::ServeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    headers: ForwardedHeaders,
    networks: Vec<IpNet>,
    unix_peers: UnixPeers,
    /// At least 1.
    max_hops: usize,
}

/// Names the family of fields that trusted proxies write. The other family is never looked at: a proxy that
/// writes one passes its client's fields of the other on unread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForwardedHeaders {
    /// None; trusted peers may still speak the PROXY protocol where that is on.
    #[default]
    Off,
    /// `Forwarded`, RFC 7239.
    Standard,
    /// `X-Forwarded-For` and those of its siblings that are named.
    X(XForwarded),
}

/// What the client asked for, as far as trusted hops vouch for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trusted<'a> {
    /// Who made the request.
    pub client: Client,
    /// The scheme of the client's own connection.
    pub scheme: Scheme,
    /// The host the client asked for, with a port unless it is the scheme's own; `None` if nobody named one.
    pub host: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnixPeers {
    Untrusted,
    Trusted,
}

impl Trust {
    /// Trusts nobody.
    pub fn nobody() -> Self {
        Self::new(ForwardedHeaders::Off)
    }

    /// Starts a policy that reads these fields; nobody is trusted yet.
    pub fn new(headers: ForwardedHeaders) -> Self {
        Self { headers, networks: Vec::new(), unix_peers: UnixPeers::Untrusted, max_hops: MAX_HOPS }
    }

    /// Trusts every hop with an address in this network.
    #[must_use]
    pub fn network(mut self, network: IpNet) -> Self {
        self.networks.push(network);
        self
    }

    /// Trusts whoever connects to our unix sockets; their files' modes say who can.
    #[must_use]
    pub fn unix_peers(mut self) -> Self {
        self.unix_peers = UnixPeers::Trusted;
        self
    }

    /// Trusts every peer and every hop, so that the client is whatever the leftmost element in reach claims.
    ///
    /// Only for a server that nobody but a proxy can reach, with [`max_hops`](Self::max_hops) set to the
    /// number of proxies: then the element that the outermost of them wrote is the last one believed.
    #[must_use]
    pub fn danger_everyone(self) -> Self {
        self.network(IpNet::EVERY_V4).network(IpNet::EVERY_V6).unix_peers()
    }

    /// Bounds how many elements are believed, counted from the right. Default: 16; 0 is taken as 1.
    ///
    /// Set it to the number of proxies in a row, where that is known.
    #[must_use]
    pub fn max_hops(mut self, hops: usize) -> Self {
        self.max_hops = hops.max(1);
        self
    }

    /// Tells whether this peer is a proxy of ours.
    pub fn trusts(&self, peer: &Endpoint) -> bool {
        match peer {
            Endpoint::Unix { .. } => self.unix_peers == UnixPeers::Trusted,
            Endpoint::Tcp(address) => self.trusts_address(address.ip()),
        }
    }

    /// Tells whether no peer at all is trusted.
    pub fn trusts_nobody(&self) -> bool {
        self.networks.is_empty() && self.unix_peers == UnixPeers::Untrusted
    }

    /// Works out client, scheme and host of one request.
    ///
    /// `scheme` and `host` are those of the last hop, as the adapter saw them; they stand where no trusted
    /// hop says otherwise. `peer` is what the connection has, or a trusted PROXY protocol header put in its
    /// place.
    pub fn resolve<'a>(
        &self,
        peer: &Endpoint,
        scheme: Scheme,
        host: Option<&'a str>,
        headers: &'a HeaderMap,
    ) -> Trusted<'a> {
        let mut trusted = Trusted { client: Client::from(peer), scheme, host: host.map(Cow::Borrowed) };
        if self.trusts(peer) {
            match self.headers {
                ForwardedHeaders::Off => {}
                ForwardedHeaders::Standard => forwarded::resolve(self, headers, &mut trusted),
                ForwardedHeaders::X(fields) => x_forwarded::resolve(self, fields, headers, &mut trusted),
            }
        }
        trusted
    }

    fn trusts_address(&self, address: std::net::IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self::nobody()
    }
}

/// Longer rows of proxies than this don't exist; a longer row of elements is a client's doing.
const MAX_HOPS: usize = 16;
