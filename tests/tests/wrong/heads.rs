//! Wrong servers about heads of answers: rules 69 to 88.

use crate::Wrong;
use crate::tamper::{Pass, Tamper};

pub(crate) const WRONG: &[Wrong] = &[
    Wrong::outbound(69, "sends 200 whatever the app says", || {
        replacing(b"HTTP/1.1 404 Not Found", b"HTTP/1.1 200 OK")
    }),
    Wrong::outbound(78, "sends no Date", || replacing(b"date: ", b"x-old-date: ")),
];

/// Replaces text wherever it stands in one piece.
pub(crate) fn replacing(from: &'static [u8], to: &'static [u8]) -> Tamper {
    Box::new(move |bytes| {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(to);
            rest = &rest[at + from.len()..];
        }
        out.extend_from_slice(rest);
        Pass::On(out)
    })
}
