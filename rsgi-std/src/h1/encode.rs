//! The bytes of answers: heads, chunks, trailers, informational heads, and the answers to bad requests.
//!
//! It writes what it is told. What an answer means (HEAD, 204, Content-Length against the body) was decided by
//! `rsgi_core`'s `respond` and the connection; here framing and connection fields come from two enums alone, and
//! fields of those names in the map never reach the wire beside them. Versions: always `HTTP/1.1`, for RFC 9110 2.5
//! has a server state its own, also towards 1.0 clients.
//!
//! Invariant: a head that was written has at most one Content-Length, Transfer-Encoding, Connection, and one Date.
//! Next: `date.rs` for the fields every answer ends with.

use std::num::NonZeroUsize;

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use rsgi_core::is_forbidden_trailer;

use super::date::StandingFields;
use super::{BodyError, Reject};

/// How an answer's body is delimited, and which field says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerFraming {
    /// By the Content-Length that the map holds, or not at all: an app's own length, HEAD, 304.
    AsGiven,
    /// By `content-length` with this value, in the place of the map's.
    Length(u64),
    /// By the chunked coding; a Content-Length in the map isn't sent.
    Chunked,
    /// By the end of the connection, towards HTTP/1.0; a Content-Length in the map isn't sent.
    UntilClose,
    /// There is none, nor may a field say so: 204, 101, a 2xx to CONNECT (RFC 9110 8.6, 9.3.6).
    Nothing,
}

/// What the Connection field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionField {
    /// No field: HTTP/1.1 goes on by itself.
    Omitted,
    /// `keep-alive`, for HTTP/1.0 clients.
    KeepAlive,
    /// `close`.
    Close,
    /// `upgrade`; the map holds the Upgrade field.
    Upgrade,
}

/// A final answer's head, or a 101.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by the connection, field by field, once an answer")]
pub struct AnswerHead<'a> {
    /// The status.
    pub status: StatusCode,
    /// The app's fields.
    pub headers: &'a HeaderMap,
    /// The framing.
    pub framing: AnswerFraming,
    /// The Connection field.
    pub connection: ConnectionField,
}

/// Appends an answer's head to `out`.
///
/// Date and Server are added where the app set none. Fields keep the map's order, names are in lower case. Connection,
/// Keep-Alive and Transfer-Encoding of the map are left out: they are the server's, and core refuses them before.
#[inline]
pub fn encode_head(out: &mut Vec<u8>, head: &AnswerHead<'_>, standing: &StandingFields) {
    encode_status(out, head.status);
    let mut own = OwnFields::default();
    for (name, value) in head.headers {
        if own.admits(name, head.framing) {
            encode_field(out, name, value);
        }
    }
    match head.framing {
        AnswerFraming::Length(length) => encode_length(out, length),
        AnswerFraming::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        AnswerFraming::AsGiven | AnswerFraming::UntilClose | AnswerFraming::Nothing => {}
    }
    // RFC 9110 section 7.8: an Upgrade field, such as a 426's offer, is named in Connection.
    let line: &[u8] = match (head.connection, own.upgrade) {
        (ConnectionField::Omitted, Own::Unset) => b"",
        (ConnectionField::KeepAlive, Own::Unset) => b"connection: keep-alive\r\n",
        (ConnectionField::KeepAlive, Own::Set) => b"connection: keep-alive, upgrade\r\n",
        (ConnectionField::Close, Own::Unset) => b"connection: close\r\n",
        (ConnectionField::Close, Own::Set) => b"connection: close, upgrade\r\n",
        (ConnectionField::Omitted, Own::Set) | (ConnectionField::Upgrade, _) => b"connection: upgrade\r\n",
    };
    out.extend_from_slice(line);
    encode_standing(out, &own, standing);
}

