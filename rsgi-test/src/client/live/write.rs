//! A request as the bytes of HTTP/1 (RFC 9112): its head, its chunks, its trailers.
//!
//! What an outline says is written as it is; what framing it needs, the outline added itself.

use rsgi_core::bytes::{BufMut, BytesMut};
use rsgi_core::http::{HeaderMap, Version};

use crate::client::outline::Outline;

/// Writes a request's head.
pub(super) fn head(out: &mut BytesMut, outline: &Outline) {
    let version = if outline.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
    out.put_slice(format!("{} {} {version}\r\n", outline.method, outline.target).as_bytes());
    for (name, value) in &outline.fields {
        field(out, name.as_str(), value.as_bytes());
    }
    out.put_slice(b"\r\n");
}

fn field(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// Writes a chunk; an empty piece is none, since it would be the last.
pub(super) fn chunk(out: &mut BytesMut, piece: &[u8]) {
    if !piece.is_empty() {
        out.put_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.put_slice(piece);
        out.put_slice(b"\r\n");
    }
}

/// Writes the last chunk and the trailers.
pub(super) fn last_chunk(out: &mut BytesMut, trailers: Option<&HeaderMap>) {
    out.put_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        field(out, name.as_str(), value.as_bytes());
    }
    out.put_slice(b"\r\n");
}
