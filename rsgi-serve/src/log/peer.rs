//! Whom datagrams go to: a socket of this machine, or an address that was looked up once.
//!
//! Once, so that nothing after the start asks a resolver, which may start threads, or wait.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// Whom datagrams go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Unix(PathBuf),
    Udp(SocketAddr),
}

impl Peer {
    pub(super) fn unix(path: &Path) -> Self {
        Self::Unix(path.to_owned())
    }

    /// Looks a host up.
    pub(super) fn udp(host: &str, port: u16) -> io::Result<Self> {
        let mut found = (host, port).to_socket_addrs()?;
        found.next().map(Self::Udp).ok_or_else(|| io::Error::other("the host has no address"))
    }

    /// Gives a socket that speaks to it and never waits.
    pub(super) fn connect(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                socket.set_nonblocking(true)?;
                Ok(socket.into())
            }
            Self::Udp(to) => {
                let any: SocketAddr = match to {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any)?;
                socket.connect(to)?;
                socket.set_nonblocking(true)?;
                Ok(socket.into())
            }
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Udp(address) => write!(formatter, "udp://{address}"),
        }
    }
}
