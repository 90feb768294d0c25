//! What a server can do beyond plain requests and answers, as a set that can be asked before use.
//!
//! An app declares what it needs ([`App::requires`](crate::App::requires)); the server compares at boot, so a
//! missing capability is known before the first request and not on the ten-thousandth. Asking at run time for one
//! that isn't there gives [`NotSupported`], never a panic or a silent success.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A set of optional server capabilities.
///
/// # Examples
///
/// ```
/// use rsgi_core::Capabilities;
///
/// let needs = Capabilities::UPGRADE | Capabilities::TRAILERS;
/// assert!(needs.contains(Capabilities::UPGRADE));
/// assert_eq!(needs.missing_in(Capabilities::UPGRADE), Capabilities::TRAILERS);
/// assert_eq!(Capabilities::TRAILERS.to_string(), "trailers");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capabilities(u32);

impl Capabilities {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// Response trailers can reach the client (RFC 9110 section 6.5).
    pub const TRAILERS: Self = Self(1);
    /// Informational responses such as 103 can be sent (RFC 9110 section 15.2, RFC 8297).
    pub const INFORMATIONAL: Self = Self(1 << 1);
    /// The byte stream can be taken over: HTTP/1 Upgrade or extended CONNECT (RFC 9110 section 7.8, RFC 8441).
    pub const UPGRADE: Self = Self(1 << 2);
    /// The request can be read while the answer is being written.
    pub const DUPLEX: Self = Self(1 << 3);
    /// A file body may be sent by the operating system without passing through the process.
    pub const SENDFILE: Self = Self(1 << 4);
    /// Peers on unix sockets are given as such, with their credentials where the system tells them.
    pub const UNIX_PEER: Self = Self(1 << 5);
    /// The facts of a TLS connection are given ([`Environ::tls`](crate::Environ::tls)).
    pub const TLS: Self = Self(1 << 6);
    /// HTTP/2 is spoken.
    pub const HTTP2: Self = Self(1 << 7);
    /// A tokio runtime's handle is entered wherever app and body are polled.
    pub const TOKIO: Self = Self(1 << 8);

    const NAMES: [(Self, &'static str); 9] = [
        (Self::TRAILERS, "trailers"),
        (Self::INFORMATIONAL, "informational"),
        (Self::UPGRADE, "upgrade"),
        (Self::DUPLEX, "duplex"),
        (Self::SENDFILE, "sendfile"),
        (Self::UNIX_PEER, "unix-peer"),
        (Self::TLS, "tls"),
        (Self::HTTP2, "http2"),
        (Self::TOKIO, "tokio"),
    ];

    /// Tells whether every capability of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns what of this set `offered` lacks.
    #[must_use]
    pub const fn missing_in(self, offered: Self) -> Self {
        Self(self.0 & !offered.0)
    }

    /// Returns the union of both sets; `const`, unlike `|`.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for Capabilities {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("none");
        }
        let mut separator = "";
        for (capability, name) in Self::NAMES {
            if self.contains(capability) {
                write!(formatter, "{separator}{name}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Capabilities({self})")
    }
}

/// The server can't do what was asked of it.
///
/// Known before use from [`Server::capabilities`](crate::Server::capabilities), and at boot if the app
/// declares the need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSupported {
    missing: Capabilities,
    reason: &'static str,
}

impl NotSupported {
    /// Says that `missing` isn't there, and why in a few words.
    #[must_use]
    pub const fn new(missing: Capabilities, reason: &'static str) -> Self {
        Self { missing, reason }
    }

    /// The capability that was asked for.
    #[must_use]
    pub const fn missing(&self) -> Capabilities {
        self.missing
    }
}

impl fmt::Display for NotSupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} not supported: {}", self.missing, self.reason)
    }
}

impl std::error::Error for NotSupported {}
