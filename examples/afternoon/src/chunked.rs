//! The chunked transfer coding of a request's body, strictly as RFC 9112 section 7.1 has it: CRLF and nothing else ends a
//! line, extensions and trailers are bounded.
//!
//! Invariant: what it takes from the buffer is never looked at again, however the client cut it into packets.

use rsgi_core::InputErrorKind;
use rsgi_core::bytes::{Buf, Bytes, BytesMut};
use rsgi_core::http::{HeaderMap, HeaderName, HeaderValue};
use rsgi_core::server::Limits;

/// How far a body has come.
pub(crate) struct Chunked {
    state: State,
    /// Bytes of extensions so far, in all chunks together.
    extensions: usize,
}

enum State {
    Size,
    Data(u64),
    /// The CRLF behind a chunk.
    DataEnd,
    Trailers,
    Over,
}

/// What comes next of a body.
pub(crate) enum Step {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
    /// More bytes are needed.
    More,
}

impl Chunked {
    pub(crate) fn new() -> Self {
        Self { state: State::Size, extensions: 0 }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Takes the next part out of what has come.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Step, InputErrorKind> {
        loop {
            match &mut self.state {
                State::Over => return Ok(Step::End),
                State::Data(_) if buffer.is_empty() => return Ok(Step::More),
                State::Data(left) => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                    *left -= most as u64;
                    if *left == 0 {
                        self.state = State::DataEnd;
                    }
                    return Ok(Step::Data(buffer.split_to(most).freeze()));
                }
                State::DataEnd => match &buffer[..] {
                    [b'\r', b'\n', ..] => {
                        buffer.advance(2);
                        self.state = State::Size;
                    }
                    [] | [b'\r'] => return Ok(Step::More),
                    _ => return Err(InputErrorKind::Malformed),
                },
                State::Size => match self.size(buffer, limits)? {
                    None => return Ok(Step::More),
                    Some(0) => self.state = State::Trailers,
                    Some(size) => self.state = State::Data(size),
                },
                State::Trailers => {
                    let Some(trailers) = trailers(buffer, limits)? else { return Ok(Step::More) };
                    self.state = State::Over;
                    return Ok(if trailers.is_empty() { Step::End } else { Step::Trailers(trailers) });
                }
            }
        }
    }

    /// Reads a chunk's first line; `None` if it isn't whole.
    fn size(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<Option<u64>, InputErrorKind> {
        let room = limits.chunk_extension_bytes.saturating_sub(self.extensions);
        let digits = buffer.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > 16 || digits == 0 && !buffer.is_empty() {
            return Err(InputErrorKind::Malformed);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let extension = &buffer[digits..end.unwrap_or(buffer.len())];
        let (extension, ends_well) = match extension {
            [extension @ .., b'\r'] => (extension, true),
            extension => (extension, end.is_none()),
        };
        let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        if !ends_well || extension.iter().any(is_control) || extension.len() > room {
            return Err(InputErrorKind::Malformed);
        }
        let Some(end) = end else { return Ok(None) };
        if !are_extensions(extension) {
            return Err(InputErrorKind::Malformed);
        }
        self.extensions += extension.len();
        let line = buffer.split_to(end + 1);
        let size = std::str::from_utf8(&line[..digits]).ok();
        let size = size.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        size.map(Some).ok_or(InputErrorKind::Malformed)
    }
}

/// Tells whether this is `chunk-ext` without controls (RFC 9112 section 7.1.1): `;name` or `;name=value`, many times, with
/// blanks before and behind the marks.
fn are_extensions(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(name) = behind_mark(rest, b';') else { return false };
        let Some(behind) = behind_token(name) else { return false };
        rest = behind;
        if let Some(value) = behind_mark(rest, b'=') {
            let quoted = value.strip_prefix(b"\"");
            let Some(behind) = quoted.map_or_else(|| behind_token(value), behind_quotes) else {
                return false;
            };
            rest = behind;
        }
    }
    true
}

fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &bytes[blanks..]
}

fn behind_mark(bytes: &[u8], mark: u8) -> Option<&[u8]> {
    skip_blanks(bytes).strip_prefix(&[mark]).map(skip_blanks)
}

fn behind_token(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.iter().take_while(|byte| is_token_byte(**byte)).count();
    (length > 0).then(|| &bytes[length..])
}

/// What follows a quoted text (RFC 9110 section 5.6.4), whose first quote has gone.
fn behind_quotes(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        bytes = match bytes {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', _, rest @ ..] | [_, rest @ ..] => rest,
            [] => return None,
        };
    }
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Reads the fields behind the last chunk; `None` if they aren't whole.
fn trailers(buffer: &mut BytesMut, limits: &Limits) -> Result<Option<HeaderMap>, InputErrorKind> {
    match &buffer[..] {
        [b'\r', b'\n', ..] => {
            buffer.advance(2);
            return Ok(Some(HeaderMap::new()));
        }
        [] | [b'\r'] => return Ok(None),
        _ => {}
    }
    let end = buffer.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    let section = &buffer[..end.unwrap_or(buffer.len())];
    let has_bare_line_feed = (0..section.len())
        .any(|at| section[at] == b'\n' && at.checked_sub(1).is_none_or(|before| section[before] != b'\r'));
    if section.len() > limits.trailer_bytes || has_bare_line_feed {
        return Err(InputErrorKind::Malformed);
    }
    let Some(end) = end else { return Ok(None) };
    let section = buffer.split_to(end);
    let mut fields = vec![httparse::EMPTY_HEADER; limits.header_count];
    let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(&section, &mut fields) else {
        return Err(InputErrorKind::Malformed);
    };
    let mut trailers = HeaderMap::new();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| InputErrorKind::Malformed)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| InputErrorKind::Malformed)?;
        trailers.append(name, value);
    }
    Ok(Some(trailers))
}
