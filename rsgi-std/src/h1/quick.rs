//! The quick way through a head as nearly every client writes it: one pass, each byte looked at once.
//!
//! A target in origin-form, HTTP/1.1, CR LF everywhere, everything within the limits. Whatever else there is (a head that
//! isn't whole, a broken rule, 1.0, bytes above ASCII in the target) it leaves undecided, for `httparse` and the checks
//! beside it in `head.rs`.
//!
//! Invariant: a head that passes here passes there with the same parts; the tests hold the two against each other.
//! Next: `head.rs`.

use std::ops::Range;

use super::HeadLimits;
use super::diagnose::is_token;
use super::head::{FieldSpan, URI_BYTES};

/// Where the request line's parts lie in a head of the usual shape.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Quick {
    /// How long the method is, with which the head begins.
    pub(super) method: usize,
    pub(super) target: Range<usize>,
    pub(super) length: usize,
}

/// Finds the parts of a head of the usual shape; `None` says nothing about the head.
#[inline]
pub(super) fn scan(buf: &[u8], limits: &HeadLimits, spans: &mut Vec<FieldSpan>) -> Option<Quick> {
    let method = if buf.starts_with(b"GET /") { 3 } else { skip(buf, 0, &TOKEN) };
    if method == 0 || method > limits.method_bytes || buf.get(method..method + 2)? != b" /" {
        return None;
    }
    let target = method + 1..skip_words::<0x21>(buf, method + 2, &TARGET);
    if target.len() > limits.target_bytes.min(URI_BYTES)
        || buf.get(target.end..target.end + VERSION.len())? != VERSION
    {
        return None;
    }
    let mut at = target.end + VERSION.len();
    spans.clear();
    while *buf.get(at)? != b'\r' {
        if spans.len() == limits.field_count {
            return None;
        }
        let name = at..skip(buf, at, &TOKEN);
        if name.is_empty() || *buf.get(name.end)? != b':' {
            return None;
        }
        let (value, end) = value(buf, name.end + 1)?;
        if end - at > limits.field_bytes {
            return None;
        }
        spans.push(FieldSpan { name, value });
        at = end + 2;
    }
    let length = at + 2;
    (*buf.get(at + 1)? == b'\n' && length <= limits.head_bytes).then_some(Quick { method, target, length })
}

/// A field's value without the blanks round it, and where its line ends.
#[inline]
fn value(buf: &[u8], from: usize) -> Option<(Range<usize>, usize)> {
    let mut start = from;
    while matches!(buf.get(start)?, b' ' | b'\t') {
        start += 1;
    }
    let end = skip_words::<0x20>(buf, start, &VALUE);
    if buf.get(end..end + 2)? != b"\r\n" {
        return None;
    }
    let mut last = end;
    while last > start && matches!(buf[last - 1], b' ' | b'\t') {
        last -= 1;
    }
    Some((start..last, end))
}

/// Goes on as long as the bytes are in the table.
#[inline]
fn skip(buf: &[u8], mut at: usize, table: &[bool; 256]) -> usize {
    while let Some(byte) = buf.get(at)
        && table[usize::from(*byte)]
    {
        at += 1;
    }
    at
}

/// The same, eight bytes at once where all of them are ASCII from `LEAST` to the tilde.
#[inline]
fn skip_words<const LEAST: u8>(buf: &[u8], mut at: usize, table: &[bool; 256]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    while let Some(word) = buf.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        // A byte below `LEAST` borrows, 0x7f gets the high bit, others above have it. A borrow may make its neighbour
        // look wrong, never right.
        let odd = word.wrapping_sub(ONES * u64::from(LEAST)) | word.wrapping_add(ONES) | word;
        if odd & HIGH != 0 {
            break;
        }
        at += 8;
    }
    skip(buf, at, table)
}

const VERSION: &[u8; 11] = b" HTTP/1.1\r\n";

/// What a method and a field's name are made of (RFC 9110 section 5.6.2).
static TOKEN: [bool; 256] = table(Class::Token);
/// What a target is made of, as far as it is ASCII.
static TARGET: [bool; 256] = table(Class::Visible);
/// What a field's value is made of (RFC 9110 section 5.5).
static VALUE: [bool; 256] = table(Class::Value);

#[derive(Clone, Copy)]
enum Class {
    Token,
    Visible,
    Value,
}

const fn table(class: Class) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = match class {
            Class::Token => is_token(byte),
            Class::Visible => byte.is_ascii_graphic(),
            Class::Value => byte == b'\t' || (byte >= b' ' && byte != 0x7f),
        };
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}
