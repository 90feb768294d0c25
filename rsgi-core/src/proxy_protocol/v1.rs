//! Version 1: one line of text of at most 107 bytes, `PROXY TCP4 192.0.2.7 198.51.100.1 5000 443` and CRLF.
//!
//! Section 2.1 of `proxy-protocol.txt`. Invariant: exactly one space between words and nothing else in the
//! line, but after UNKNOWN, where the sender may write what it likes up to the line's end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{ProxiedEnds, ProxyError, ProxyErrorKind, ProxyHeader, ProxyStatus, Tlvs};

pub(super) fn parse(bytes: &[u8]) -> Result<ProxyStatus<'_>, ProxyError> {
    let seen = bytes.len().min(START.len());
    if bytes[..seen] != START[..seen] {
        return Err(ProxyErrorKind::NoHeader.into());
    }
    let window = &bytes[..bytes.len().min(LINE_BYTES_MOST)];
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if window.len() == LINE_BYTES_MOST {
            Err(ProxyErrorKind::TooLong.into())
        } else {
            Ok(ProxyStatus::Partial)
        };
    };
    let words = str::from_utf8(&window[START.len()..end]).map_err(|_| ProxyErrorKind::MalformedLine)?;
    let ends = match words.split_once(' ') {
        Some(("TCP4", rest)) => Some(ends(rest, |word| word.parse::<Ipv4Addr>().ok().map(IpAddr::from))?),
        Some(("TCP6", rest)) => Some(ends(rest, |word| word.parse::<Ipv6Addr>().ok().map(IpAddr::from))?),
        Some(("UNKNOWN", _)) => None,
        None if words == "UNKNOWN" => None,
        Some(_) | None => return Err(ProxyErrorKind::UnknownFamily.into()),
    };
    Ok(ProxyStatus::Complete { consumed: end + 2, header: ProxyHeader { ends, tlvs: Tlvs::NONE } })
}

fn ends(text: &str, address: fn(&str) -> Option<IpAddr>) -> Result<ProxiedEnds, ProxyErrorKind> {
    let mut words = text.split(' ');
    let mut word = || words.next().ok_or(ProxyErrorKind::MalformedLine);
    let (peer, local, peer_port, local_port) = (word()?, word()?, word()?, word()?);
    if words.next().is_some() {
        return Err(ProxyErrorKind::MalformedLine);
    }
    let end = |ip: &str, number: &str| {
        let ip = address(ip).ok_or(ProxyErrorKind::BadAddress)?;
        Ok(SocketAddr::new(ip, port(number).ok_or(ProxyErrorKind::BadPort)?).into())
    };
    Ok(ProxiedEnds { peer: end(peer, peer_port)?, local: end(local, local_port)? })
}

fn port(word: &str) -> Option<u16> {
    let plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    if plain { word.parse().ok() } else { None }
}

const START: &[u8] = b"PROXY ";

/// "So a 108-byte buffer is always enough to store all the line and a trailing zero."
const LINE_BYTES_MOST: usize = 107;
