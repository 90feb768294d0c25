//! The tamperings that most wrong servers are made of.

use crate::tamper::{Pass, Tamper};

/// Replaces text wherever it stands in one piece.
pub(crate) fn replacing(from: &'static [u8], to: &'static [u8]) -> Tamper {
    Box::new(move |bytes| Pass::On(replaced(bytes, from, to)))
}

/// Adds lines to each head of an answer.
pub(crate) fn head_with(lines: &'static str) -> Tamper {
    in_heads(move |head| {
        let mut head = head.to_vec();
        head.truncate(head.len() - 2);
        head.extend_from_slice(lines.as_bytes());
        head.extend_from_slice(b"\r\n");
        head
    })
}

/// Changes each head of an answer, from its status line to its empty line, where one begins a piece.
pub(crate) fn in_heads(change: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Tamper {
    Box::new(move |bytes| {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        let Some(end) = end.filter(|_| bytes.starts_with(b"HTTP/")) else {
            return Pass::On(bytes.to_vec());
        };
        let mut out = change(&bytes[..end]);
        out.extend_from_slice(&bytes[end..]);
        Pass::On(out)
    })
}

/// The bytes with one text in place of another.
pub(crate) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}
