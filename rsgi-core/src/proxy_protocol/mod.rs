//! The PROXY protocol: the few bytes with which a balancer that forwards plain TCP tells whose connection it
//! is.
//!
//! A codec without I/O, after haproxy's `proxy-protocol.txt`: an adapter hands over what a *trusted* peer
//! sent first, and gets the endpoints to use in place of the connection's own. It comes before TLS and before
//! any HTTP. It isn't for peers that the trust policy doesn't trust: their bytes are HTTP, or nothing.
//!
//! Invariants: the number of bytes looked at is bounded by [`HEADER_BYTES_MOST`]; a header is never guessed
//! to be there or not: where one is configured, a trusted peer has to send it.
//!
//! Where next: `v1.rs` (text), `v2.rs` (binary), `tlv.rs` (what a v2 header may carry beside the addresses).

mod error;
mod tlv;
mod v1;
mod v2;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use error::{ProxyError, ProxyErrorKind};
pub use tlv::{TlvKind, Tlvs};

use crate::endpoint::Endpoint;
use crate::server::ServeError;

/// Says which versions of the PROXY protocol trusted peers speak. Default: none.
///
/// Switch it on where a balancer forwards TCP, and name its network in the trust policy. While it is on a
/// trusted peer that sends no header is refused; other peers are served as if it were off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyProtocol {
    /// No header is expected.
    #[default]
    Off,
    /// Version 1, a line of text.
    V1,
    /// Version 2, binary.
    V2,
    /// Either version, but one of them.
    Any,
}

/// Says how far a header has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a header is whole or it isn't")]
pub enum ProxyStatus<'a> {
    /// Nothing is wrong so far, and bytes are missing: read more and parse from the start again.
    Partial,
    /// The header is whole.
    Complete {
        /// How many bytes it has. What follows belongs to TLS or HTTP.
        consumed: usize,
        /// What it says.
        header: ProxyHeader<'a>,
    },
}

/// What a PROXY protocol header says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyHeader<'a> {
    /// Both ends of the connection that is forwarded. `None` if the balancer speaks for itself (a health
    /// check, v2's LOCAL) or doesn't know (UNKNOWN, UNSPEC): the connection's own endpoints stand.
    pub ends: Option<ProxiedEnds>,
    /// What a v2 header carries beside them; empty in v1.
    pub tlvs: Tlvs<'a>,
}

/// Both ends of a forwarded connection, as the balancer saw them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxiedEnds {
    /// The client.
    pub peer: Endpoint,
    /// Where the client connected to: an address of the balancer.
    pub local: Endpoint,
}

impl ProxyProtocol {
    /// Parses the header at the start of a connection. `Off` needs none, and consumes nothing.
    ///
    /// # Errors
    ///
    /// The rule broken. The connection should be closed without an answer: the peer doesn't speak HTTP yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::proxy_protocol::{ProxyProtocol, ProxyStatus};
    ///
    /// let bytes = b"PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\nGET / HTTP/1.1\r\n";
    /// let status = ProxyProtocol::Any.parse(bytes)?;
    /// let ProxyStatus::Complete { consumed, header } = status else { unreachable!() };
    /// assert_eq!(&bytes[consumed..][..5], b"GET /");
    /// assert_eq!(header.ends.map(|ends| ends.peer.to_string()).as_deref(), Some("192.0.2.7:5000"));
    /// # Ok::<(), rsgi_core::proxy_protocol::ProxyError>(())
    /// ```
    pub fn parse(self, bytes: &[u8]) -> Result<ProxyStatus<'_>, ProxyError> {
        // The two versions' first bytes differ ('P' and CR), so one byte decides.
        match (self, bytes.first()) {
            (Self::Off, _) => Ok(ProxyStatus::Complete { consumed: 0, header: ProxyHeader::own() }),
            (_, None) => Ok(ProxyStatus::Partial),
            (Self::V1 | Self::Any, Some(b'P')) => v1::parse(bytes),
            (Self::V2 | Self::Any, Some(b'\r')) => v2::parse(bytes),
            _ => Err(ProxyErrorKind::NoHeader.into()),
        }
    }
}

impl ProxyHeader<'_> {
    /// The balancer's own connection.
    fn own() -> Self {
        Self { ends: None, tlvs: Tlvs::NONE }
    }
}

impl fmt::Display for ProxyProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Any => "any",
        })
    }
}

impl FromStr for ProxyProtocol {
    type Err = ServeError;

    /// Parses `off`, `v1`, `v2` or `any`.
    ///
    /// # Errors
    ///
    /// A `BadSetting` for anything else.
    fn from_str(text: &str) -> Result<Self, ServeError> {
        match text {
            "off" => Ok(Self::Off),
            "v1" => Ok(Self::V1),
            "v2" => Ok(Self::V2),
            "any" => Ok(Self::Any),
            _ => Err(ServeError::bad_setting(
                "proxy_protocol",
                text,
                "there is no such version",
                "write off, v1, v2 or any",
            )),
        }
    }
}

/// The longest header that is accepted: v2's 16 bytes and 4 KiB of addresses and extras. A read buffer of
/// this size always suffices.
pub const HEADER_BYTES_MOST: usize = 16 + 4096;
