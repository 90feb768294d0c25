//! [`Out`]: what is to be sent, in order: small pieces copied together, large ones beside them as the shared bytes they are.
//!
//! Invariant: `parts` goes before `tail`. Next: the protocols, which fill it; the hosts, which send it.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// Bytes on their way out.
#[derive(Debug, Default)]
pub struct Out {
    parts: VecDeque<Bytes>,
    tail: BytesMut,
    /// How many bytes `parts` has.
    in_parts: usize,
}

/// From this length on a piece isn't copied.
pub(crate) const LARGE: usize = 8 * 1024;

/// How much memory a connection at rest may keep.
const KEPT: usize = 4 * 1024;

impl Out {
    /// How many bytes lie here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.in_parts + self.tail.len()
    }

    /// Tells whether everything was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.tail.is_empty()
    }

    /// Adds bytes that are copied.
    pub fn append(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// The place for bytes that are written piece by piece: what is added to it is added here.
    pub fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Adds a piece: copied if small, as it is if large.
    pub fn push(&mut self, piece: Bytes) {
        if piece.len() < LARGE {
            return self.append(&piece);
        }
        if !self.tail.is_empty() {
            let small = self.tail.split().freeze();
            self.in_parts += small.len();
            self.parts.push_back(small);
        }
        self.in_parts += piece.len();
        self.parts.push_back(piece);
    }

    /// Lets go of memory that a long answer took, once everything was sent.
    pub fn rest(&mut self) {
        if self.is_empty() && self.tail.capacity() > KEPT {
            self.tail = BytesMut::new();
        }
    }

    /// What is to be written next, as many pieces as `slices` has room for; tells how many there are.
    pub fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let tail = (!self.tail.is_empty()).then(|| &self.tail[..]);
        let mut count = 0;
        for (slot, piece) in slices.iter_mut().zip(self.parts.iter().map(|part| &part[..]).chain(tail)) {
            *slot = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    /// Takes off what was sent.
    pub fn advance(&mut self, mut sent: usize) {
        while let Some(part) = self.parts.front_mut() {
            if sent < part.len() {
                part.advance(sent);
                self.in_parts -= sent;
                return;
            }
            sent -= part.len();
            self.in_parts -= part.len();
            self.parts.pop_front();
        }
        self.tail.advance(sent.min(self.tail.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(out: &Out) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = out.gather(&mut slices);
        slices[..count].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn pieces_keep_their_order_however_they_are_sent() {
        for step in [97, LARGE - 1, LARGE, LARGE + 5, 100_000] {
            let (mut out, mut expected) = (Out::default(), Vec::new());
            for size in [3, LARGE, 5, 0, LARGE + 1, LARGE, 2] {
                let piece = vec![u8::try_from(size % 251).unwrap(); size];
                expected.extend_from_slice(&piece);
                out.push(piece.into());
            }
            assert_eq!(out.len(), expected.len());
            let mut sent = 0;
            while !out.is_empty() {
                assert_eq!(all(&out), expected[sent..], "after {sent}");
                let now = step.min(out.len());
                out.advance(now);
                sent += now;
            }
            assert_eq!((sent, out.len()), (expected.len(), 0));
        }
    }

    #[test]
    fn a_large_piece_is_not_copied_and_let_go_once_sent() {
        let piece = Bytes::from(vec![1; LARGE]);
        let mut out = Out::default();
        out.append(b"head");
        out.push(piece.clone());
        let mut slices = [IoSlice::new(&[]); 2];
        assert_eq!(out.gather(&mut slices), 2);
        assert_eq!(slices[1].as_ptr(), piece.as_ptr());
        out.advance(4 + LARGE);
        assert!(piece.is_unique());
    }
}
