//! The grammar of hosts and targets, as far as it is certain: what surely may be sent, what surely may not.
//!
//! The middle is left open on purpose ([`Judgement::Open`]): which odd bytes a URI may hold is the business of
//! `http::Uri`, and a model of that would be a copy of it.
//!
//! Invariant: what is called sound or broken here is so by RFC 3986 and RFC 9112 3.2 alone. Next: `head_model.rs`.

use std::net::Ipv6Addr;

/// What the grammar says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It must be taken.
    Sound,
    /// It must be refused.
    Broken,
    /// A server may do either.
    Open,
}

/// Judges a Host field's value: `uri-host [ ":" port ]`, or empty (RFC 9112 3.2).
pub fn judge_host(value: &[u8]) -> Judgement {
    if value.is_empty() {
        return Judgement::Sound;
    }
    if value[0] == b'[' {
        return judge_literal(value);
    }
    let (name, port) = match value.iter().position(|byte| *byte == b':') {
        Some(colon) => (&value[..colon], Some(&value[colon + 1..])),
        None => (value, None),
    };
    if name.is_empty() || !is_registered_name(name) || port.is_some_and(|port| !is_port(port)) {
        Judgement::Broken
    } else {
        Judgement::Sound
    }
}

/// Judges a target for its method (RFC 9112 3.2).
pub fn judge_target(method: &[u8], target: &[u8]) -> Judgement {
    if target.contains(&b'#') {
        return Judgement::Broken;
    }
    let begins_with =
        |start: &[u8]| target.get(..start.len()).is_some_and(|it| it.eq_ignore_ascii_case(start));
    if method == b"CONNECT" {
        return judge_authority(target);
    }
    if target == b"*" {
        return if method == b"OPTIONS" { Judgement::Sound } else { Judgement::Broken };
    }
    if target[0] == b'/' {
        return if target.iter().all(|byte| is_path_or_query(*byte)) {
            Judgement::Sound
        } else {
            Judgement::Open
        };
    }
    if !begins_with(b"http://") {
        // Other schemes, and what is no URI at all.
        let has_scheme = target.windows(3).any(|window| window == b"://");
        return if has_scheme { Judgement::Open } else { Judgement::Broken };
    }
    let rest = &target[7..];
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.is_empty() || authority.contains(&b'@') {
        return Judgement::Broken;
    }
    let is_plain = authority.iter().all(u8::is_ascii_alphanumeric);
    let is_path = path.first() == Some(&b'/') && path.iter().all(|byte| is_path_or_query(*byte));
    if is_plain && is_path { Judgement::Sound } else { Judgement::Open }
}

/// Judges what CONNECT names: `host ":" port`.
fn judge_authority(target: &[u8]) -> Judgement {
    let Some(colon) = target.iter().rposition(|byte| *byte == b':') else { return Judgement::Broken };
    let (name, port) = (&target[..colon], &target[colon + 1..]);
    if port.is_empty() || !is_port(port) || name.is_empty() || target.contains(&b'@') {
        return Judgement::Broken;
    }
    if name.iter().all(u8::is_ascii_alphanumeric) { Judgement::Sound } else { Judgement::Open }
}

fn judge_literal(value: &[u8]) -> Judgement {
    let Some(end) = value.iter().position(|byte| *byte == b']') else { return Judgement::Broken };
    let (literal, rest) = (&value[1..end], &value[end + 1..]);
    if !(rest.is_empty() || rest[0] == b':' && is_port(&rest[1..])) {
        return Judgement::Broken;
    }
    if matches!(literal.first(), Some(b'v' | b'V')) {
        return Judgement::Open;
    }
    let address = std::str::from_utf8(literal).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
    if address.is_some() { Judgement::Sound } else { Judgement::Broken }
}

/// `*DIGIT`, at most 65535.
fn is_port(digits: &[u8]) -> bool {
    let mut number = 0_u32;
    digits.iter().all(|digit| {
        number = number.saturating_mul(10).saturating_add(u32::from(digit.wrapping_sub(b'0')));
        digit.is_ascii_digit() && number <= 65_535
    })
}

fn is_registered_name(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if name[at] == b'%' {
            let digits = name.get(at + 1..at + 3);
            if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                return false;
            }
            at += 3;
        } else if is_unreserved_or_delimiter(name[at]) {
            at += 1;
        } else {
            return false;
        }
    }
    true
}

fn is_path_or_query(byte: u8) -> bool {
    is_unreserved_or_delimiter(byte) || b":@/?%".contains(&byte)
}

fn is_unreserved_or_delimiter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_literals_and_ports() {
        for sound in ["", "a", "a:80", "a:", "a%20b", "[::1]", "[::1]:80", "127.0.0.1"] {
            assert_eq!(judge_host(sound.as_bytes()), Judgement::Sound, "{sound}");
        }
        for broken in [":80", "a b", "a:65536", "a:b", "a%2", "[::1", "[::1]x", "[1]", "a@b", "a/b"] {
            assert_eq!(judge_host(broken.as_bytes()), Judgement::Broken, "{broken}");
        }
    }

    #[test]
    fn each_method_has_its_forms_of_target() {
        let judge = |method: &str, target: &str| judge_target(method.as_bytes(), target.as_bytes());
        assert_eq!(judge("GET", "/a?b"), Judgement::Sound);
        assert_eq!(judge("GET", "http://a/"), Judgement::Sound);
        assert_eq!(judge("CONNECT", "a:1"), Judgement::Sound);
        assert_eq!(judge("OPTIONS", "*"), Judgement::Sound);
        assert_eq!(judge("GET", "/{"), Judgement::Open);
        for (method, target) in [
            ("GET", "*"),
            ("GET", "/#"),
            ("CONNECT", "/"),
            ("CONNECT", "a"),
            ("GET", "a:1"),
            ("GET", "http://u@a/"),
        ] {
            assert_eq!(judge(method, target), Judgement::Broken, "{method} {target}");
        }
    }
}
