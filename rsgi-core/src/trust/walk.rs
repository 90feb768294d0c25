//! The walk from the nearest hop outwards, and the checks of what trusted hops say about scheme and host.
//!
//! Which fields the elements come from is not known here: `forwarded.rs` and `x_forwarded.rs` feed it.
//!
//! Invariant: an element is taken only if the hop that wrote it is trusted; the first hop that isn't ends the
//! walk.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::{Client, Trust, Trusted};
use crate::connection::Scheme;

/// Counts elements from the right and knows when to stop.
#[derive(Debug)]
pub(super) struct Walk<'p> {
    policy: &'p Trust,
    /// Elements taken so far; each was written by a trusted hop.
    pub(super) hops: usize,
}

impl<'p> Walk<'p> {
    pub(super) fn new(policy: &'p Trust) -> Self {
        Self { policy, hops: 0 }
    }

    /// Takes what the next element to the left says about the client; `None` if it is malformed or says
    /// nothing.
    pub(super) fn step(&mut self, told: Option<Client>, trusted: &mut Trusted<'_>) -> ControlFlow<()> {
        self.hops += 1;
        trusted.client = told.unwrap_or_else(|| {
            tracing::debug!("a trusted hop's element is malformed or names no client");
            Client::Unknown
        });
        match trusted.client.ip() {
            Some(address) if self.hops < self.policy.max_hops && self.policy.trusts_address(address) => {
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        }
    }
}

/// Reads a scheme. Proxies name a websocket's by its own scheme, which is http or https underneath (RFC 6455
/// section 3); any other isn't one that this server can be reached by.
pub(super) fn scheme(text: &str) -> Option<Scheme> {
    let is = |name: &str| text.eq_ignore_ascii_case(name);
    if is("https") || is("wss") {
        Some(Scheme::Https)
    } else if is("http") || is("ws") {
        Some(Scheme::Http)
    } else {
        unusable("scheme", text)
    }
}

/// Tells whether this is `uri-host [ ":" port ]` (RFC 9110 section 7.2), with nothing that could end up in a
/// URL as anything but a host.
pub(super) fn is_host(text: &str) -> bool {
    let (host, port) = split_port(text);
    let good_port = port.is_none_or(|port| super::client::port(port).is_some());
    let good_host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.bytes().all(is_reg_name),
    };
    if good_host && good_port { true } else { unusable("host", text).unwrap_or(false) }
}

/// Logs what a trusted hop says and nobody can use; what the connection itself has then stands.
pub(super) fn unusable<T>(part: &'static str, value: &str) -> Option<T> {
    tracing::debug!(part, ?value, "a trusted hop names one that can't be");
    None
}

/// Puts the port that the client used behind the host, unless it is the scheme's own or one is there already.
pub(super) fn with_port(host: Cow<'_, str>, port: u16, scheme: Scheme) -> Cow<'_, str> {
    let own = if scheme == Scheme::Https { 443 } else { 80 };
    if port == own || split_port(&host).1.is_some() { host } else { Cow::Owned(format!("{host}:{port}")) }
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

/// `reg-name` of RFC 3986 section 3.2.2, escapes taken byte by byte.
fn is_reg_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}
