//! The chunked transfer coding (RFC 9112 7.1), decoded at any split of the bytes.
//!
//! A state per byte class; only size lines and line ends are looked at byte by byte, content is handed out as slices
//! of the buffer. Extensions are read, bounded and thrown away (7.1.1). Stricter than many: no blanks behind a size,
//! no bare LF, no extension beside the grammar, for each of these has let two parsers disagree. Not here: the
//! trailer section's fields (`trailers.rs`).
//!
//! Invariant: a piece of content is handed out only with bytes that a size line announced and the limit allows.
//! Next: `trailers.rs`.

use bytes::{Buf, BytesMut};

use super::diagnose::is_token;
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
    Extension { value: u64, length: usize, part: Part },
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

/// What the next byte of an extension belongs to (RFC 9112 7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The semicolon, or the blanks behind it.
    Start,
    Name,
    /// Blanks behind a name.
    BehindName,
    /// The blanks behind an equals sign.
    BeforeValue,
    Value,
    Quoted,
    Escaped,
    /// Behind the closing quote.
    BehindQuotes,
    /// Blanks behind a value.
    BehindValue,
}

impl Part {
    /// Moves past a byte other than a line's end; `None` if it can't stand here.
    fn then(self, byte: u8) -> Option<Self> {
        let is_blank = matches!(byte, b' ' | b'\t');
        match (self, byte) {
            (Self::Start | Self::BehindName | Self::BeforeValue | Self::BehindValue, _) if is_blank => {
                Some(self)
            }
            (Self::Name, _) if is_blank => Some(Self::BehindName),
            (Self::Value | Self::BehindQuotes, _) if is_blank => Some(Self::BehindValue),
            (Self::Start | Self::Name, _) if is_token(byte) => Some(Self::Name),
            (Self::BeforeValue | Self::Value, _) if is_token(byte) => Some(Self::Value),
            (Self::Name | Self::BehindName, b'=') => Some(Self::BeforeValue),
            (Self::Quoted, b'"') => Some(Self::BehindQuotes),
            (Self::Quoted, b'\\') => Some(Self::Escaped),
            (Self::BeforeValue, b'"') | (Self::Quoted | Self::Escaped, b'\t' | b' '..=b'~' | 0x80..) => {
                Some(Self::Quoted)
            }
            (Self::Start | Self::BeforeValue | Self::Quoted | Self::Escaped, _) => None,
            (_, b';') => Some(Self::Start),
            _ => None,
        }
    }

    /// Tells whether a line may end behind this.
    fn may_end(self) -> bool {
        matches!(self, Self::Name | Self::Value | Self::BehindQuotes)
    }
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
                (None, b';') if digits > 0 => self.extension(value, 0, Part::Start, limits),
                (None, b'\n') if digits > 0 => Err(BodyError::BareLineEnd),
                _ => Err(BodyError::InvalidChunkSize),
            },
            State::Extension { value, part, .. } if byte == b'\r' && part.may_end() => {
                Ok(State::SizeLineFeed { value })
            }
            State::Extension { .. } if byte == b'\n' => Err(BodyError::BareLineEnd),
            State::Extension { value, length, part } => {
                let part = part.then(byte).ok_or(BodyError::InvalidChunkExtension)?;
                self.extension(value, length, part, limits)
            }
            State::SizeLineFeed { value } if byte == b'\n' => self.begin_chunk(value, limits),
            State::DataReturn if byte == b'\r' => Ok(State::DataLineFeed),
            State::DataLineFeed if byte == b'\n' => Ok(State::default()),
            State::SizeLineFeed { .. } => Err(BodyError::BareLineEnd),
            // Content and trailers aren't taken byte by byte, so only the two line ends are left.
            _ => Err(BodyError::MissingChunkEnd),
        }
    }

    /// Counts one byte of an extension, from its semicolon on.
    fn extension(
        &mut self,
        value: u64,
        length: usize,
        part: Part,
        limits: &BodyLimits,
    ) -> Result<State, BodyError> {
        if length == limits.extension_bytes {
            return Err(BodyError::ChunkExtensionTooLong);
        }
        if self.extensions == limits.extensions_total {
            return Err(BodyError::ChunkExtensionsTooLong);
        }
        self.extensions += 1;
        Ok(State::Extension { value, length: length + 1, part })
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
