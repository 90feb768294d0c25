//! Requests as bytes, for what every case would otherwise spell out; odd ones are written in their cases.

/// A GET of HTTP/1.1 with a Host and nothing else.
pub fn get(target: &str) -> Vec<u8> {
    request("GET", target, &[], b"")
}

/// A request of HTTP/1.1 with a Host, these fields and this content; `Content-Length` is the caller's to give.
pub fn request(method: &str, target: &str, fields: &[(&str, &str)], content: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {target} HTTP/1.1\r\nhost: test\r\n").into_bytes();
    for (name, value) in fields {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(content);
    bytes
}

/// A POST with a `Content-Length`.
pub fn post(target: &str, content: &[u8]) -> Vec<u8> {
    request("POST", target, &[("content-length", &content.len().to_string())], content)
}

/// The head of a POST with chunked content.
pub fn chunked_head(target: &str) -> Vec<u8> {
    request("POST", target, &[("transfer-encoding", "chunked")], b"")
}

/// Content in chunks, with the last one and no trailers.
pub fn chunks(pieces: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// Bytes that look random and are the same each time (a xorshift), for contents whose order must show.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
