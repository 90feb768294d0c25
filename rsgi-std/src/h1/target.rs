//! The request target's four forms, and the Host field.
//!
//! Decides which form of RFC 9112 3.2 a target has, turns it into `http::Uri`, and has core check its host. It neither
//! decodes nor normalises: what the client wrote is kept, and where `Uri` wouldn't keep it (absolute-form: the scheme's
//! case, an empty path) the raw bytes stand beside it.
//!
//! Invariant: `Target::raw` returns exactly the bytes between the request line's two spaces.
//! Next: `head.rs`, which calls this once a head.

use bytes::Bytes;
use http::{Method, Uri};
use rsgi_core::is_host_field;

use super::Reject;

/// The form of a request target (RFC 9112 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// `/path?query`, what nearly every request has.
    Origin,
    /// `http://host/path`, as sent to proxies; holds the target as it was sent. The Host field in the head's map is
    /// already the target's own (RFC 9112 3.2.2).
    Absolute(Bytes),
    /// `host:port`, for CONNECT only. The Host field in the head's map is already the same (RFC 9112 3.3).
    Authority,
    /// `*`, for OPTIONS only.
    Asterisk,
}

impl Target {
    /// Returns the target exactly as the client sent it; `uri` is the one from the same head.
    pub fn raw<'a>(&'a self, uri: &'a Uri) -> &'a [u8] {
        match self {
            Self::Absolute(raw) => raw,
            Self::Authority => uri.authority().map_or(&[], |authority| authority.as_str().as_bytes()),
            Self::Origin | Self::Asterisk => {
                uri.path_and_query().map_or(&[], |path| path.as_str().as_bytes())
            }
        }
    }
}

/// Reads a target; `raw` holds it alone.
#[inline]
pub(super) fn read_target(method: &Method, raw: Bytes) -> Result<(Uri, Target), Reject> {
    if raw.first() == Some(&b'/') && *method != Method::CONNECT {
        let length = raw.len();
        let Ok(uri) = Uri::from_maybe_shared(raw) else { return Err(Reject::InvalidTarget) };
        // `Uri` cuts a fragment off; what got shorter had one.
        if uri.path_and_query().map_or(0, |path| path.as_str().len()) != length {
            return Err(Reject::FragmentInTarget);
        }
        return Ok((uri, Target::Origin));
    }
    read_rare_target(method, raw)
}

/// The three forms other than origin-form.
#[cold]
fn read_rare_target(method: &Method, raw: Bytes) -> Result<(Uri, Target), Reject> {
    if raw.contains(&b'#') {
        return Err(Reject::FragmentInTarget);
    }
    let asterisk = raw[..] == *b"*";
    let is_rooted = raw.first() == Some(&b'/');
    let uri = Uri::from_maybe_shared(raw.clone()).map_err(|_| Reject::InvalidTarget)?;
    if *method == Method::CONNECT {
        if asterisk || is_rooted || uri.scheme().is_some() {
            return Err(Reject::TargetFormForMethod);
        }
        check_host(authority_of(&uri)?)?;
        // RFC 9110 9.3.6: a CONNECT without a valid port is refused.
        return if uri.port_u16().is_some() {
            Ok((uri, Target::Authority))
        } else {
            Err(Reject::InvalidTarget)
        };
    }
    if asterisk {
        let allowed = *method == Method::OPTIONS;
        return if allowed { Ok((uri, Target::Asterisk)) } else { Err(Reject::TargetFormForMethod) };
    }
    if uri.scheme().is_none() {
        // Something like `index.html` or `host:80`: no form that this method may have.
        return Err(Reject::InvalidTarget);
    }
    check_host(authority_of(&uri)?)?;
    Ok((uri, Target::Absolute(raw)))
}

/// The authority's bytes, which must hold a host and no user name.
fn authority_of(uri: &Uri) -> Result<&[u8], Reject> {
    let authority = uri.authority().ok_or(Reject::InvalidTarget)?.as_str();
    if authority.contains('@') {
        return Err(Reject::UserinfoInTarget);
    }
    // RFC 9110 4.2.1: an empty host in an http URI is refused.
    if uri.host().is_none_or(str::is_empty) {
        return Err(Reject::InvalidTarget);
    }
    Ok(authority.as_bytes())
}

/// Checks an authority that holds a host.
fn check_host(authority: &[u8]) -> Result<(), Reject> {
    if is_host_field(authority) { Ok(()) } else { Err(Reject::InvalidTarget) }
}

/// Checks a Host field's value.
#[inline]
pub(super) fn check_host_field(value: &[u8]) -> Result<(), Reject> {
    if is_host_field(value) { Ok(()) } else { Err(Reject::InvalidHost) }
}
