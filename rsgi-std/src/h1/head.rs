//! The incremental parser of request heads: bytes in, [`RequestHead`] or the name of a broken rule out.
//!
//! `httparse` finds the parts where a head isn't of the usual shape (`quick.rs`); what it lets through (bare LF) is checked beside it, and everything that RFC 9112
//! leaves to the server (targets, Host, framing, limits) is decided here and in the files below. It does no I/O and
//! knows no clock. Values are slices of one shared buffer: a head costs no allocation of its own as long as the
//! caller gives maps back ([`HeadParser::recycle`]) and the app keeps no slice of an earlier head.
//!
//! Invariant: how the bytes were split over reads never changes the result, and each byte is looked at a bounded
//! number of times, however slowly a head comes. Next: `progress.rs` for heads in pieces, `framing.rs`, `target.rs`, `diagnose.rs`.

use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri, Version};
use httparse::Status;

use super::diagnose::{Diagnosis, diagnose};
use super::framing::{Deciding, Expectation, Framing, Persistence, TrailerSupport, UpgradeOffer};
use super::progress::{HeadProgress, Ready};
use super::quick;
use super::target::{Target, read_target};
use super::{HeadLimits, Reject};

/// A request's head, and what it says about body and connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method as sent; any token.
    pub method: Method,
    /// The target as `http` reads it.
    pub uri: Uri,
    /// The target's form; [`Target::raw`] gives it as it was sent.
    pub target: Target,
    /// 1.0 or 1.1; a higher 1.x counts as 1.1 (RFC 9110 2.5).
    pub version: Version,
    /// The fields: names in lower case, repeated ones in order, values as sent without the blanks round them.
    pub headers: HeaderMap,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether the connection may go on.
    pub persistence: Persistence,
    /// Whether the client waits for 100.
    pub expectation: Expectation,
    /// Whether the client offers another protocol.
    pub upgrade: UpgradeOffer,
    /// Whether the client takes trailers.
    pub trailers: TrailerSupport,
}

/// Parses heads; one serves any number of connections, one after the other.
#[derive(Debug)]
pub struct HeadParser {
    limits: HeadLimits,
    /// Where the fields of the present head lie; kept for its memory.
    spans: Vec<FieldSpan>,
    /// An empty map whose memory the next head takes over.
    spare: HeaderMap,
}

/// Where a field lies in the head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FieldSpan {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// The request line, and the head's length.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    method: Method,
    target: Range<usize>,
    version: Version,
    length: usize,
}

impl HeadParser {
    /// Makes a parser with these limits.
    pub fn new(limits: HeadLimits) -> Self {
        Self { limits, spans: Vec::new(), spare: HeaderMap::new() }
    }

    /// Returns the limits.
    pub fn limits(&self) -> &HeadLimits {
        &self.limits
    }

    /// Takes a map that is no longer needed, an answer's say, whose memory the next head will use.
    #[inline]
    pub fn recycle(&mut self, mut headers: HeaderMap) {
        if headers.capacity() <= RECYCLED_FIELDS {
            headers.clear();
            let before = std::mem::replace(&mut self.spare, headers);
            if before.capacity() == 0 {
                // Nothing to drop, which a drop would call three functions to find out.
                std::mem::forget(before);
            }
        }
    }

    /// Parses the head at the front of `buf`; `None` asks for more bytes.
    ///
    /// A complete head is taken off `buf`; what follows it stays. `progress` belongs to the connection and starts
    /// anew with each head by itself.
    ///
    /// # Errors
    ///
    /// The rule that was broken; the connection can't be used after it.
    #[inline]
    pub fn parse(
        &mut self,
        progress: &mut HeadProgress,
        buf: &mut BytesMut,
    ) -> Result<Option<RequestHead>, Reject> {
        if progress.is_begun() || matches!(buf.first(), None | Some(b'\r' | b'\n')) {
            let ready = progress.prepare(buf, &self.limits)?;
            if ready == Ready::NotYet {
                return Ok(None);
            }
        }
        if let Some(line) = self.scan(buf)? {
            *progress = HeadProgress::default();
            self.build(line, buf)
        } else {
            progress.wait(buf, &self.limits)?;
            Ok(None)
        }
    }

