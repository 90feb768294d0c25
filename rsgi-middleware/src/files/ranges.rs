//! Which part of a file is wanted (RFC 9110 section 14), and several parts as one body.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Cursor, Read, Seek as _, SeekFrom};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

use http_range_header::{RangeUnsatisfiableError, parse_range_header_with_max_ranges};
use rsgi_core::Body;
use rsgi_core::http::header::{HeaderMap, RANGE};

/// What of a file is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selection {
    Whole,
    Part(RangeInclusive<u64>),
    /// Ascending, without overlaps.
    Parts(Vec<RangeInclusive<u64>>),
    /// 416.
    Unsatisfiable,
}

/// The most parts of an answer: viewers of documents ask for a few, many small ones are an attack (RFC 9110 section 17.15).
const MOST: NonZeroUsize = match NonZeroUsize::new(16) {
    Some(most) => most,
    None => unreachable!(),
};

/// Reads `Range`. What can't be read, isn't in bytes or asks too much is ignored, as RFC 9110 section 14.2 has it.
pub(super) fn select(headers: &HeaderMap, length: u64) -> Selection {
    let mut fields = headers.get_all(RANGE).into_iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return Selection::Whole };
    let Ok(field) = field.to_str() else { return Selection::Whole };
    let ranges = parse_range_header_with_max_ranges(field, MOST).and_then(|ranges| ranges.validate(length));
    match ranges {
        Ok(ranges) => match &ranges[..] {
            [one] => Selection::Part(one.clone()),
            [] => Selection::Whole,
            _ if ascend(&ranges) => Selection::Parts(ranges),
            _ => Selection::Whole,
        },
        Err(RangeUnsatisfiableError::Unsatisfiable) => Selection::Unsatisfiable,
        Err(_) => Selection::Whole,
    }
}

fn ascend(ranges: &[RangeInclusive<u64>]) -> bool {
    ranges.windows(2).all(|pair| pair[0].end() < pair[1].start())
}

/// How many bytes a range has.
pub(super) fn count(range: &RangeInclusive<u64>) -> u64 {
    range.end() - range.start() + 1
}

/// Parts of a file with their heads, as `multipart/byteranges` (RFC 9110 section 14.6).
pub(super) struct Multipart {
    file: File,
    pieces: VecDeque<Piece>,
    boundary: String,
    length: u64,
}

enum Piece {
    Text(Cursor<String>),
    Range { offset: u64, left: u64 },
}

impl Multipart {
    pub(super) fn new(file: File, whole: u64, kind: &str, ranges: &[RangeInclusive<u64>]) -> Self {
        // Random, as nothing of the file may be the boundary by another's design.
        let random = || RandomState::new().build_hasher().finish();
        let boundary = format!("{:016x}{:016x}", random(), random());
        let mut pieces = VecDeque::new();
        let mut length = 0;
        for (place, range) in ranges.iter().enumerate() {
            let (start, end) = (range.start(), range.end());
            let text = format!(
                "{}--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: bytes {start}-{end}/{whole}\r\n\r\n",
                if place == 0 { "" } else { "\r\n" }
            );
            length += text.len() as u64 + count(range);
            pieces.push_back(Piece::Text(Cursor::new(text)));
            pieces.push_back(Piece::Range { offset: *start, left: count(range) });
        }
        let end = format!("\r\n--{boundary}--\r\n");
        length += end.len() as u64;
        pieces.push_back(Piece::Text(Cursor::new(end)));
        Self { file, pieces, boundary, length }
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn into_body(self) -> Body {
        Body::reader(self)
    }
}

impl Read for Multipart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.pieces.front_mut() {
            let read = match piece {
                Piece::Text(text) => text.read(buffer)?,
                Piece::Range { left: 0, .. } => 0,
                Piece::Range { offset, left } => {
                    self.file.seek(SeekFrom::Start(*offset))?;
                    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                    let read = self.file.read(&mut buffer[..most])?;
                    if read == 0 && most > 0 {
                        return Err(io::Error::new(
                            io::ErrorKind::UnexpectedEof,
                            "the file was cut meanwhile",
                        ));
                    }
                    *offset += read as u64;
                    *left -= read as u64;
                    read
                }
            };
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.pieces.pop_front();
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::HeaderValue;

    use super::*;

    fn of(field: &str, length: u64) -> Selection {
        select(&HeaderMap::from_iter([(RANGE, HeaderValue::from_str(field).unwrap())]), length)
    }

    #[test]
    fn a_range_ends_with_the_file_at_most() {
        for (field, range) in [
            ("bytes=0-0", 0..=0),
            ("bytes=0-9", 0..=9),
            ("bytes=0-10", 0..=9),
            ("bytes=9-", 9..=9),
            ("bytes=3-99999999999999", 3..=9),
            ("bytes=-1", 9..=9),
            ("bytes=-10", 0..=9),
            ("bytes=-11", 0..=9),
            ("Bytes=4-5", 4..=5),
            ("bytes=20-30,4-5", 4..=5),
        ] {
            assert_eq!(of(field, 10), Selection::Part(range), "{field}");
        }
    }

    #[test]
    fn what_is_beyond_the_end_is_unsatisfiable_and_what_is_no_range_is_ignored() {
        for field in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=20-,30-40"] {
            assert_eq!(of(field, 10), Selection::Unsatisfiable, "{field}");
        }
        for field in ["", "bytes", "bytes=", "bytes=a-b", "bytes=5-2", "lines=0-1", "bytes=1", "bytes=0-1,x"]
        {
            assert_eq!(of(field, 10), Selection::Whole, "{field}");
        }
        assert_eq!((of("bytes=0-", 0), of("bytes=-5", 0)), (Selection::Unsatisfiable, Selection::Whole));
        let twice = [(RANGE, "bytes=0-1"), (RANGE, "bytes=2-3")];
        let mut headers = HeaderMap::new();
        for (name, value) in twice {
            headers.append(name, HeaderValue::from_static(value));
        }
        assert_eq!(select(&headers, 10), Selection::Whole);
    }

    #[test]
    fn several_are_served_if_they_ascend_and_are_few() {
        assert_eq!(of("bytes=0-1,4-5,-1", 10), Selection::Parts(vec![0..=1, 4..=5, 9..=9]));
        assert_eq!(of("bytes=4-5,0-1", 10), Selection::Whole, "out of order");
        assert_eq!(of("bytes=0-4,4-5", 10), Selection::Whole, "overlapping");
        let many = |count: u64| {
            let ranges: Vec<_> = (0..count).map(|at| format!("{0}-{0}", 2 * at)).collect();
            format!("bytes={}", ranges.join(","))
        };
        assert!(matches!(of(&many(16), 100), Selection::Parts(parts) if parts.len() == 16));
        assert_eq!(of(&many(17), 100), Selection::Whole);
    }
}
