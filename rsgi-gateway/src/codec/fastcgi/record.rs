//! Records of FastCGI 1.0: the header, which kinds there are, and how ours are written.
//!
//! Section numbers are those of the FastCGI specification 1.0. Next: `mod.rs`, which reads them.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::codec::{Out, RequestId};

/// What stands before a record's content (section 3.3).
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) version: u8,
    pub(super) kind: u8,
    pub(super) id: RequestId,
    /// How many bytes of content follow.
    pub(super) content: usize,
    /// How many bytes follow the content, and mean nothing.
    pub(super) padding: usize,
}

/// The kinds of records (section 8). `DATA` is for a role that isn't offered here.
pub(super) mod kind {
    pub(in super::super) const BEGIN_REQUEST: u8 = 1;
    pub(in super::super) const ABORT_REQUEST: u8 = 2;
    pub(in super::super) const END_REQUEST: u8 = 3;
    pub(in super::super) const PARAMS: u8 = 4;
    pub(in super::super) const STDIN: u8 = 5;
    pub(in super::super) const STDOUT: u8 = 6;
    pub(in super::super) const STDERR: u8 = 7;
    pub(in super::super) const GET_VALUES: u8 = 9;
    pub(in super::super) const GET_VALUES_RESULT: u8 = 10;
    pub(in super::super) const UNKNOWN_TYPE: u8 = 11;
}

/// How a request ended for the protocol (section 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProtocolStatus {
    RequestComplete = 0,
    Overloaded = 2,
    UnknownRole = 3,
}

impl Header {
    /// Bytes of a header.
    pub(super) const LENGTH: usize = 8;

    /// Reads the header that `input` begins with, if all of it is there.
    pub(super) fn read(input: &[u8]) -> Option<Self> {
        let [version, kind, id1, id0, content1, content0, padding, _reserved] = *input.first_chunk()?;
        Some(Self {
            version,
            kind,
            id: u16::from_be_bytes([id1, id0]),
            content: u16::from_be_bytes([content1, content0]).into(),
            padding: padding.into(),
        })
    }

    /// The bytes of a header without padding.
    fn bytes(kind: u8, id: RequestId, content: u16) -> [u8; Self::LENGTH] {
        let ([id1, id0], [content1, content0]) = (id.to_be_bytes(), content.to_be_bytes());
        [1, kind, id1, id0, content1, content0, 0, 0]
    }
}

/// A record with content of any length up to a record's most.
pub(super) fn record(kind: u8, id: RequestId, content: &[u8]) -> Bytes {
    let content = content.get(..content.len().min(MOST)).unwrap_or_default();
    let mut record = BytesMut::with_capacity(Header::LENGTH + content.len());
    record.extend_from_slice(&Header::bytes(kind, id, length(content.len())));
    record.extend_from_slice(content);
    record.freeze()
}

/// The record that ends a request (section 5.5).
pub(super) fn end_request(id: RequestId, app_status: u32, status: ProtocolStatus) -> [u8; 16] {
    let mut record = [0; 16];
    record[..8].copy_from_slice(&Header::bytes(kind::END_REQUEST, id, 8));
    record[8..12].copy_from_slice(&app_status.to_be_bytes());
    record[12] = status as u8;
    record
}

/// The record that ends a stream (section 3.3).
pub(super) fn end_of_stream(kind: u8, id: RequestId) -> [u8; Header::LENGTH] {
    Header::bytes(kind, id, 0)
}

/// Adds to a stream, in as many records as it takes, without a copy of what is large.
pub(super) fn push(kind: u8, id: RequestId, mut piece: Bytes, out: &mut Out) {
    while !piece.is_empty() {
        let content = piece.split_to(piece.len().min(MOST));
        out.append(&Header::bytes(kind, id, length(content.len())));
        out.push(content);
    }
}

/// Adds to a stream by a copy.
pub(super) fn append(kind: u8, id: RequestId, piece: &[u8], out: &mut BytesMut) {
    for content in piece.chunks(MOST) {
        out.extend_from_slice(&Header::bytes(kind, id, length(content.len())));
        out.extend_from_slice(content);
    }
}

/// Adds to a stream what `write` writes, whose length isn't known before.
pub(super) fn written(kind: u8, id: RequestId, out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_bytes(0, Header::LENGTH);
    write(out);
    let content = out.len() - start - Header::LENGTH;
    if content > MOST {
        let content = out.split_off(start + Header::LENGTH);
        out.truncate(start);
        return append(kind, id, &content, out);
    }
    if let Some(place) = out.get_mut(start..start + Header::LENGTH) {
        place.copy_from_slice(&Header::bytes(kind, id, length(content)));
    }
}

/// A length that is no longer than [`MOST`].
fn length(content: usize) -> u16 {
    u16::try_from(content).unwrap_or(u16::MAX)
}

/// Content of a record that is as long as it gets: a multiple of 8, as section 3.3 would have it, so that it needs no
/// padding.
const MOST: usize = 65_528;
