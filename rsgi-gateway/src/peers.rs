//! [`Peers`]: who may speak a gateway protocol to this server.
//!
//! Whoever does is believed in everything: who the client is, over TLS or not, as whom it is logged in. So it is nobody but this
//! machine's own web servers, unless others are named.
//!
//! Next: `threads/server.rs`, `tokio/server.rs`.

use std::net::{Ipv4Addr, Ipv6Addr};

use rsgi_core::Endpoint;
use rsgi_core::trust::IpNet;

use crate::codec::Codec;

/// Who may connect. Peers on unix sockets always may: the socket's mode says who they are.
#[derive(Debug, Clone)]
pub(crate) struct Peers(Vec<IpNet>);

impl Default for Peers {
    fn default() -> Self {
        Self(vec![
            IpNet::from(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST)),
            IpNet::from(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ])
    }
}

impl Peers {
    pub(crate) fn of(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    pub(crate) fn may_speak(&self, peer: &Endpoint) -> bool {
        peer.ip().is_none_or(|address| self.0.iter().any(|network| network.contains(address)))
    }

    pub(crate) fn log_refused<C: Codec>(peer: &Endpoint) {
        tracing::warn!(
            target: "rsgi",
            protocol = C::NAME,
            %peer,
            "connection refused: its peer isn't among those allowed (`allow_from`)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Endpoint {
        Endpoint::Tcp(text.parse().unwrap())
    }

    #[test]
    fn this_machine_and_unix_sockets_may_and_others_when_they_are_named() {
        let peers = Peers::default();
        for allowed in ["127.0.0.1:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
            assert!(peers.may_speak(&peer(allowed)), "{allowed}");
        }
        assert!(peers.may_speak(&Endpoint::unix(None, None)));
        for refused in ["127.0.0.2:9", "192.0.2.1:9", "[2001:db8::1]:9"] {
            assert!(!peers.may_speak(&peer(refused)), "{refused}");
        }
        let peers = Peers::of(vec!["192.0.2.0/24".parse().unwrap()]);
        assert!(peers.may_speak(&peer("192.0.2.1:9")) && !peers.may_speak(&peer("127.0.0.1:9")));
    }
}
