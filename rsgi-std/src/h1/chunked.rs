//! The chunked transfer coding (RFC 9112 7.1), decoded at any split of the bytes.
//!
//! A state per byte class; only size lines and line ends are looked at byte by byte, content is handed out as slices
//! of the buffer. Extensions are read, bounded and thrown away (7.1.1). Stricter than many: no blanks behind a size,
//! no bare LF, no control characters in extensions, for each of these has let two parsers disagree. Not here: the
//! trailer section's fields (`trailers.rs`).
//!
//! Invariant: a piece of content is handed out only with bytes that a size line announced and the limit allows.
//! Next: `trailers.rs`.

use bytes::{Buf, BytesMut};

use super::trailers::TrailerSection;
use super::{BodyError, BodyLimits, Decoded};

/// Where the decoder is; counts what the limits need.
#[derive(Debug, Default)]
pub(super) struct ChunkedDecoder {
    state: State,
    /// Content announced so far, all of it within the limit.
    announced: u64,
    /// Bytes of all extensions so far.
    extensions: usize,
    trailers: TrailerSection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a size; so many digits, this value.
    Size { digits: u8, value: u64 },
    /// In an extension of that many bytes.
    Extension { value: u64, length: usize, quote: Quote },
    /// Behind the CR of a size line.
    SizeLineFeed { value: u64 },
    /// In content, of which so much is left; not 0.
    Data { left: u64 },
    /// Behind content, before the CR.
    DataReturn,
    /// Behind content and CR.
    DataLineFeed,
    /// Behind the last chunk's line.
    Trailers,
}

/// Where in a quoted string an extension's byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    Outside,
    Inside,
    Escaped,
}

impl Default for State {
    fn default() -> Self {
        Self::Size { digits: 0, value: 0 }
    }
}

impl ChunkedDecoder {
    pub(super) fn decode(&mut self, buf: &mut BytesMut, limits: &BodyLimits) -> Result<Decoded, BodyError> {
        if !matches!(self.state, State::Data { .. } | State::Trailers) {
            self.framing(buf, limits)?;
        }
        match self.state {
            State::Data { left } if !buf.is_empty() => {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
                let left = left - taken as u64;
                self.state = if left == 0 { State::DataReturn } else { State::Data { left } };
                Ok(Decoded::Data(buf.split_to(taken).freeze()))
            }
            State::Trailers => match self.trailers.decode(buf, limits)? {
                Some(trailers) => Ok(Decoded::End(trailers.into_option())),
                None => Ok(Decoded::Incomplete),
            },
            _ => Ok(Decoded::Incomplete),
        }
    }

    /// Takes framing bytes until content or the trailer section begins, or the buffer is empty.
    fn framing(&mut self, buf: &mut BytesMut, limits: &BodyLimits) -> Result<(), BodyError> {
        let mut used = 0;
        for byte in &buf[..] {
            used += 1;
            self.state = self.step(*byte, limits)?;
            if matches!(self.state, State::Data { .. } | State::Trailers) {
                break;
            }
        }
        buf.advance(used);
        Ok(())
    }

    #[inline]
    fn step(&mut self, byte: u8, limits: &BodyLimits) -> Result<State, BodyError> {
        match self.state {
            State::Size { digits, value } => match (hex_digit(byte), byte) {
                (Some(_), _) if digits == SIZE_DIGITS => Err(BodyError::ChunkSizeTooLong),
                (Some(digit), _) => {
                    Ok(State::Size { digits: digits + 1, value: value << 4 | u64::from(digit) })
                }
                (None, b'\r') if digits > 0 => Ok(State::SizeLineFeed { value }),
                (None, b';') if digits > 0 => self.extension(byte, value, 0, Quote::Outside, limits),
                (None, b'\n') if digits > 0 => Err(BodyError::BareLineEnd),
                _ => Err(BodyError::InvalidChunkSize),
            },
            State::Extension { value, length, quote } => self.extension(byte, value, length, quote, limits),
            State::SizeLineFeed { value } if byte == b'\n' => self.begin_chunk(value, limits),
            State::DataReturn if byte == b'\r' => Ok(State::DataLineFeed),
            State::DataLineFeed if byte == b'\n' => Ok(State::default()),
            State::SizeLineFeed { .. } => Err(BodyError::BareLineEnd),
            // Content and trailers aren't taken byte by byte, so only the two line ends are left.
            _ => Err(BodyError::MissingChunkEnd),
        }
    }

    /// One byte of an extension; counted from its semicolon on.
    fn extension(
        &mut self,
        byte: u8,
        value: u64,
        length: usize,
        quote: Quote,
        limits: &BodyLimits,
    ) -> Result<State, BodyError> {
        let quote = match (quote, byte) {
            (Quote::Outside, b'\r') => return Ok(State::SizeLineFeed { value }),
            (_, b'\n') => return Err(BodyError::BareLineEnd),
            (_, 0..=8 | 10..=31 | 127) => return Err(BodyError::InvalidChunkExtension),
            (Quote::Outside, b'"') | (Quote::Escaped, _) => Quote::Inside,
            (Quote::Inside, b'"') => Quote::Outside,
            (Quote::Inside, b'\\') => Quote::Escaped,
            (same, _) => same,
        };
        if length == limits.extension_bytes {
            return Err(BodyError::ChunkExtensionTooLong);
        }
        if self.extensions == limits.extensions_total {
            return Err(BodyError::ChunkExtensionsTooLong);
        }
        self.extensions += 1;
        Ok(State::Extension { value, length: length + 1, quote })
    }

    /// What a whole size line opens.
    fn begin_chunk(&mut self, size: u64, limits: &BodyLimits) -> Result<State, BodyError> {
        if size == 0 {
            return Ok(State::Trailers);
        }
        let announced = self.announced.checked_add(size).filter(|sum| *sum <= limits.body_bytes);
        self.announced = announced.ok_or(BodyError::TooLarge)?;
        Ok(State::Data { left: size })
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Hexadecimal digits that surely fit 64 bits; leading zeros count, so that a size line has an end.
const SIZE_DIGITS: u8 = 16;
