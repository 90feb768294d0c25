//! The decoder of a request's body, whatever its framing: one piece at a time, as slices of the read buffer.
//!
//! [`BodyDecoder`] takes bytes off the front of the connection's buffer and leaves what follows the body: the next
//! request. It enforces the limit on content and knows when the client stopped too early. Not here: the chunked
//! coding's grammar (`chunked.rs`), trailers (`trailers.rs`), reading, waiting, 100 Continue.
//!
//! Invariant: the end is only ever told once all that was announced is there; anything else is a typed error.
//! Next: `chunked.rs`.

use std::fmt;

use bytes::{Bytes, BytesMut};
use http::StatusCode;

use super::chunked::ChunkedDecoder;
use super::trailers::Trailers;
use super::{BodyLimits, Framing};

/// One step of decoding.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decoded {
    /// Content; never empty.
    Data(Bytes),
    /// The buffer holds too little for another step: read more, then ask again.
    Incomplete,
    /// The body is over, with its trailers if there were any. Told again, without trailers, when asked again.
    End(Option<Trailers>),
}

/// Decodes one request's body.
#[derive(Debug)]
pub struct BodyDecoder {
    state: State,
    limits: BodyLimits,
}

#[derive(Debug)]
enum State {
    /// That many bytes are to come.
    Length(u64),
    Chunked(ChunkedDecoder),
    Done,
    /// The framing is broken, so no byte behind it means anything.
    Broken(BodyError),
}

impl BodyDecoder {
    /// Makes a decoder for a body that the head announced.
    ///
    /// # Errors
    ///
    /// [`BodyError::TooLarge`] where the announced length is over the limit, before a byte of it was read.
    pub fn new(framing: Framing, limits: &BodyLimits) -> Result<Self, BodyError> {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) if length > limits.body_bytes => return Err(BodyError::TooLarge),
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(ChunkedDecoder::default()),
        };
        Ok(Self { state, limits: limits.clone() })
    }

    /// Makes the decoder of no body.
    #[must_use]
    pub fn done() -> Self {
        Self { state: State::Done, limits: BodyLimits::default() }
    }

    /// Takes the next piece off the front of `buf`.
    ///
    /// # Errors
    ///
    /// Malformed framing, or a limit; where the next request would start is then unknown, so the same error comes
    /// again however often more is asked for.
    #[inline]
    pub fn decode(&mut self, buf: &mut BytesMut) -> Result<Decoded, BodyError> {
        match &mut self.state {
            State::Done => Ok(Decoded::End(None)),
            State::Length(_) if buf.is_empty() => Ok(Decoded::Incomplete),
            State::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.len());
                let data = buf.split_to(taken).freeze();
                *left -= taken as u64;
                if *left == 0 {
                    self.state = State::Done;
                }
                Ok(Decoded::Data(data))
            }
            State::Chunked(decoder) => {
                let step = decoder.decode(buf, &self.limits);
                match step {
                    Ok(Decoded::End(_)) => self.state = State::Done,
                    Ok(_) => {}
                    Err(error) => self.state = State::Broken(error),
                }
                step
            }
            State::Broken(error) => Err(*error),
        }
    }

    /// Tells whether the whole body was taken.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Tells whether the framing was found to be broken.
    pub fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken(_))
    }

    /// Returns how many bytes are still to come, where the head said it; 0 when done.
    pub fn remaining(&self) -> Option<u64> {
        match &self.state {
            State::Done => Some(0),
            State::Length(left) => Some(*left),
            State::Chunked(_) | State::Broken(_) => None,
        }
    }

    /// Judges the end of the stream, once the buffer's bytes were taken.
    ///
    /// # Errors
    ///
    /// [`BodyError::Truncated`] unless the body was over.
    pub fn end_of_stream(&self) -> Result<(), BodyError> {
        if self.is_done() { Ok(()) } else { Err(BodyError::Truncated) }
    }
}

/// What is wrong with a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyError {
    /// A chunk's size isn't a run of hexadecimal digits, ended by `;` or CRLF (RFC 9112 7.1).
    InvalidChunkSize,
    /// A chunk's size has more than 16 digits, so that it might not fit 64 bits.
    ChunkSizeTooLong,
    /// A chunk's extension isn't made of names and values (RFC 9112 7.1.1).
    InvalidChunkExtension,
    /// One chunk's extensions are longer than [`BodyLimits::extension_bytes`].
    ChunkExtensionTooLong,
    /// All extensions together are longer than [`BodyLimits::extensions_total`].
    ChunkExtensionsTooLong,
    /// A chunk's data isn't followed by CRLF (RFC 9112 7.1).
    MissingChunkEnd,
    /// A line of the framing ends in LF without CR, or a CR isn't followed by LF.
    BareLineEnd,
    /// The trailer section isn't made of valid field lines (RFC 9112 7.1.2).
    MalformedTrailer,
    /// The trailer section is longer than [`BodyLimits::trailer_bytes`].
    TrailersTooLong,
    /// There are more trailer fields than [`BodyLimits::trailer_count`].
    TooManyTrailers,
    /// There is more content than [`BodyLimits::body_bytes`].
    TooLarge,
    /// The stream ended before the body did (RFC 9112 8).
    Truncated,
}

/// The three ways in which a body goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyErrorKind {
    /// The client broke the framing's grammar.
    Malformed,
    /// The client went away in the middle.
    Truncated,
    /// The client sent more than a limit allows.
    Limit,
}

impl BodyError {
    /// Returns the kind.
    pub const fn kind(self) -> BodyErrorKind {
        match self {
            Self::Truncated => BodyErrorKind::Truncated,
            Self::TooLarge
            | Self::ChunkSizeTooLong
            | Self::ChunkExtensionTooLong
            | Self::ChunkExtensionsTooLong
            | Self::TrailersTooLong
            | Self::TooManyTrailers => BodyErrorKind::Limit,
            _ => BodyErrorKind::Malformed,
        }
    }

    /// Returns the status that the client gets, as long as no answer was begun.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TrailersTooLong | Self::TooManyTrailers => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the name of the rule that was broken.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidChunkSize => "invalid chunk size",
            Self::ChunkSizeTooLong => "chunk size too long",
            Self::InvalidChunkExtension => "invalid chunk extension",
            Self::ChunkExtensionTooLong => "chunk extension too long",
            Self::ChunkExtensionsTooLong => "chunk extensions too long in total",
            Self::MissingChunkEnd => "chunk data not followed by CRLF",
            Self::BareLineEnd => "bare CR or LF in the body's framing",
            Self::MalformedTrailer => "malformed trailer section",
            Self::TrailersTooLong => "trailer section too long",
            Self::TooManyTrailers => "too many trailer fields",
            Self::TooLarge => "body too large",
            Self::Truncated => "body truncated",
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for BodyError {}
