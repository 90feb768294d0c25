//! What can be wrong with what a peer sends, in words for the log.
//!
//! Next: the protocols, which find it.

use std::fmt;

/// Why a connection's bytes can't be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    kind: MalformedKind,
    found: String,
}

/// The rule that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MalformedKind {
    /// The peer speaks HTTP.
    PlainHttp,
    /// The peer begins a TLS handshake.
    Tls,
    /// The protocol's version, or its first byte, is another's.
    Version,
    /// A length that can't be, or doesn't fit what it is the length of.
    Length,
    /// A record, a packet or a byte that may not come here.
    Unexpected,
    /// A packet of a kind that this server has no use for and can't skip (uwsgi's other modifiers).
    Modifier,
}

impl Malformed {
    /// Names the rule, and what was found instead.
    pub fn new(kind: MalformedKind, found: impl Into<String>) -> Self {
        Self { kind, found: found.into() }
    }

    /// The rule that was broken.
    #[must_use]
    pub fn kind(&self) -> MalformedKind {
        self.kind
    }

    /// What `first` bytes are that no gateway protocol begins with, if they are known.
    #[must_use]
    pub fn stranger(first: &[u8]) -> Option<Self> {
        const METHODS: [&[u8]; 8] = [b"GET ", b"POST", b"HEAD", b"PUT ", b"DELE", b"OPTI", b"PATC", b"PRI "];
        if METHODS.iter().any(|method| first.starts_with(method)) {
            return Some(Self::new(MalformedKind::PlainHttp, "an HTTP request"));
        }
        first.starts_with(&[0x16, 0x03]).then(|| Self::new(MalformedKind::Tls, "a TLS handshake"))
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, found } = self;
        match kind {
            MalformedKind::PlainHttp => {
                write!(
                    formatter,
                    "{found}: have the web server pass requests on by this protocol, or serve HTTP here"
                )
            }
            MalformedKind::Tls => write!(formatter, "{found}: this protocol has no TLS"),
            MalformedKind::Version => write!(formatter, "not this protocol, or not its version: {found}"),
            MalformedKind::Length => write!(formatter, "a wrong length: {found}"),
            MalformedKind::Unexpected => write!(formatter, "not expected here: {found}"),
            MalformedKind::Modifier => {
                write!(formatter, "a packet of another kind than requests and pings: {found}")
            }
        }
    }
}

impl std::error::Error for Malformed {}
