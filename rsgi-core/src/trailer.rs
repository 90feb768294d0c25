//! Which names may not travel in a trailer (RFC 9110 section 6.5.1), for answers and requests alike, and what is left of a
//! request's.

use http::header::{self, HeaderMap, HeaderName};

use crate::fields::is_hop_by_hop;

/// Tells whether a field may not be a trailer: framing, routing, authentication, request modifiers, and what says
/// how to process the content.
#[must_use]
pub fn is_forbidden(name: &HeaderName) -> bool {
    const NAMES: [HeaderName; 20] = [
        header::CONTENT_LENGTH,
        header::HOST,
        header::CONTENT_ENCODING,
        header::CONTENT_TYPE,
        header::CONTENT_RANGE,
        header::AUTHORIZATION,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::WWW_AUTHENTICATE,
        header::SET_COOKIE,
        header::COOKIE,
        header::CACHE_CONTROL,
        header::EXPECT,
        header::MAX_FORWARDS,
        header::PRAGMA,
        header::RANGE,
        header::AGE,
        header::DATE,
        header::LOCATION,
        header::VARY,
    ];
    is_hop_by_hop(name) || NAMES.contains(name)
}

/// Takes out of a request's trailers what may not be one (RFC 9110 section 6.5.1); `None` if nothing else was sent.
pub(crate) fn allowed_trailers(mut trailers: HeaderMap) -> Option<HeaderMap> {
    let refused: Vec<_> = trailers.keys().filter(|name| is_forbidden(name)).cloned().collect();
    for name in refused {
        tracing::debug!(target: "rsgi", trailer = name.as_str(), "forbidden trailer of a request removed");
        trailers.remove(name);
    }
    (!trailers.is_empty()).then_some(trailers)
}
