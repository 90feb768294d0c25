//! What travels: content that follows from a request's number, so that an answer of another request is a wrong one.
//!
//! One table of bytes repeats itself after a prime number of them; a request's content is a part of it that begins where
//! its number says. So nothing is copied or computed, neither when it is made nor when it is checked.
//!
//! Invariant: two numbers that differ by less than the period have contents that differ in the first bytes.

use std::fmt::Write as _;
use std::sync::LazyLock;

use rsgi_core::bytes::Bytes;

/// The content of the request with this number; at most [`BIG`] bytes.
pub(crate) fn content(number: u64, length: usize) -> Bytes {
    let start = usize::try_from(number % PERIOD).unwrap_or_default();
    TABLE.slice(start..start + length)
}

/// How long a small content is. Never 0: an answer to HEAD whose content is empty says no length, as an app may have
/// left out what it would send.
pub(crate) fn small_length(number: u64) -> usize {
    1 + usize::try_from(number % 307).unwrap_or_default()
}

/// One event of an event stream.
pub(crate) fn event(number: u64, index: usize) -> String {
    format!("id: {index}\ndata: event {index} of {number}\n\n")
}

/// All events of one, as they stand on the wire unframed.
pub(crate) fn all_events(number: u64) -> String {
    (0..EVENTS).fold(String::new(), |mut all, index| {
        let _writing_to_a_string = write!(all, "{}", event(number, index));
        all
    })
}

fn table() -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let pattern: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(usize::try_from(PERIOD).unwrap_or_default())
    .collect();
    let whole = pattern.iter().copied().cycle();
    whole.take(BIG + pattern.len()).collect::<Vec<_>>().into()
}

static TABLE: LazyLock<Bytes> = LazyLock::new(table);

/// The largest content.
pub(crate) const BIG: usize = 8 << 20;
/// What is uploaded whole, or echoed while it comes.
pub(crate) const UPLOAD: usize = 4 << 20;
/// The content of a stream, and of one of its pieces.
pub(crate) const STREAM: usize = 256 * PIECE;
/// See [`STREAM`].
pub(crate) const PIECE: usize = 1024;
/// The events of an event stream.
pub(crate) const EVENTS: usize = 12;

/// A prime.
const PERIOD: u64 = 65_521;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_of_neighbours_differ_and_the_longest_is_there() {
        for number in [0, 1, PERIOD - 1, PERIOD, 10_000_000] {
            assert_ne!(content(number, 8), content(number + 1, 8), "{number}");
            assert_eq!(content(number, BIG).len(), BIG);
        }
    }
}
