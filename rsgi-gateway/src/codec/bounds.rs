//! What a codec may hold of what a peer sends.
//!
//! Invariant: every bound is finite. Next: the protocols.

use rsgi_core::server::Limits;

/// Bounds what one connection may make a codec hold.
///
/// # Examples
///
/// ```
/// use rsgi_core::server::Config;
/// use rsgi_gateway::codec::Bounds;
///
/// let bounds = Bounds::of(&Config::new().limits);
/// assert_eq!(bounds.variables_bytes, 64 * 1024);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Bytes of all variables of a request, names and values. Over it: 431. Default: the setting `limits.head_bytes`.
    pub variables_bytes: usize,
    /// Variables of a request. Over it: 431. Default: 1,000, as Gunicorn has it for uwsgi.
    pub variables: usize,
    /// Requests under way at once on a connection. Over it: the request is refused. Default: the setting
    /// `limits.http2.concurrent_streams`.
    pub requests: usize,
}

impl Bounds {
    /// The bounds that a server's limits come to.
    #[must_use]
    pub fn of(limits: &Limits) -> Self {
        Self {
            variables_bytes: limits.head_bytes,
            variables: VARIABLES,
            requests: limits.http2.concurrent_streams.try_into().unwrap_or(usize::MAX),
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::of(&Limits::default())
    }
}

/// The web server's own variables come beside one for each field, of which `header_count` bounds the number.
const VARIABLES: usize = 1000;