/// Appends an informational head (1xx other than 101): its fields are the map's, nothing is added.
pub fn encode_informational(out: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap) {
    encode_status(out, status);
    let mut own = OwnFields::default();
    for (name, value) in headers {
        if own.admits(name, AnswerFraming::Nothing) {
            encode_field(out, name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// The whole of `100 Continue`.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What follows a chunk's data.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Appends a chunk's size line; its data and [`CHUNK_END`] follow. A size of 0 would end the body, so there is none.
pub fn encode_chunk_size(out: &mut Vec<u8>, size: NonZeroUsize) {
    let mut digits = [0_u8; 18];
    let mut at = digits.len() - 2;
    digits[at..].copy_from_slice(b"\r\n");
    let mut rest = size.get();
    while rest > 0 {
        at -= 1;
        digits[at] = DIGITS[rest & 15];
        rest >>= 4;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a whole chunk; nothing at all for no data, which would end the body.
pub fn encode_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if let Some(size) = NonZeroUsize::new(data.len()) {
        encode_chunk_size(out, size);
        out.extend_from_slice(data);
        out.extend_from_slice(CHUNK_END);
    }
}

/// Appends the last chunk and the trailers; returns the names of those that no trailer section may hold.
pub fn encode_last_chunk(out: &mut Vec<u8>, trailers: Option<&HeaderMap>) -> Vec<HeaderName> {
    let mut refused = Vec::new();
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        if is_forbidden_trailer(name) {
            refused.push(name.clone());
        } else {
            encode_field(out, name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
    refused
}

/// Appends the whole answer to a refused head, after which the connection is closed.
pub fn encode_reject(out: &mut Vec<u8>, reject: Reject, standing: &StandingFields) {
    encode_error(out, reject.status(), reject.name(), standing);
}

/// Appends the whole answer to a bad body, for where no answer was begun; the connection is closed after it.
pub fn encode_body_error(out: &mut Vec<u8>, error: BodyError, standing: &StandingFields) {
    encode_error(out, error.status(), error.name(), standing);
}

/// Appends a small answer of the server's own, with a line of text for a reader; the connection is closed after it.
pub fn encode_error(out: &mut Vec<u8>, status: StatusCode, text: &str, standing: &StandingFields) {
    encode_status(out, status);
    out.extend_from_slice(b"content-type: text/plain; charset=utf-8\r\n");
    encode_length(out, text.len() as u64 + 1);
    out.extend_from_slice(b"connection: close\r\n");
    out.extend_from_slice(standing.all());
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}

/// Which of the standing fields the app set itself.
#[derive(Debug, Default)]
struct OwnFields {
    date: Own,
    server: Own,
    upgrade: Own,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Own {
    #[default]
    Unset,
    Set,
}

impl OwnFields {
    /// Tells whether a field of the map is written, and notes what the app sets itself.
    #[inline]
    fn admits(&mut self, name: &HeaderName, framing: AnswerFraming) -> bool {
        // The length tells nearly all names apart without a comparison (bench `codec`).
        match name.as_str().len() {
            4 if *name == header::DATE => std::mem::replace(&mut self.date, Own::Set) == Own::Unset,
            6 if *name == header::SERVER => std::mem::replace(&mut self.server, Own::Set) == Own::Unset,
            7 if *name == header::UPGRADE => {
                self.upgrade = Own::Set;
                true
            }
            10 => *name != header::CONNECTION && name.as_str() != "keep-alive",
            14 if *name == header::CONTENT_LENGTH => framing == AnswerFraming::AsGiven,
            17 => *name != header::TRANSFER_ENCODING,
            _ => true,
        }
    }
}

#[inline]
fn encode_status(out: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    // The blank stays where there is no reason phrase (RFC 9112 4).
    out.extend_from_slice(status.canonical_reason().unwrap_or("").as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[inline]
fn encode_field(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[inline]
fn encode_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"content-length: ");
    let mut digits = [0_u8; 22];
    let mut at = digits.len() - 2;
    digits[at..].copy_from_slice(b"\r\n");
    let mut rest = length;
    loop {
        at -= 1;
        digits[at] = DIGITS[(rest % 10) as usize];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[inline]
fn encode_standing(out: &mut Vec<u8>, own: &OwnFields, standing: &StandingFields) {
    match (own.server, own.date) {
        (Own::Unset, Own::Unset) => out.extend_from_slice(standing.all()),
        (server, date) => {
            if server == Own::Unset {
                out.extend_from_slice(standing.server_line());
            }
            if date == Own::Unset {
                out.extend_from_slice(standing.date_line());
            }
            out.extend_from_slice(b"\r\n");
        }
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
