//! Who made a request, as far as trusted hops tell, and the text forms in which they tell it.
//!
//! A [`Client`] isn't an [`Endpoint`]: a proxy may hide the address, give it a name of its own, or not know
//! it.
//!
//! Invariant: an address here was seen by the system or by a trusted hop, in its canonical family.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::endpoint::Endpoint;

/// Names the client of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Client {
    /// An address, and the port where it is told.
    Ip {
        /// The address; IPv4 is told as IPv4 even if it came through a socket of both families.
        address: IpAddr,
        /// The client's port. Many proxies leave it out.
        port: Option<u16>,
    },
    /// A process of this machine, over a unix socket. The environ's peer has its credentials.
    Local,
    /// A name that a proxy made up so as not to tell the address, with its leading `_` (RFC 7239 section
    /// 6.3). What it stands for, and for how long, only that proxy knows.
    Obfuscated(String),
    /// A trusted hop couldn't or wouldn't tell, or told what can't be parsed. Never the proxy's own address:
    /// who spoils the field must not pass for a machine of ours.
    Unknown,
}

impl Client {
    /// Returns the address, if it is known.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip { address, .. } => Some(*address),
            _ => None,
        }
    }

    /// Returns the client's port, if it is known.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Ip { port, .. } => *port,
            _ => None,
        }
    }

    /// Parses RFC 7239 section 6: `node = nodename [ ":" node-port ]`.
    pub(super) fn from_node(node: &str) -> Option<Self> {
        let (name, port) = match node.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']')?;
                let address: Ipv6Addr = address.parse().ok()?;
                return Some(Self::address(address.into(), optional_port(after, node_port)?));
            }
            None => node.find(':').map_or((node, ""), |colon| node.split_at(colon)),
        };
        let port = optional_port(port, node_port)?;
        if name.eq_ignore_ascii_case("unknown") {
            return Some(Self::Unknown);
        }
        if is_obfuscated(name) {
            return Some(Self::Obfuscated(name.to_owned()));
        }
        Some(Self::address(name.parse::<Ipv4Addr>().ok()?.into(), port))
    }

    /// Parses one element of `X-Forwarded-For`, which no standard describes: an address, IPv6 with or without
    /// brackets, a port behind IPv4 or the brackets, or `unknown`.
    pub(super) fn from_x_element(element: &str) -> Option<Self> {
        if let Ok(address) = IpAddr::from_str(element) {
            return Some(Self::address(address, None));
        }
        match Self::from_node(element)? {
            Self::Obfuscated(_) => None,
            client => Some(client),
        }
    }

    fn address(address: IpAddr, port: Option<u16>) -> Self {
        Self::Ip { address: address.to_canonical(), port }
    }
}

impl From<&Endpoint> for Client {
    fn from(peer: &Endpoint) -> Self {
        match peer.ip() {
            Some(address) => Self::Ip { address, port: peer.port() },
            None => Self::Local,
        }
    }
}

/// Writes the address without its port, the made-up name, `unix:` or `unknown`: what an access log shows.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip { address, .. } => address.fmt(f),
            Self::Local => f.write_str("unix:"),
            Self::Obfuscated(name) => f.write_str(name),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Reads nothing, or a colon and a port; the outer `None` is a fault.
#[expect(
    clippy::option_option,
    reason = "absent, hidden and malformed are three things; used in this file alone"
)]
fn optional_port(text: &str, parse: fn(&str) -> Option<Option<u16>>) -> Option<Option<u16>> {
    match text.strip_prefix(':') {
        Some(port) => parse(port),
        None if text.is_empty() => Some(None),
        None => None,
    }
}

/// `node-port = port / obfport`, of which the latter tells nothing.
#[expect(
    clippy::option_option,
    reason = "absent, hidden and malformed are three things; used in this file alone"
)]
fn node_port(text: &str) -> Option<Option<u16>> {
    if is_obfuscated(text) { Some(None) } else { port(text).map(Some) }
}

/// `port = 1*5DIGIT`, and a number that a port can be.
pub(super) fn port(text: &str) -> Option<u16> {
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `obfnode = "_" 1*( ALPHA / DIGIT / "." / "_" / "-" )`
fn is_obfuscated(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.len() > 1 && text.starts_with('_') && text.bytes().all(allowed)
}
