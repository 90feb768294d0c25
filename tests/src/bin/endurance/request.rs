//! The requests of the good clients, as bytes, and what must come of each.

use std::io::Write as _;

use rsgi_core::bytes::Bytes;

use crate::content::{content, small_length};
use crate::expected::{Expected, Framing, Keep};

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Its number.
    pub(crate) number: u64,
    /// Its method.
    pub(crate) method: &'static str,
    /// Its path, but for the number.
    pub(crate) path: &'static str,
    /// What its answer holds.
    pub(crate) answer: Bytes,
    /// How that is framed.
    pub(crate) framing: Framing,
    /// Whether the connection is to go on.
    pub(crate) keep: Keep,
}

impl Request {
    /// A GET whose answer is framed by its length.
    pub(crate) fn get(path: &'static str, number: u64, length: usize) -> Self {
        let answer = content(number, length);
        Self { number, method: "GET", path, answer, framing: Framing::Length, keep: Keep::Open }
    }

    /// A GET of a small answer.
    pub(crate) fn small(path: &'static str, number: u64) -> Self {
        Self::get(path, number, small_length(number))
    }

    /// A GET of an answer in chunks.
    pub(crate) fn streamed(path: &'static str, number: u64, answer: Bytes) -> Self {
        Self { number, method: "GET", path, answer, framing: Framing::Chunked, keep: Keep::Open }
    }

    /// A POST whose content comes back.
    pub(crate) fn echo(path: &'static str, number: u64, length: usize) -> Self {
        Self { method: "POST", ..Self::get(path, number, length) }
    }

    /// Writes its head, and the content of one that comes back whole.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.write_head(out);
        if self.method == "POST" {
            out.extend_from_slice(&self.answer);
        }
    }

    /// Writes its head; a POST says the length of its content.
    pub(crate) fn write_head(&self, out: &mut Vec<u8>) {
        let Self { number, method, path, .. } = self;
        let _writing_to_a_vec = write!(out, "{method} {path}{number} HTTP/1.1\r\n{FIELDS}");
        if self.method == "POST" {
            let _writing_to_a_vec = write!(out, "content-length: {}\r\n", self.answer.len());
        }
        if self.keep == Keep::Close {
            out.extend_from_slice(b"connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Its bytes, its content in chunks of this size.
    pub(crate) fn in_chunks(&self, size: usize) -> Vec<u8> {
        let Self { number, path, .. } = self;
        let mut out = Vec::with_capacity(2 * self.answer.len() + 256);
        let _writing_to_a_vec =
            write!(out, "POST {path}{number} HTTP/1.1\r\n{FIELDS}transfer-encoding: chunked\r\n\r\n");
        for piece in self.answer.chunks(size) {
            let _writing_to_a_vec = write!(out, "{:x}\r\n", piece.len());
            out.extend_from_slice(piece);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\n\r\n");
        out
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// What must come of it.
    pub(crate) fn expected(&self) -> Expected<'_> {
        let Self { number, framing, keep, answer, .. } = self;
        Expected { number: *number, framing: *framing, keep: *keep, content: answer }
    }
}

/// What every request says.
const FIELDS: &str = "host: test\r\nuser-agent: endurance\r\naccept: */*\r\n";
