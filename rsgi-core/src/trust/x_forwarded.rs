//! `X-Forwarded-For` and its siblings: what proxies wrote before there was a standard, and mostly still
//! write.
//!
//! These are separate fields, so nothing ties the elements of one to those of another, and a proxy that
//! overwrites one may pass another on as its client sent it. Hence two settings that `Forwarded` doesn't
//! need: which siblings the proxies write at all, and which element of them counts.
//!
//! Invariant: a sibling that isn't named is never read.

use std::borrow::Cow;
use std::ops::ControlFlow;

use http::HeaderMap;

use super::client::port;
use super::walk::{Walk, is_host, scheme, unusable, with_port};
use super::{Client, Trust, Trusted};

/// Names the fields that trusted proxies write beside `X-Forwarded-For`.
///
/// Name a field only if *every* way in goes through a proxy that sets it: a proxy that doesn't passes on what
/// its client sent, and then the client decides.
///
/// # Examples
///
/// ```
/// use rsgi_core::trust::{ForwardedHeaders, Trust, XForwarded};
///
/// let nginx = XForwarded::FOR.with_proto().with_host();
/// let policy = Trust::new(ForwardedHeaders::X(nginx)).network("127.0.0.1".parse()?);
/// # Ok::<(), rsgi_core::server::ServeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct XForwarded {
    proto: Read,
    host: Read,
    port: Read,
    element: XElement,
}

/// Says which element of `X-Forwarded-Proto`, `-Host` and `-Port` counts when there are several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum XElement {
    /// The last one. No client can forge it if any trusted proxy writes the field, be it by overwriting or by
    /// appending, with further proxies passing it on or not.
    #[default]
    Last,
    /// The one at the same place, from the right, as the client in `X-Forwarded-For`. Only for a row of
    /// proxies of which every single one appends to every field named; without an element there, the field is
    /// ignored.
    PerHop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Read {
    No,
    Yes,
}

impl XForwarded {
    /// `X-Forwarded-For` alone.
    pub const FOR: Self = Self { proto: Read::No, host: Read::No, port: Read::No, element: XElement::Last };

    /// Reads `X-Forwarded-Proto` too.
    #[must_use]
    pub const fn with_proto(mut self) -> Self {
        self.proto = Read::Yes;
        self
    }

    /// Reads `X-Forwarded-Host` too.
    #[must_use]
    pub const fn with_host(mut self) -> Self {
        self.host = Read::Yes;
        self
    }

    /// Reads `X-Forwarded-Port` too: the port that the client connected to, for a host that names none.
    #[must_use]
    pub const fn with_port(mut self) -> Self {
        self.port = Read::Yes;
        self
    }

    /// Sets which element of the siblings counts.
    #[must_use]
    pub const fn with_element(mut self, element: XElement) -> Self {
        self.element = element;
        self
    }
}

pub(super) fn resolve<'a>(
    policy: &Trust,
    fields: XForwarded,
    headers: &'a HeaderMap,
    trusted: &mut Trusted<'a>,
) {
    let mut walk = Walk::new(policy);
    for element in from_right(headers, FOR) {
        let told = str::from_utf8(element).ok().and_then(Client::from_x_element);
        if let ControlFlow::Break(()) = walk.step(told, trusted) {
            break;
        }
    }
    let place = match fields.element {
        XElement::Last => 0,
        XElement::PerHop => walk.hops.saturating_sub(1),
    };
    let value = |read: Read, name| match read {
        Read::Yes => from_right(headers, name).nth(place).and_then(|element| str::from_utf8(element).ok()),
        Read::No => None,
    };
    if let Some(scheme) = value(fields.proto, PROTO).and_then(scheme) {
        trusted.scheme = scheme;
    }
    if let Some(host) = value(fields.host, HOST).filter(|host| is_host(host)) {
        trusted.host = Some(Cow::Borrowed(host));
    }
    if let Some(port) =
        value(fields.port, PORT).and_then(|text| port(text).or_else(|| unusable("port", text)))
    {
        trusted.host = trusted.host.take().map(|host| with_port(host, port, trusted.scheme));
    }
}

/// Returns the elements of all lines of a field from the right, without white space and without empty ones.
fn from_right<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";
const PORT: &str = "x-forwarded-port";