    /// Finds the parts, and makes the checks that need no map.
    #[inline]
    fn scan(&mut self, buf: &mut [u8]) -> Result<Option<Line>, Reject> {
        let Some(quick) = quick::scan(buf, &self.limits, &mut self.spans) else {
            return self.scan_slowly(buf);
        };
        let method = match buf.get(..quick.method) {
            Some(b"GET") => Method::GET,
            method => Method::from_bytes(method.unwrap_or_default()).map_err(|_| Reject::InvalidMethod)?,
        };
        Ok(Some(Line { method, target: quick.target, version: Version::HTTP_11, length: quick.length }))
    }

    /// Runs `httparse`, and the checks beside it.
    fn scan_slowly(&mut self, buf: &mut [u8]) -> Result<Option<Line>, Reject> {
        let parsed = if self.limits.field_count <= INLINE_FIELDS {
            let mut slots = [const { MaybeUninit::uninit() }; INLINE_FIELDS];
            self.scan_into(buf, &mut slots[..self.limits.field_count])
        } else {
            self.scan_into(buf, &mut vec![MaybeUninit::uninit(); self.limits.field_count])
        };
        match parsed {
            Ok(line) => Ok(line),
            Err(fault) => self.explain(buf, fault),
        }
    }

    fn scan_into<'b>(
        &mut self,
        buf: &'b [u8],
        slots: &mut [MaybeUninit<httparse::Header<'b>>],
    ) -> Result<Option<Line>, Fault> {
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(buf, slots) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(error) => return Err(Fault::Syntax(error)),
        };
        let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
        else {
            return Err(Fault::Rule(Reject::MalformedRequestLine));
        };
        let start = buf.as_ptr().addr();
        let range = |part: &[u8]| {
            let from = part.as_ptr().addr() - start;
            from..from + part.len()
        };
        let target = range(target.as_bytes());
        let limits = &self.limits;
        if method.len() > limits.method_bytes {
            return Err(Fault::Rule(Reject::MethodTooLong));
        }
        if target.len() > limits.target_bytes.min(URI_BYTES) {
            return Err(Fault::Rule(Reject::TargetTooLong));
        }
        if length > limits.head_bytes {
            return Err(Fault::Rule(Reject::HeadTooLarge));
        }
        // Each line must end in CR LF; `httparse` made sure of the LF. The request line ends 10 bytes behind the
        // target ("HTTP/1.1" and the blank before it are 9).
        let mut line_start = target.end + 11;
        let mut ended_well = buf[line_start - 2] == b'\r';
        let mut longest = 0;
        self.spans.clear();
        for field in &*request.headers {
            let name = range(field.name.as_bytes());
            ended_well &= buf[name.start - 2] == b'\r';
            longest = longest.max(name.start.saturating_sub(line_start));
            line_start = name.start;
            self.spans.push(FieldSpan { name, value: range(field.value) });
        }
        ended_well &= buf[length - 2] == b'\r' && buf[length - 4] == b'\r';
        if !ended_well {
            return Err(Fault::Rule(Reject::BareLineFeed));
        }
        // A field line with its CRLF.
        if longest.max(length - 2 - line_start) > limits.field_bytes.saturating_add(2) {
            return Err(Fault::Rule(Reject::FieldTooLarge));
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Fault::Rule(Reject::InvalidMethod))?;
        let version = if minor == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
        Ok(Some(Line { method, target, version, length }))
    }

    /// What the slow way makes of a head, to hold the quick one against.
    #[cfg(test)]
    pub(super) fn slow_parts(&mut self, buf: &[u8]) -> Option<(quick::Quick, &[FieldSpan])> {
        let mut slots = vec![MaybeUninit::uninit(); self.limits.field_count];
        let Line { method, target, version, length } = self.scan_into(buf, &mut slots).ok()??;
        assert_eq!(version, Version::HTTP_11);
        Some((quick::Quick { method: method.as_str().len(), target, length }, &self.spans))
    }

    /// Finds the rule behind a fault, or reads a higher minor version as 1.1.
    #[cold]
    fn explain(&mut self, buf: &mut [u8], fault: Fault) -> Result<Option<Line>, Reject> {
        let fallback = match fault {
            Fault::Rule(reject) => reject,
            Fault::Syntax(httparse::Error::TooManyHeaders) => Reject::TooManyFields,
            // A target that is no UTF-8 breaks no rule of lines.
            Fault::Syntax(httparse::Error::Token) => Reject::InvalidTarget,
            Fault::Syntax(_) => Reject::MalformedRequestLine,
        };
        // What lies behind the limit never decides: it may not be here yet.
        let looked_at = buf.len().min(self.limits.head_bytes.saturating_add(1));
        match diagnose(&buf[..looked_at], &self.limits) {
            Diagnosis::Broken(reject) => Err(reject),
            Diagnosis::HigherMinor(at) => {
                buf[at] = b'1';
                self.scan_slowly(buf)
            }
            // `httparse` gives up at the CR, or in the version, before it is clear which rule is broken.
            Diagnosis::Undecided => Ok(None),
            Diagnosis::Sound => Err(fallback),
        }
    }

    /// Makes the head from its parts.
    #[inline]
    fn build(&mut self, line: Line, buf: &mut BytesMut) -> Result<Option<RequestHead>, Reject> {
        // Nearly always nothing follows: then the whole is taken over, which counts no reference.
        let block = if line.length == buf.len() { std::mem::take(buf) } else { buf.split_to(line.length) };
        let mut block = block.freeze();
        let mut headers = std::mem::take(&mut self.spare);
        headers.try_reserve(self.spans.len()).map_err(|_| Reject::TooManyFields)?;
        let mut deciding = Deciding::default();
        for span in &self.spans {
            append_field(&mut headers, &mut deciding, &block, span)?;
        }
        let verdict = deciding.judge(&line.method, line.version)?;
        block.truncate(line.target.end);
        block.advance(line.target.start);
        let (uri, target) = read_target(&line.method, block)?;
        if matches!(target, Target::Absolute(_) | Target::Authority) {
            replace_host(&mut headers, &uri)?;
        }
        Ok(Some(RequestHead {
            method: line.method,
            uri,
            target,
            version: line.version,
            headers,
            framing: verdict.framing,
            persistence: verdict.persistence,
            expectation: verdict.expectation,
            upgrade: verdict.upgrade,
            trailers: verdict.trailers,
        }))
    }
}

