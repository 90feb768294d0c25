//! What an application may know of the TLS session its request came over.
//!
//! Facts only: the handshake belongs to the adapter, and core links no TLS library. A request without TLS has
//! no `Tls` at all, so its presence answers "was it encrypted on the last hop?".
//!
//! Invariant: certificates are the client's own, in DER, leaf first, and only those that the adapter's
//! verifier accepted. Where next: the environ, which carries this, and its `SSL_*` variables.

use std::borrow::Cow;

use bytes::Bytes;

/// Tells the TLS session of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// The protocol version both sides agreed on.
    pub version: TlsVersion,
    /// The cipher suite's IANA name, such as `TLS_AES_128_GCM_SHA256`.
    pub cipher: Cow<'static, str>,
    /// The server name that the client asked for (RFC 6066 section 3). A client may send none.
    pub sni: Option<String>,
    /// The application protocol agreed by ALPN (RFC 7301), such as `h2`: bytes, as the registry has them.
    pub alpn: Option<Bytes>,
    /// The client's certificates in DER, leaf first; empty when it showed none.
    pub client_certificates: Vec<Bytes>,
    /// Whether this request came as early data, which an attacker can replay (RFC 8470).
    pub early_data: bool,
}

/// A version of the TLS protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
    /// Any other, by the number it has on the wire.
    Other(u16),
}

impl Tls {
    /// Starts from the two facts that every session has.
    ///
    /// # Examples
    ///
    /// ```
    /// use rsgi_core::{Tls, TlsVersion};
    ///
    /// let tls = Tls::new(TlsVersion::V1_3, "TLS_AES_128_GCM_SHA256").with_sni("example.com");
    /// assert_eq!(tls.version.as_str(), "TLSv1.3");
    /// ```
    pub fn new(version: TlsVersion, cipher: impl Into<Cow<'static, str>>) -> Self {
        Self {
            version,
            cipher: cipher.into(),
            sni: None,
            alpn: None,
            client_certificates: Vec::new(),
            early_data: false,
        }
    }

    /// Adds the server name the client asked for.
    #[must_use]
    pub fn with_sni(mut self, name: impl Into<String>) -> Self {
        self.sni = Some(name.into());
        self
    }

    /// Adds the protocol agreed by ALPN.
    #[must_use]
    pub fn with_alpn(mut self, protocol: impl Into<Bytes>) -> Self {
        self.alpn = Some(protocol.into());
        self
    }

    /// Adds the client's verified certificates, DER, leaf first.
    #[must_use]
    pub fn with_client_certificates(mut self, certificates: impl IntoIterator<Item = Bytes>) -> Self {
        self.client_certificates = certificates.into_iter().collect();
        self
    }

    /// Marks the request as early data.
    #[must_use]
    pub fn with_early_data(mut self) -> Self {
        self.early_data = true;
        self
    }
}

impl TlsVersion {
    /// Returns the name that `SSL_PROTOCOL` has in a CGI environment; `TLS` for a version without one here.
    pub fn as_str(self) -> &'static str {
        match self {
            // No adapter speaks them; a web server before one may.
            Self::Other(0x0300) => "SSLv3",
            Self::Other(0x0301) => "TLSv1",
            Self::Other(0x0302) => "TLSv1.1",
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
            Self::Other(_) => "TLS",
        }
    }
}
