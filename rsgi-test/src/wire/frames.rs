//! HTTP/2 by hand: frames written and read one by one, for what no client library would send.
//!
//! Fields are sent as literals without compression (RFC 7541 section 6.2.3), so that nothing here can be subtly
//! right; only what makes a server's table grow is indexed. What the server sends in its fields is not decoded. For
//! whole requests see `http2.rs`.

use super::raw_client::RawClient;

/// What a frame is, by its number (RFC 9113 section 6).
pub mod kind {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// What a setting is, by its number (RFC 9113 section 6.5.2).
pub mod setting {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const HEADER_TABLE_SIZE: u16 = 1;
    pub const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
}

/// Why a stream or a connection ends, by its number (RFC 9113 section 7).
pub mod code {
    #![expect(missing_docs, reason = "the names are the RFC's")]
    pub const PROTOCOL_ERROR: u32 = 1;
    pub const FLOW_CONTROL_ERROR: u32 = 3;
    pub const REFUSED_STREAM: u32 = 7;
    pub const CANCEL: u32 = 8;
    pub const ENHANCE_YOUR_CALM: u32 = 11;
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

    /// The value that `SETTINGS` gives to a setting.
    pub fn setting(&self, name: u16) -> Option<u32> {
        let (settings, _) = self.payload.as_chunks::<6>();
        let value = |[a, b, value @ ..]: &[u8; 6]| {
            (u16::from_be_bytes([*a, *b]) == name).then(|| u32::from_be_bytes(*value))
        };
        settings.iter().find_map(value)
    }
}

/// The connection preface, with empty settings.
pub fn preface() -> Vec<u8> {
    preface_with(&[])
}

/// The connection preface, with these settings.
pub fn preface_with(settings: &[(u16, u32)]) -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &self::settings(settings)].concat()
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

/// A SETTINGS frame.
pub fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let pairs =
        settings.iter().flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat());
    frame(kind::SETTINGS, 0, 0, &pairs.collect::<Vec<_>>())
}

/// A PING frame.
pub fn ping() -> Vec<u8> {
    frame(kind::PING, 0, 0, b"are you?")
}

/// An `RST_STREAM` frame.
pub fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream, &code.to_be_bytes())
}

/// A `WINDOW_UPDATE` frame; an increment of 0 is an error (RFC 9113 section 6.9).
pub fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

/// A PRIORITY frame; a stream that depends on itself is an error (RFC 7540 section 5.3.1).
pub fn priority(stream: u32, on: u32) -> Vec<u8> {
    frame(kind::PRIORITY, 0, stream, &[&on.to_be_bytes()[..], &[15]].concat())
}

/// A HEADERS frame with these fields, whole in itself.
pub fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, flags | flag::END_HEADERS, stream, &block(fields))
}

/// Fields as literals that no table keeps: the payload of HEADERS, or a part of it (RFC 7541 section 6.2.3).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for field in fields {
        block.push(0x10);
        literal(&mut block, *field);
    }
    block
}

/// One field that the server's table keeps (RFC 7541 section 6.2.1); [`NEWEST`] then stands for it.
pub fn indexing(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0x40];
    literal(&mut block, (name, value));
    block
}

/// The field that the server's table got last (RFC 7541 sections 2.3.3 and 6.1).
pub const NEWEST: u8 = 0x80 + 62;

fn literal(block: &mut Vec<u8>, (name, value): (&str, &str)) {
    for text in [name, value] {
        integer(block, text.len());
        block.extend_from_slice(text.as_bytes());
    }
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

/// Parses frames that were read to the end of a connection; a last one that was cut is left out.
pub fn all(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let length = usize::try_from(length).expect("a small frame");
        let Some((payload, behind)) = rest.split_at_checked(length) else { break };
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        frames.push(Frame { kind: head[3], flags: head[4], stream, payload: payload.to_vec() });
        bytes = behind;
    }
    frames
}

/// Reads frames up to one that fits, answering settings on the way.
pub fn read_until(client: &mut RawClient, fits: impl Fn(&Frame) -> bool) -> Frame {
    loop {
        let found = read(client);
        if found.kind == kind::SETTINGS && found.flags & flag::ACK == 0 {
            // The server may have ended already what it says more of.
            let _nobody_reads = client.try_send(frame(kind::SETTINGS, flag::ACK, 0, &[]));
        }
        if fits(&found) {
            return found;
        }
    }
}
