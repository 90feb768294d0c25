//! [`Address`]: one end of a connection, on TCP or on a unix socket.
//!
//! It exists because neither std nor rustix has one type for both. No name is looked up here.
//!
//! Invariant: converting never fails; a family that is not known becomes an unnamed unix address.
//! Read on in `stream.rs` and `listener.rs`, which hand them out.

use std::ffi::OsStr;
use std::fmt;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rustix::net::{SocketAddrAny, SocketAddrUnix};

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// An IP address and port.
    Ip(SocketAddr),
    /// A unix socket with a path.
    Unix(PathBuf),
    /// A unix socket without a name, as most clients have, or with one that is no path.
    Unnamed,
}

impl Address {
    /// The IP address and port, if it is one.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) | Self::Unnamed => None,
        }
    }

    /// Tells whether it is a unix socket's.
    pub fn is_unix(&self) -> bool {
        !matches!(self, Self::Ip(_))
    }

    pub(crate) fn from_any(any: Option<SocketAddrAny>) -> Self {
        let Some(any) = any else { return Self::Unnamed };
        if let Ok(ip) = SocketAddr::try_from(any.clone()) {
            return Self::Ip(ip);
        }
        match SocketAddrUnix::try_from(any) {
            Ok(unix) => match unix.path() {
                Some(path) => Self::Unix(PathBuf::from(OsStr::from_bytes(path.to_bytes()))),
                None => Self::Unnamed,
            },
            Err(_) => Self::Unnamed,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Unnamed => f.write_str("unix:"),
        }
    }
}
