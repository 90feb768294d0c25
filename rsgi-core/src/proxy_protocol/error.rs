//! What can be wrong with a PROXY protocol header: each rule by its name.
//!
//! Nothing of the header is repeated in the text: at this point the peer's bytes may be anything.

use std::error::Error;
use std::fmt;

/// Tells which rule of the PROXY protocol a peer broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyError {
    kind: ProxyErrorKind,
}

/// The rules that a header can break. Sections are those of `proxy-protocol.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyErrorKind {
    /// The connection doesn't begin with a header of a version that is switched on.
    NoHeader,
    /// A v1 line has no end within 107 bytes (2.1), or a v2 header is longer than
    /// [`HEADER_BYTES_MOST`](super::HEADER_BYTES_MOST).
    TooLong,
    /// A v1 line isn't made of its six words with one space between them (2.1).
    MalformedLine,
    /// An address isn't one of the family that the header names.
    BadAddress,
    /// A port isn't a number up to 65535 without leading zeros (2.1).
    BadPort,
    /// The version in a v2 header isn't 2 (2.2).
    UnknownVersion,
    /// The command in a v2 header is neither LOCAL nor PROXY (2.2).
    UnknownCommand,
    /// The family or transport isn't one that a stream can be forwarded for (2.2).
    UnknownFamily,
    /// The length in a v2 header leaves no room for the addresses of its family (2.2).
    TooShort,
    /// An extra value reaches over the header's end (2.2).
    MalformedTlv,
    /// The checksum doesn't fit the header (2.2.3).
    WrongChecksum,
}

impl ProxyError {
    /// Returns the rule broken.
    pub fn kind(&self) -> ProxyErrorKind {
        self.kind
    }
}

impl From<ProxyErrorKind> for ProxyError {
    fn from(kind: ProxyErrorKind) -> Self {
        Self { kind }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.kind {
            ProxyErrorKind::NoHeader => "the peer is trusted and sent none of an accepted version",
            ProxyErrorKind::TooLong => "it is too long",
            ProxyErrorKind::MalformedLine => "its line is malformed",
            ProxyErrorKind::BadAddress => "an address isn't of its family",
            ProxyErrorKind::BadPort => "a port is no port number",
            ProxyErrorKind::UnknownVersion => "its version is unknown",
            ProxyErrorKind::UnknownCommand => "its command is unknown",
            ProxyErrorKind::UnknownFamily => "its address family or transport can't be a stream's",
            ProxyErrorKind::TooShort => "it is shorter than its addresses",
            ProxyErrorKind::MalformedTlv => "an extra value reaches over its end",
            ProxyErrorKind::WrongChecksum => "its checksum is wrong",
        };
        write!(f, "bad proxy protocol header: {rule}")
    }
}

impl Error for ProxyError {}
