//! What a codec may hold of what a peer sends.
//!
//! Invariant: every bound is finite. Next: the protocols.

use http::StatusCode;
use rsgi_core::server::Limits;

use super::{Event, RequestId};

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
    /// Connections to the server, for a web server that asks (FastCGI's `GET_VALUES`). Default: the setting
    /// `limits.connections`.
    pub connections: usize,
}

/// What is left of the bounds on a request's variables.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: usize,
    variables: usize,
}

/// A request that isn't served, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    reason: &'static str,
}

impl Bounds {
    /// The bounds that a server's limits come to.
    #[must_use]
    pub fn of(limits: &Limits) -> Self {
        Self {
            variables_bytes: limits.head_bytes,
            variables: VARIABLES,
            requests: limits.http2.concurrent_streams.try_into().unwrap_or(usize::MAX),
            connections: limits.connections,
        }
    }

    /// How many bytes variables may take on the wire, where each has `overhead` bytes beside its name and value.
    pub(crate) fn encoded(&self, overhead: usize) -> usize {
        self.variables_bytes.saturating_add(self.variables.saturating_mul(overhead))
    }

    /// The room for one request's variables.
    pub(crate) fn room(&self) -> Room {
        Room { bytes: self.variables_bytes, variables: self.variables }
    }
}

impl Room {
    /// Takes the room for a variable whose name and value have so many bytes together.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.variables = self.variables.checked_sub(1).ok_or(Refusal::TOO_MANY)?;
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Refusal::TOO_LARGE)?;
        Ok(())
    }
}

impl Refusal {
    pub(crate) const TOO_LARGE: Self = Self {
        status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        reason: "the variables are larger than the setting limits.head_bytes allows",
    };
    const TOO_MANY: Self =
        Self { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason: "too many variables" };

    /// A request that the web server encoded wrongly.
    pub(crate) const fn bad(reason: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason }
    }

    /// Content of a length that nobody told.
    pub(crate) const fn length_required(reason: &'static str) -> Self {
        Self { status: StatusCode::LENGTH_REQUIRED, reason }
    }

    /// As an event.
    pub(crate) fn of(self, id: RequestId) -> Event {
        Event::Refused { id, status: self.status, reason: self.reason }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::of(&Limits::default())
    }
}

/// The web server's own variables come beside one for each field, of which `header_count` bounds the number.
const VARIABLES: usize = 1000;
