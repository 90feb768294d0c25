//! The grammar of a Host field, once for every adapter: `uri-host [ ":" port ]` (RFC 9110 section 7.2).
//!
//! Whether a request needs one, and how many it may have, is its protocol's rule and its adapter's check; what the
//! host means is `environ/`'s.
//!
//! Invariant: what passes is a host by RFC 3986 section 3.2.2, with a port that fits a port number or without one.

use std::net::Ipv6Addr;

/// Tells whether a Host field's value, or an authority without a user's name, is right: a host, perhaps with a port.
///
/// # Contract
///
/// Empty is right: RFC 9112 section 3.2 has a client send it where the target has no authority. A port alone isn't, for
/// an http URI needs a host (RFC 9110 section 4.2.1). A port may be empty (RFC 3986 section 3.2.3) and is at most
/// 65,535. Nothing is decoded, normalised or looked up.
///
/// # Examples
///
/// ```
/// use rsgi_core::is_host_field;
///
/// assert!(is_host_field(b"example.org:8000"));
/// assert!(is_host_field(b"[::1]"));
/// assert!(!is_host_field(b"example.org:port"));
/// assert!(!is_host_field(b"user@example.org"));
/// ```
#[inline]
#[must_use]
pub fn is_host_field(value: &[u8]) -> bool {
    // One table look-up a byte: this runs for nearly every request (bench `codec`).
    let mut length = 0;
    while let Some(byte) = value.get(length)
        && PLAIN[usize::from(*byte)]
    {
        length += 1;
    }
    match value.get(length) {
        None => true,
        Some(b':') if length > 0 => is_port(&value[length + 1..]),
        _ => is_rare_host(value),
    }
}

/// IP literals, and names with escapes.
#[cold]
fn is_rare_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    if let Some((literal, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let is_rest = rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| is_port(port.as_bytes()));
        return is_rest && (literal.parse::<Ipv6Addr>().is_ok() || is_future_address(literal));
    }
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    !name.is_empty() && is_escaped_name(name.as_bytes()) && is_port(port.as_bytes())
}

/// `IPvFuture`.
fn is_future_address(literal: &str) -> bool {
    literal.strip_prefix(['v', 'V']).and_then(|future| future.split_once('.')).is_some_and(
        |(version, rest)| {
            let is_rest = |byte: u8| byte == b':' || PLAIN[usize::from(byte)];
            !version.is_empty()
                && version.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !rest.is_empty()
                && rest.bytes().all(is_rest)
        },
    )
}

/// A `reg-name` whose percent signs have two digits behind them each.
fn is_escaped_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if PLAIN[usize::from(*byte)] => rest,
            _ => return false,
        }
    }
}

/// Digits that make a port number, or none at all.
fn is_port(digits: &[u8]) -> bool {
    let mut port = 0_u32;
    for byte in digits {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return false;
        }
        port = port * 10 + digit;
        if port > u32::from(u16::MAX) {
            return false;
        }
    }
    true
}

/// Unreserved and sub-delims: the bytes that a `reg-name` has without escapes (RFC 3986 section 3.2.2).
static PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"-._~!$&'()*+,;=";
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_addresses_and_ports() {
        for good in [
            "",
            "a",
            "a.b:80",
            "127.0.0.1:8000",
            "[::1]",
            "[::1]:80",
            "[::1]:",
            "[v1.a:b]",
            "[V1f.a:b]:1",
            "a%20b",
            "%41:80",
            "a:",
            "a:00080",
            "a:65535",
            "xn--a_b~",
        ] {
            assert!(is_host_field(good.as_bytes()), "{good}");
        }
        for bad in [
            "a b",
            "a/b",
            "a@b",
            ":80",
            ":",
            "a:b",
            "a:65536",
            "a:4294967296",
            "a:80:80",
            "[::1",
            "[::1]x",
            "[1]",
            "[]",
            "[v.a]",
            "[v1.]",
            "[va]",
            "::1",
            "a%2",
            "a%",
            "%zz",
            "%20:x",
            "a,b c",
            "\u{e9}",
            "a\0",
        ] {
            assert!(!is_host_field(bad.as_bytes()), "{bad}");
        }
        assert!(!is_host_field(b"\xff"));
    }

    #[test]
    fn every_byte_is_in_a_name_or_is_not() {
        for byte in 0..=u8::MAX {
            let is_named = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
            assert_eq!(is_host_field(&[b'a', byte, b'b']), is_named, "{byte:#x}");
            assert_eq!(
                is_host_field(&[b'%', b'4', b'1', byte, b'b']),
                is_named,
                "{byte:#x} behind an escape"
            );
        }
    }
}
