//! One end of a connection: who connected, and to which of our addresses.
//!
//! An [`Endpoint`] says what the operating system says, or what a trusted PROXY protocol header said in its
//! place. It is *not* the client as seen through HTTP proxies: that is [`Client`](crate::trust::Client),
//! which the trust policy works out from it.
//!
//! Invariant: every request has a peer and a local endpoint, in the test client too. A socket without an
//! address (an unnamed unix socket) is represented as such, never by a made-up one.
//!
//! Where next: `trust`, which starts from the peer.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

/// Names one end of a connection.
///
/// Cloning copies no path: it is shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// An address and port of IPv4 or IPv6, exactly as the system gave it.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix {
        /// The file it is bound to. A client's end is nearly always unnamed: `None`.
        path: Option<Arc<Path>>,
        /// The process at this end, where the system tells it (Linux: `SO_PEERCRED`).
        credentials: Option<Credentials>,
    },
}

/// The process at the other end of a unix socket, as the kernel vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Credentials {
    /// The user who made the connection.
    pub uid: u32,
    /// That user's group.
    pub gid: u32,
    /// The process, where the system knows it. It may have ended, and its number may be another's by now.
    pub pid: Option<i32>,
}

impl Endpoint {
    /// Makes the endpoint of a unix socket; both parts are optional.
    pub fn unix(path: Option<&Path>, credentials: Option<Credentials>) -> Self {
        Self::Unix { path: path.map(Arc::from), credentials }
    }

    /// Returns the IP address; `None` for a unix socket.
    ///
    /// An IPv4 client of a listener that serves both families is told as IPv4 (`192.0.2.1`, not
    /// `::ffff:192.0.2.1`), so that logs and networks need one spelling.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip().to_canonical()),
            Self::Unix { .. } => None,
        }
    }

    /// Returns the TCP port; `None` for a unix socket.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            Self::Unix { .. } => None,
        }
    }

    /// Returns the file a unix socket is bound to, if it is one and has one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unix { path, .. } => path.as_deref(),
            Self::Tcp(_) => None,
        }
    }

    /// Returns the process behind a unix socket, where the system told it.
    pub fn credentials(&self) -> Option<Credentials> {
        match self {
            Self::Unix { credentials, .. } => *credentials,
            Self::Tcp(_) => None,
        }
    }
}

impl Credentials {
    /// Makes credentials from what the system told.
    pub fn new(uid: u32, gid: u32, pid: Option<i32>) -> Self {
        Self { uid, gid, pid }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

/// Writes the form that a bind setting has: `192.0.2.1:80`, `[2001:db8::1]:80`, `unix:/run/app.sock`; an
/// unnamed unix socket is `unix:`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { path: Some(path), .. } => write!(f, "unix:{}", path.display()),
            Self::Unix { path: None, .. } => f.write_str("unix:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_client_of_a_dual_listener_is_told_as_ipv4() {
        let mapped = Endpoint::Tcp("[::ffff:192.0.2.7]:9".parse().unwrap());
        assert_eq!(mapped.ip().unwrap().to_string(), "192.0.2.7");
        assert_eq!(mapped.port(), Some(9));
        assert_eq!(mapped.to_string(), "[::ffff:192.0.2.7]:9", "what the system said stays visible");
    }

    #[test]
    fn a_unix_socket_has_no_ip_and_no_port() {
        let unix = Endpoint::unix(Some(Path::new("/run/a.sock")), Some(Credentials::new(1, 2, None)));
        assert_eq!((unix.ip(), unix.port()), (None, None));
        assert_eq!(unix.path(), Some(Path::new("/run/a.sock")));
        assert_eq!(unix.credentials().map(|process| process.uid), Some(1));
        assert_eq!(unix.to_string(), "unix:/run/a.sock");
        assert_eq!(Endpoint::unix(None, None).to_string(), "unix:");
    }
}