/// Why a scan failed.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Syntax(httparse::Error),
    Rule(Reject),
}

#[inline]
fn append_field(
    headers: &mut HeaderMap,
    deciding: &mut Deciding,
    block: &Bytes,
    span: &FieldSpan,
) -> Result<(), Reject> {
    let value = block.slice(span.value.clone());
    let name = &block[span.name.clone()];
    let known = deciding.note(name, &value)?;
    let Ok(value) = HeaderValue::from_maybe_shared(value) else { return Err(Reject::InvalidFieldValue) };
    let name = match known {
        Some(known) => known,
        None => match HeaderName::from_bytes(name) {
            Ok(name) => name,
            Err(_) => return Err(Reject::InvalidFieldName),
        },
    };
    match headers.try_append(name, value) {
        Ok(_) => Ok(()),
        Err(_) => Err(Reject::TooManyFields),
    }
}

/// Puts the target's own host in the Host field's place (RFC 9112 3.3: what was sent there doesn't count).
#[cold]
fn replace_host(headers: &mut HeaderMap, uri: &Uri) -> Result<(), Reject> {
    let authority = uri.authority().ok_or(Reject::InvalidTarget)?.as_str();
    let value = HeaderValue::from_str(authority).map_err(|_| Reject::InvalidTarget)?;
    headers.try_insert(header::HOST, value).map_err(|_| Reject::TooManyFields)?;
    Ok(())
}

/// Field slots on the stack; a higher limit costs an allocation a head.
const INLINE_FIELDS: usize = 100;

/// The longest target that `http::Uri` can hold.
pub(super) const URI_BYTES: usize = 65_534;

/// Maps larger than this aren't kept for the next head, so that one big head doesn't hold memory for ever.
const RECYCLED_FIELDS: usize = 128;
