//! How a request's body is delimited, and what the connection does after it: RFC 9112 section 6 and 9.3 alone.
//!
//! The fields that decide are looked at once, while the head's map is filled ([`Deciding::note`]), and judged when
//! all were seen ([`Deciding::judge`]). No other place of the crate reads Content-Length, Transfer-Encoding,
//! Connection or Expect of a request. Not here: decoding (`body.rs`, `chunked.rs`).
//!
//! Invariant: a head that two parsers could delimit differently is refused, never repaired.
//! Next: `head.rs`.

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Version};

use super::Reject;
use super::target::check_host_field;

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// There is no body.
    None,
    /// The body has this many bytes; 0 was said by the client.
    Length(u64),
    /// The body is chunked.
    Chunked,
}

/// What happens to the connection after this request, as far as the client has a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Persistence {
    /// It may carry another request.
    KeepAlive,
    /// It is closed after the answer.
    Close,
}

/// Whether the client waits for `100 Continue` before it sends the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expectation {
    /// It doesn't wait; also where it said so on HTTP/1.0 or without a body (RFC 9110 10.1.1).
    None,
    /// It waits.
    Continue,
}

/// Whether the client offers another protocol; [`offered_protocols`] names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpgradeOffer {
    /// It doesn't, or only in a way that RFC 9110 7.8 tells to ignore: on 1.0, or not listed in Connection.
    None,
    /// It does.
    Offered,
}

/// Whether the client takes a trailer section (`TE: trailers`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrailerSupport {
    /// It didn't say so, or speaks HTTP/1.0.
    Unsaid,
    /// It does.
    Accepted,
}

/// Returns the protocols that an Upgrade field offers, in the client's order.
///
/// Only meaningful where the head says [`UpgradeOffer::Offered`].
pub fn offered_protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::UPGRADE).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).filter_map(|member| {
        let member = member.trim_matches([' ', '\t']);
        (!member.is_empty()).then_some(member)
    })
}

/// The verdict over a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) framing: Framing,
    pub(super) persistence: Persistence,
    pub(super) expectation: Expectation,
    pub(super) upgrade: UpgradeOffer,
    pub(super) trailers: TrailerSupport,
}

/// What the fields seen so far say.
#[derive(Debug, Default)]
pub(super) struct Deciding {
    hosts: Seen,
    content_length: Option<u64>,
    coding: Coding,
    connection: ConnectionOptions,
    expect: Expect,
    upgrade: Seen,
    te_trailers: Seen,
}

/// How often a field was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Seen {
    #[default]
    Never,
    Once,
}

/// The transfer codings so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    Unset,
    Chunked,
    Broken(Reject),
}

/// The options of all Connection fields.
#[derive(Clone, Copy, Debug, Default)]
struct ConnectionOptions {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

/// What Expect says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expect {
    #[default]
    Nothing,
    Continue,
    Unknown,
}

impl Deciding {
    /// Looks at one field; returns its name where it is one of the deciding ones.
    ///
    /// Told apart by length and letters, which costs a tenth of parsing a name (bench `codec`).
    #[inline]
    pub(super) fn note(&mut self, name: &[u8], value: &[u8]) -> Result<Option<HeaderName>, Reject> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is(b"host") => {
                if self.hosts == Seen::Once {
                    return Err(Reject::RepeatedHost);
                }
                self.hosts = Seen::Once;
                check_host_field(value)?;
                Ok(Some(header::HOST))
            }
            2 if is(b"te") => {
                if members(value).any(|member| member.eq_ignore_ascii_case(b"trailers")) {
                    self.te_trailers = Seen::Once;
                }
                Ok(Some(header::TE))
            }
            6 if is(b"expect") => {
                self.expect = self.expect.then(value);
                Ok(Some(header::EXPECT))
            }
            7 if is(b"upgrade") => {
                self.upgrade = Seen::Once;
                Ok(Some(header::UPGRADE))
            }
            10 if is(b"connection") => {
                self.connection.note(value);
                Ok(Some(header::CONNECTION))
            }
            14 if is(b"content-length") => {
                let length = parse_length(value).ok_or(Reject::InvalidContentLength)?;
                match self.content_length.replace(length) {
                    None => Ok(Some(header::CONTENT_LENGTH)),
                    Some(_) => Err(Reject::RepeatedContentLength),
                }
            }
            17 if is(b"transfer-encoding") => {
                self.coding = self.coding.then(value);
                Ok(Some(header::TRANSFER_ENCODING))
            }
            _ => Ok(None),
        }
    }

    /// Judges the whole head.
    #[inline]
    pub(super) fn judge(&self, method: &Method, version: Version) -> Result<Verdict, Reject> {
        let is_11 = version == Version::HTTP_11;
        if is_11 && self.hosts == Seen::Never {
            return Err(Reject::MissingHost);
        }
        let framing = self.framing(version)?;
        if *method == Method::CONNECT && !matches!(framing, Framing::None | Framing::Length(0)) {
            return Err(Reject::ContentOnConnect);
        }
        let expectation = match self.expect {
            Expect::Unknown if is_11 => return Err(Reject::UnknownExpectation),
            Expect::Continue if is_11 && !matches!(framing, Framing::None | Framing::Length(0)) => {
                Expectation::Continue
            }
            _ => Expectation::None,
        };
        let offers = is_11 && self.upgrade == Seen::Once && self.connection.upgrade;
        let takes_trailers = is_11 && self.te_trailers == Seen::Once;
        Ok(Verdict {
            framing,
            persistence: self.connection.persistence(version),
            expectation,
            upgrade: if offers { UpgradeOffer::Offered } else { UpgradeOffer::None },
            trailers: if takes_trailers { TrailerSupport::Accepted } else { TrailerSupport::Unsaid },
        })
    }

    /// RFC 9112 6.3, for requests.
    #[inline]
    fn framing(&self, version: Version) -> Result<Framing, Reject> {
        match (self.coding, self.content_length) {
            (Coding::Unset, None) => Ok(Framing::None),
            (Coding::Unset, Some(length)) => Ok(Framing::Length(length)),
            _ if version != Version::HTTP_11 => Err(Reject::TransferEncodingOnHttp10),
            (_, Some(_)) => Err(Reject::TransferEncodingWithContentLength),
            (Coding::Chunked, None) => Ok(Framing::Chunked),
            (Coding::Broken(reject), None) => Err(reject),
        }
    }
}

