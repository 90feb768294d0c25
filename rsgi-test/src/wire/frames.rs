//! HTTP/2 by hand: frames written and read one by one, for what no client library would send.
//!
//! Fields are sent as literals without compression (RFC 7541 section 6.2.3), so that nothing here can be subtly
//! right; what the server sends in its fields is not decoded. For whole requests see `h2.rs`.

use super::raw_client::RawClient;

/// What a frame is, by its number (RFC 9113 section 6).
pub mod kind {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
}

/// Flags of frames.
pub mod flag {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const END_STREAM: u8 = 1;
    pub const ACK: u8 = 1;
    pub const END_HEADERS: u8 = 4;
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its number.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
    /// What it holds.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error code of `RST_STREAM` and `GOAWAY`.
    pub fn error_code(&self) -> u32 {
        let at = if self.kind == kind::GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }
}

/// The connection preface, with empty settings.
pub fn preface() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(kind::SETTINGS, 0, 0, &[])].concat()
}

/// One frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A HEADERS frame with these fields, whole in itself.
pub fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x10);
        for text in [name, value] {
            integer(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    frame(kind::HEADERS, flags | flag::END_HEADERS, stream, &block)
}

/// The pseudo-fields of a request.
pub fn request<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path)]
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn integer(block: &mut Vec<u8>, value: usize) {
    let Some(mut rest) = value.checked_sub(127) else {
        return block.push(u8::try_from(value).expect("below 127"));
    };
    block.push(127);
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).expect("below 128") | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).expect("below 128"));
}

/// Reads one frame.
pub fn read(client: &mut RawClient) -> Frame {
    let head = client.bytes(9);
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let stream = u32::from_be_bytes(head[5..9].try_into().expect("four bytes"));
    let payload = client.bytes(usize::try_from(length).expect("a small frame"));
    Frame { kind: head[3], flags: head[4], stream, payload }
}

/// Reads frames up to one that fits, answering settings on the way.
pub fn read_until(client: &mut RawClient, fits: impl Fn(&Frame) -> bool) -> Frame {
    loop {
        let found = read(client);
        if found.kind == kind::SETTINGS && found.flags & flag::ACK == 0 {
            client.send(frame(kind::SETTINGS, flag::ACK, 0, &[]));
        }
        if fits(&found) {
            return found;
        }
    }
}
