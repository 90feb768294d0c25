//! [`Variables`]: the names and values that a web server sends with a request, in one piece of memory.
//!
//! Invariant: every range lies within `bytes`, as `push` alone makes them. Next: `request.rs`, which reads them.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

/// The variables of a request, in the order in which they came. Names and values are any bytes.
#[derive(Clone, Default)]
pub struct Variables {
    bytes: Bytes,
    pairs: Vec<(Range<u32>, Range<u32>)>,
}

/// `CONTENT_LENGTH` is no number, too large a number, or several different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadLength;

impl Variables {
    /// Begins with the memory that names and values will be ranges of.
    #[must_use]
    pub fn within(bytes: Bytes) -> Self {
        Self { bytes, pairs: Vec::with_capacity(32) }
    }

    /// The memory that names and values are ranges of.
    pub(super) fn memory(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a variable by the ranges of its name and its value; tells whether they lie within the memory.
    pub fn push(&mut self, name: Range<usize>, value: Range<usize>) -> bool {
        let fits = |range: &Range<usize>| range.start <= range.end && range.end <= self.bytes.len();
        let short =
            |range: Range<usize>| Some(u32::try_from(range.start).ok()?..u32::try_from(range.end).ok()?);
        if !fits(&name) || !fits(&value) {
            return false;
        }
        let (Some(name), Some(value)) = (short(name), short(value)) else { return false };
        self.pairs.push((name, value));
        true
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs.iter().map(|(name, value)| (self.at(name), self.at(value)))
    }

    /// All of them, each value as a part of the shared memory.
    pub fn shared(&self) -> impl Iterator<Item = (&[u8], Bytes)> {
        self.pairs
            .iter()
            .map(|(name, value)| (self.at(name), self.bytes.slice(value.start as usize..value.end as usize)))
    }

    /// The value of a name; the last one if it came several times, as with the parameters of nginx.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.pairs.iter().rev().find(|(known, _)| self.at(known) == name.as_bytes())?;
        Some(self.at(value))
    }

    /// The length of the content that `CONTENT_LENGTH` tells; `None` if it isn't there or empty (RFC 3875 section 4.1.2).
    ///
    /// # Errors
    ///
    /// It is no decimal number of 64 bits, or was sent with different values: where the content ends can't be known.
    pub fn content_length(&self) -> Result<Option<u64>, BadLength> {
        let mut values = self.iter().filter(|(name, _)| *name == b"CONTENT_LENGTH").map(|(_, value)| value);
        let Some(first) = values.next() else { return Ok(None) };
        if values.any(|value| value != first) {
            return Err(BadLength);
        }
        if first.is_empty() {
            return Ok(None);
        }
        if !first.iter().all(u8::is_ascii_digit) {
            return Err(BadLength);
        }
        let digits = std::str::from_utf8(first).map_err(|_| BadLength)?;
        digits.parse().map(Some).map_err(|_| BadLength)
    }

    /// A value, or a part of one, as a part of the shared memory.
    pub(crate) fn share(&self, part: &[u8]) -> Bytes {
        self.bytes.slice_ref(part)
    }

    fn at(&self, range: &Range<u32>) -> &[u8] {
        self.bytes.get(range.start as usize..range.end as usize).unwrap_or_default()
    }
}

/// For tests and for gateways that have them apart.
impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let (mut bytes, mut ranges) = (Vec::new(), Vec::new());
        for (name, value) in pairs {
            let start = bytes.len();
            bytes.extend_from_slice(name.as_ref());
            let middle = bytes.len();
            bytes.extend_from_slice(value.as_ref());
            ranges.push((start..middle, middle..bytes.len()));
        }
        let mut variables = Self::within(bytes.into());
        for (name, value) in ranges {
            variables.push(name, value);
        }
        variables
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter().map(|(name, _)| String::from_utf8_lossy(name))).finish()
    }
}

impl fmt::Display for BadLength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CONTENT_LENGTH is no length of content")
    }
}

impl std::error::Error for BadLength {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_name_counts_and_all_are_there_in_order() {
        let variables = Variables::from_iter([("HTTPS", ""), ("A", "1"), ("HTTPS", "on")]);
        assert_eq!(variables.get("HTTPS"), Some(&b"on"[..]));
        assert_eq!(variables.get("https"), None);
        let all: Vec<_> = variables.iter().collect();
        assert_eq!(all, [(&b"HTTPS"[..], &b""[..]), (b"A", b"1"), (b"HTTPS", b"on")]);
        assert_eq!(format!("{variables:?}"), r#"["HTTPS", "A", "HTTPS"]"#);
    }

    #[test]
    fn a_length_is_digits_and_one() {
        let length = |values: &[&str]| {
            values.iter().map(|value| ("CONTENT_LENGTH", *value)).collect::<Variables>().content_length()
        };
        assert_eq!((length(&[]), length(&[""])), (Ok(None), Ok(None)));
        assert_eq!((length(&["0"]), length(&["17", "17"])), (Ok(Some(0)), Ok(Some(17))));
        for wrong in ["-1", "+1", " 1", "1 ", "0x1", "1,1", "18446744073709551616", "\u{661}"] {
            assert_eq!(length(&[wrong]), Err(BadLength), "{wrong}");
        }
        assert_eq!(length(&["1", "2"]), Err(BadLength));
    }

    #[test]
    fn ranges_beyond_the_memory_are_not_taken() {
        let mut variables = Variables::within(Bytes::from_static(b"ab"));
        assert!(variables.push(0..1, 1..2));
        assert!(!variables.push(0..1, 1..3));
        let (start, end) = (2, 1);
        assert!(!variables.push(start..end, 0..0));
        assert_eq!(variables.len(), 1);
    }
}
