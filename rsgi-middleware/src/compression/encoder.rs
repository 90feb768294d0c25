//! The codings at work: on content in memory in one go, and on a stream piece by piece.
//!
//! Invariant: what a stream's piece came to is given at once and can be decoded at once, since a client waits for it
//! (PEP 3333, "Middleware Handling of Block Boundaries").

use std::io::{self, Write as _};

use brotli::CompressorWriter;
use flate2::write::GzEncoder;
use rsgi_core::bytes::Bytes;
use rsgi_core::{Change, Error};

use super::Effort;
use crate::Coding;

/// The window of a stream, as a power of two: 128 KiB. Each stream that is open holds one, and the tables to it, so
/// the window that pays for a file of megabytes would cost an event stream's server gigabytes.
const STREAM_WINDOW: u32 = 17;

/// The window of content in memory, which is coded and forgotten: 4 MiB, within what RFC 9659 allows.
const WHOLE_WINDOW: u32 = 22;

/// Codes content in one go.
pub(super) fn encode(coding: Coding, effort: Effort, content: &[u8]) -> io::Result<Bytes> {
    // No larger than the content needs.
    let needed = content.len().next_power_of_two().trailing_zeros();
    let mut encoder = Encoder::new(coding, effort, needed.clamp(STREAM_WINDOW, WHOLE_WINDOW))?;
    encoder.write(content)?;
    Ok(encoder.finish()?.into())
}

/// A stream's coding. It keeps the length that was declared for the plain bytes, as nobody behind it can any more: a body
/// that was cut must not end as if it were whole.
pub(super) struct Stream {
    encoder: Option<Encoder>,
    /// What has yet to come of the declared length.
    left: Option<u64>,
}

impl Stream {
    pub(super) fn new(coding: Coding, effort: Effort, declared: Option<u64>) -> io::Result<Self> {
        Ok(Self { encoder: Some(Encoder::new(coding, effort, STREAM_WINDOW)?), left: declared })
    }

    /// Cuts what is beyond the declared length.
    fn within(&mut self, mut piece: Bytes) -> Bytes {
        let Some(left) = &mut self.left else { return piece };
        let allowed = usize::try_from(*left).unwrap_or(usize::MAX);
        if piece.len() > allowed {
            tracing::error!(target: "rsgi", "more bytes than declared: the surplus isn't sent");
            piece.truncate(allowed);
        }
        *left -= piece.len() as u64;
        piece
    }
}

impl Change for Stream {
    fn piece(&mut self, piece: Bytes) -> Result<Bytes, Error> {
        let piece = self.within(piece);
        let Some(encoder) = self.encoder.as_mut().filter(|_| !piece.is_empty()) else {
            return Ok(Bytes::new());
        };
        encoder.write(&piece)?;
        Ok(encoder.flush()?.into())
    }

    fn finish(&mut self) -> Result<Bytes, Error> {
        if let Some(left @ 1..) = self.left {
            return Err(format!("answer broken off: {left} bytes fewer than declared").into());
        }
        Ok(match self.encoder.take() {
            Some(encoder) => encoder.finish()?.into(),
            None => Bytes::new(),
        })
    }
}

enum Encoder {
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    fn new(coding: Coding, effort: Effort, window: u32) -> io::Result<Self> {
        Ok(match coding {
            Coding::Brotli => {
                let quality = effort.of(1, 4, 9);
                Self::Brotli(Box::new(CompressorWriter::new(Vec::new(), 4096, quality, window)))
            }
            Coding::Gzip => {
                Self::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::new(effort.of(1, 6, 9))))
            }
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), effort.of(1, 3, 15))?;
                encoder.window_log(window)?;
                Self::Zstd(encoder)
            }
        })
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Brotli(encoder) => encoder.write_all(piece),
            Self::Gzip(encoder) => encoder.write_all(piece),
            Self::Zstd(encoder) => encoder.write_all(piece),
        }
    }

    /// Gives what was written so far, so that all of it can be decoded.
    fn flush(&mut self) -> io::Result<Vec<u8>> {
        let coded = match self {
            Self::Brotli(encoder) => {
                encoder.flush()?;
                encoder.get_mut()
            }
            Self::Gzip(encoder) => {
                encoder.flush()?;
                encoder.get_mut()
            }
            Self::Zstd(encoder) => {
                encoder.flush()?;
                encoder.get_mut()
            }
        };
        Ok(std::mem::take(coded))
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Brotli(encoder) => Ok(encoder.into_inner()),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}
