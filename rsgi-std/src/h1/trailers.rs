//! Trailer sections, decoded behind a chunked request body.
//!
//! RFC 9110 6.5.1: a field that frames, routes, authenticates or controls must not come late, for what was decided
//! by then can't be decided again. Such fields (core keeps the one list) are taken out of what the app sees, and
//! reported by name. Not here: the chunks before them (`chunked.rs`), sending trailers (`encode.rs`).
//!
//! Invariant: no field of [`rsgi_core::is_forbidden_trailer`] ever gets into [`Trailers::fields`].
//! Next: `encode.rs`.

use bytes::{Buf, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use httparse::Status;
use rsgi_core::is_forbidden_trailer;

use super::{BodyError, BodyLimits};

/// A trailer section.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Trailers {
    /// The fields that may stand in a trailer section.
    pub fields: HeaderMap,
    /// The names of those that may not, in the order they came; each was dropped.
    pub dropped: Vec<HeaderName>,
}

impl Trailers {
    /// `None` where nothing was sent.
    pub(super) fn into_option(self) -> Option<Self> {
        (!self.fields.is_empty() || !self.dropped.is_empty()).then_some(self)
    }
}

/// How much of a trailer section was searched for its end.
#[derive(Debug, Default)]
pub(super) struct TrailerSection {
    scanned: usize,
}

impl TrailerSection {
    /// Takes the whole section, its empty line included, off the front of `buf`; `None` asks for more bytes.
    pub(super) fn decode(
        &mut self,
        buf: &mut BytesMut,
        limits: &BodyLimits,
    ) -> Result<Option<Trailers>, BodyError> {
        if buf.starts_with(b"\r\n") {
            buf.advance(2);
            return Ok(Some(Trailers::default()));
        }
        // With the empty line, which isn't counted. What lies behind the limit never decides: it may not be here yet.
        let most = limits.trailer_bytes.saturating_add(2);
        for at in self.scanned..buf.len().min(most) {
            match buf[at] {
                b'\n' if at == 0 || buf[at - 1] != b'\r' => return Err(BodyError::BareLineEnd),
                b'\n' if at >= 3 && buf[at - 3..at] == *b"\r\n\r" => {
                    return take(buf, at + 1, limits).map(Some);
                }
                _ => {}
            }
        }
        if buf.len() >= most {
            return Err(BodyError::TrailersTooLong);
        }
        self.scanned = buf.len();
        Ok(None)
    }
}

/// Parses the section of that many bytes.
fn take(buf: &mut BytesMut, length: usize, limits: &BodyLimits) -> Result<Trailers, BodyError> {
    let section = buf.split_to(length).freeze();
    let mut slots = [httparse::EMPTY_HEADER; FIELDS];
    let slots = &mut slots[..limits.trailer_count.min(FIELDS)];
    let fields = match httparse::parse_headers(&section, slots) {
        Ok(Status::Complete((_, fields))) => fields,
        Err(httparse::Error::TooManyHeaders) => return Err(BodyError::TooManyTrailers),
        Ok(Status::Partial) | Err(_) => return Err(BodyError::MalformedTrailer),
    };
    let mut trailers = Trailers::default();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| BodyError::MalformedTrailer)?;
        if is_forbidden_trailer(&name) {
            trailers.dropped.push(name);
            continue;
        }
        let value = HeaderValue::from_maybe_shared(section.slice_ref(field.value));
        let value = value.map_err(|_| BodyError::MalformedTrailer)?;
        trailers.fields.try_append(name, value).map_err(|_| BodyError::TooManyTrailers)?;
    }
    Ok(trailers)
}

/// Trailer fields that can be parsed at once, whatever the setting says.
const FIELDS: usize = 100;
