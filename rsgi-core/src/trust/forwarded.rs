//! `Forwarded`: the standard field in which proxies tell about their client (RFC 7239).
//!
//! An element is taken as the standard writes it, quoting and all; the one liberty is white space round the
//! semicolons, which some proxies write and which can't mean anything else. An address with a colon must be
//! quoted (section 6): unquoted it is malformed, and so ends the walk.
//!
//! Invariant: a line whose quotes don't close has no elements at all. Otherwise a client could open a quote
//! in its own element and so swallow what a proxy appends.

use std::borrow::Cow;
use std::ops::ControlFlow;

use http::HeaderMap;
use http::header::FORWARDED;

use super::walk::{Walk, is_host, scheme};
use super::{Client, Trust, Trusted};

/// What one element says, each part at most once (section 4).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) node: Option<Cow<'a, str>>,
    pub(super) proto: Option<Cow<'a, str>>,
    pub(super) host: Option<Cow<'a, str>>,
    by: Option<Cow<'a, str>>,
}

/// Walks the elements of all `Forwarded` lines from the right.
///
/// Scheme and host come from the leftmost element taken that has them: it is the one nearest to the client.
pub(super) fn resolve<'a>(policy: &Trust, headers: &'a HeaderMap, trusted: &mut Trusted<'a>) {
    let mut walk = Walk::new(policy);
    for line in headers.get_all(FORWARDED).iter().rev() {
        let Some(elements) = elements(line.as_bytes()) else {
            let _ = walk.step(None, trusted);
            return;
        };
        for element in elements.into_iter().rev() {
            if let ControlFlow::Break(()) = take(element, &mut walk, trusted) {
                return;
            }
        }
    }
}

fn take<'a>(element: &'a [u8], walk: &mut Walk<'_>, trusted: &mut Trusted<'a>) -> ControlFlow<()> {
    let Some(element) = Element::parse(element) else {
        return walk.step(None, trusted);
    };
    if let Some(scheme) = element.proto.and_then(|proto| scheme(&proto)) {
        trusted.scheme = scheme;
    }
    if let Some(host) = element.host.filter(|host| is_host(host)) {
        trusted.host = Some(host);
    }
    walk.step(element.node.and_then(|node| Client::from_node(&node)), trusted)
}

impl<'a> Element<'a> {
    /// `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )`
    pub(super) fn parse(mut rest: &'a [u8]) -> Option<Self> {
        let mut element = Self::default();
        loop {
            rest = rest.trim_ascii_start();
            match rest {
                [] => return Some(element),
                [b';', after @ ..] => rest = after,
                _ => {
                    let (name, value, after) = pair(rest)?;
                    element.set(name, value)?;
                    rest = after.trim_ascii_start();
                    if !matches!(rest, [] | [b';', ..]) {
                        return None;
                    }
                }
            }
        }
    }

    /// Keeps a value; a name may come once. Parameters that the standard leaves to extensions are passed
    /// over.
    fn set(&mut self, name: &[u8], value: Cow<'a, str>) -> Option<()> {
        let place = match () {
            () if name.eq_ignore_ascii_case(b"for") => &mut self.node,
            () if name.eq_ignore_ascii_case(b"proto") => &mut self.proto,
            () if name.eq_ignore_ascii_case(b"host") => &mut self.host,
            () if name.eq_ignore_ascii_case(b"by") => &mut self.by,
            () => return Some(()),
        };
        place.replace(value).is_none().then_some(())
    }
}

/// Splits a line at the commas outside of quotes. Empty elements are dropped (RFC 9110 section 5.6.1.2);
/// `None` if a quote stays open.
fn elements(line: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, &byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                found.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&line[start..]);
    found.retain(|element| !element.trim_ascii().is_empty());
    if quoted { None } else { Some(found) }
}

/// `forwarded-pair = token "=" ( token / quoted-string )`, and what follows it.
fn pair(text: &[u8]) -> Option<(&[u8], Cow<'_, str>, &[u8])> {
    let (name, rest) = token(text)?;
    let rest = rest.strip_prefix(b"=")?;
    let (value, rest) = if let Some(inner) = rest.strip_prefix(b"\"") {
        quoted_string(inner)?
    } else {
        let (value, rest) = token(rest)?;
        (Cow::Borrowed(str::from_utf8(value).ok()?), rest)
    };
    Some((name, value, rest))
}

/// `token = 1*tchar`, RFC 9110 section 5.6.2.
fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.iter().position(|&byte| !is_tchar(byte)).unwrap_or(text.len());
    if end == 0 { None } else { Some(text.split_at(end)) }
}

/// Reads to the closing quote, RFC 9110 section 5.6.4; copies only if there is an escape in it.
fn quoted_string(text: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let mut escaped = false;
    let end = text.iter().position(|&byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => byte == b'"',
    })?;
    let value = str::from_utf8(&text[..end]).ok()?;
    let rest = &text[end + 1..];
    if !value.contains('\\') {
        return Some((Cow::Borrowed(value), rest));
    }
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    Some((Cow::Owned(plain), rest))
}