impl Coding {
    /// Takes the members of one more Transfer-Encoding field.
    fn then(self, value: &[u8]) -> Self {
        members(value).fold(self, |coding, member| {
            let is_chunked = member.eq_ignore_ascii_case(b"chunked");
            match coding {
                Self::Unset if is_chunked => Self::Chunked,
                // The first fault stays, except that a list's end decides about the codings before chunked.
                Self::Unset | Self::Broken(Reject::TransferEncodingNotChunked) if is_plain_coding(member) => {
                    Self::Broken(Reject::TransferEncodingNotChunked)
                }
                Self::Broken(Reject::TransferEncodingNotChunked) if is_chunked => {
                    Self::Broken(Reject::UnsupportedTransferCoding)
                }
                Self::Chunked | Self::Broken(Reject::UnsupportedTransferCoding) if is_chunked => {
                    Self::Broken(Reject::ChunkedRepeated)
                }
                Self::Chunked | Self::Broken(Reject::UnsupportedTransferCoding)
                    if is_plain_coding(member) =>
                {
                    Self::Broken(Reject::TransferEncodingNotChunked)
                }
                broken @ Self::Broken(Reject::ChunkedRepeated | Reject::MalformedTransferEncoding) => broken,
                _ => Self::Broken(Reject::MalformedTransferEncoding),
            }
        })
    }
}

impl Expect {
    /// Takes the members of one more Expect field.
    fn then(self, value: &[u8]) -> Self {
        members(value).filter(|member| !member.is_empty()).fold(self, |expect, member| {
            let is_continue = expect != Self::Unknown && member.eq_ignore_ascii_case(b"100-continue");
            if is_continue { Self::Continue } else { Self::Unknown }
        })
    }
}

impl ConnectionOptions {
    fn note(&mut self, value: &[u8]) {
        for option in members(value) {
            match option.len() {
                5 => self.close |= option.eq_ignore_ascii_case(b"close"),
                10 => self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive"),
                7 => self.upgrade |= option.eq_ignore_ascii_case(b"upgrade"),
                _ => {}
            }
        }
    }

    /// RFC 9112 9.3: close wins, 1.1 persists by default, 1.0 on demand.
    fn persistence(self, version: Version) -> Persistence {
        if !self.close && (version == Version::HTTP_11 || self.keep_alive) {
            Persistence::KeepAlive
        } else {
            Persistence::Close
        }
    }
}

/// The members of a comma-separated list, white space round them removed; empty ones included.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(|member| {
        let start = member.iter().position(|byte| !is_blank(*byte)).unwrap_or(member.len());
        let end = member.iter().rposition(|byte| !is_blank(*byte)).map_or(start, |last| last + 1);
        &member[start..end]
    })
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// A coding's name without parameters, other than chunked.
fn is_plain_coding(member: &[u8]) -> bool {
    !member.is_empty()
        && member.iter().all(|byte| super::diagnose::is_token(*byte))
        && !member.eq_ignore_ascii_case(b"chunked")
}

/// `1*DIGIT` that fits 64 bits; no sign, no list, no blanks.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        length.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
