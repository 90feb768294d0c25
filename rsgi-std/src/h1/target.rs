//! The request target's four forms, and the Host field.
//!
//! Decides which form of RFC 9112 3.2 a target has, turns it into `http::Uri`, and checks hosts by the grammar of
//! RFC 3986 3.2.2. It neither decodes nor normalises: what the client wrote is kept, and where `Uri` wouldn't keep it
//! (absolute-form: the scheme's case, an empty path) the raw bytes stand beside it.
//!
//! Invariant: `Target::raw` returns exactly the bytes between the request line's two spaces.
//! Next: `head.rs`, which calls this once a head.

use std::net::Ipv6Addr;

use bytes::Bytes;
use http::{Method, Uri};

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
    /// `host:port`, for CONNECT only.
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
        return match check_host(authority_of(&uri)?)? {
            // RFC 9110 9.3.6: a CONNECT without a valid port is refused.
            Port::Given => Ok((uri, Target::Authority)),
            Port::Absent => Err(Reject::InvalidTarget),
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

/// Whether a port follows the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Given,
    Absent,
}

fn check_host(authority: &[u8]) -> Result<Port, Reject> {
    split_host(authority).ok_or(Reject::InvalidTarget)
}

/// Checks a Host field's value: `uri-host [ ":" port ]`, or empty.
///
/// Empty is valid: RFC 9112 3.2 has a client send it where the target has no authority. A port alone isn't, for an
/// http URI needs a host (RFC 9110 4.2.1).
pub(super) fn check_host_field(value: &[u8]) -> Result<(), Reject> {
    if value.is_empty() {
        return Ok(());
    }
    match split_host(value) {
        Some(_) => Ok(()),
        None => Err(Reject::InvalidHost),
    }
}

/// Checks `uri-host [ ":" port ]` with a host that isn't empty; `None` if it isn't that.
///
/// One table look-up a byte: this runs for every request (bench `codec`).
fn split_host(value: &[u8]) -> Option<Port> {
    let mut length = 0;
    while let Some(byte) = value.get(length)
        && HOST[usize::from(*byte)] == PLAIN
    {
        length += 1;
    }
    match value.get(length) {
        None | Some(b':') if length > 0 => read_port(&value[length..]),
        _ => split_rare_host(value),
    }
}

/// IP literals, and names with percent signs.
#[cold]
fn split_rare_host(value: &[u8]) -> Option<Port> {
    if value.first() == Some(&b'[') {
        let end = value.iter().position(|&byte| byte == b']')?;
        return if is_ip_literal(&value[1..end]) { read_port(&value[end + 1..]) } else { None };
    }
    let length = value.iter().take_while(|&&byte| HOST[usize::from(byte)] != OTHER).count();
    let (name, rest) = value.split_at(length);
    if name.is_empty() || !has_whole_escapes(name) { None } else { read_port(rest) }
}

/// Reads `[ ":" *DIGIT ]`; a port that fits no port number is invalid, an empty one absent.
fn read_port(rest: &[u8]) -> Option<Port> {
    match rest {
        [] | [b':'] => Some(Port::Absent),
        [b':', digits @ ..] => {
            let mut port = 0_u32;
            for byte in digits {
                let digit = u32::from(byte.wrapping_sub(b'0'));
                port = port * 10 + digit;
                if digit > 9 || port > u32::from(u16::MAX) {
                    return None;
                }
            }
            Some(Port::Given)
        }
        _ => None,
    }
}

fn has_whole_escapes(name: &[u8]) -> bool {
    name.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        matches!(name.get(at + 1..at + 3), Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
    })
}

/// `IPv6address` or `IPvFuture` (RFC 3986 3.2.2).
fn is_ip_literal(literal: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(literal) else { return false };
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        return future.split_once('.').is_some_and(|(version, rest)| {
            let is_rest = |byte: u8| byte == b':' || HOST[usize::from(byte)] == PLAIN;
            !version.is_empty()
                && version.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !rest.is_empty()
                && rest.bytes().all(is_rest)
        });
    }
    text.parse::<Ipv6Addr>().is_ok()
}

/// Not in a `reg-name`.
const OTHER: u8 = 0;
/// Unreserved or sub-delims: in a `reg-name` by themselves.
const PLAIN: u8 = 1;
/// The percent sign, which needs two digits behind it.
const ESCAPE: u8 = 2;

/// What a byte is in a `reg-name` (RFC 3986 3.2.2).
static HOST: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = PLAIN;
        }
        byte += 1;
    }
    let others = b"-._~!$&'()*+,;=";
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = PLAIN;
        at += 1;
    }
    table[b'%' as usize] = ESCAPE;
    table
};
