//! The named limits of the codec, each with a default and the reason to change it.
//!
//! Only numbers live here; who counts stands with each field. Limits on time and on connections belong to the
//! connection, not to the codec, which does no I/O and knows no clock.
//!
//! Invariant: nothing the codec buffers is without a limit of this file.
//! Next: `head.rs` and `body.rs`, which apply them.

/// Limits on a request's head; what is exactly at a limit passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the whole head, from the method to the empty line's end: 65,536. Over it: 431. Lower it where
    /// clients are many and memory is short.
    pub head_bytes: usize,
    /// Header fields: 100. Over it: 431.
    pub field_count: usize,
    /// Bytes of one field line without its CRLF: 16,384. Over it: 431. Raise it for very large cookies or tickets.
    pub field_bytes: usize,
    /// Bytes of the request target: 8,192, the least that RFC 9110 4.1 wants supported being 8,000. Over it: 414.
    /// `http::Uri` holds at most 65,534, whatever stands here.
    pub target_bytes: usize,
    /// Bytes of the method: 64. Over it: 501, as RFC 9112 3 suggests.
    pub method_bytes: usize,
    /// Empty lines tolerated before a request line: 4. RFC 9112 2.2 asks for one at least. Over it: 400.
    pub empty_lines: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            head_bytes: 65_536,
            field_count: 100,
            field_bytes: 16_384,
            target_bytes: 8_192,
            method_bytes: 64,
            empty_lines: 4,
        }
    }
}

/// Limits on a request's body; what is exactly at a limit passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes of content, the framing not counted: 1 GiB. Over it: 413. Lower it where apps read whole bodies.
    pub body_bytes: u64,
    /// Bytes of one chunk's extensions: 256. They are read and thrown away.
    pub extension_bytes: usize,
    /// Bytes of all chunk extensions of one body: 16,384.
    pub extensions_total: usize,
    /// Bytes of the trailer section: 16,384.
    pub trailer_bytes: usize,
    /// Trailer fields: 100, of which no setting allows more.
    pub trailer_count: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 30,
            extension_bytes: 256,
            extensions_total: 16_384,
            trailer_bytes: 16_384,
            trailer_count: 100,
        }
    }
}
