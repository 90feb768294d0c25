//! What [`Wire`](super::wire::Wire) remembers in one word of flags, so that a request asks and sets several in one step.
//!
//! Read next: `wire.rs`, which says what each means for the connection.

/// Notes whether a request came in one read with the one before it. A connection on which one did is taken to pipeline
/// until a read has brought one request alone.
#[cold]
pub(super) fn follow(flags: u16, is_next: bool) -> u16 {
    match (is_next, flags & FOLLOWED != 0) {
        (true, _) => flags | FOLLOWED | PIPELINES,
        (false, true) => flags & !FOLLOWED,
        (false, false) => flags & !PIPELINES,
    }
}

/// A request is being answered.
pub(super) const BUSY: u16 = 1;
/// Bytes came since the last request's head: of its body, or of the next head.
pub(super) const BEGUN: u16 = 1 << 1;
/// The client ended its side.
pub(super) const ENDED: u16 = 1 << 2;
/// The stream is broken.
pub(super) const RESET: u16 = 1 << 3;
/// The client takes no bytes for now.
pub(super) const BLOCKED: u16 = 1 << 4;
/// The answer is finished, and hyper hasn't got it yet.
pub(super) const HELD: u16 = 1 << 5;
/// The connection ends behind the answer that was sent.
pub(super) const CLOSING: u16 = 1 << 6;
/// The answer ends with the connection, as on HTTP/1.0.
pub(super) const UNTIL_CLOSE: u16 = 1 << 7;
/// The request has a body.
pub(super) const HAS_BODY: u16 = 1 << 8;
/// A request came in one read with the one before it, since the last read.
pub(super) const FOLLOWED: u16 = 1 << 9;
/// The client is likely to send several requests at once.
pub(super) const PIPELINES: u16 = 1 << 10;
/// Large pieces of the answer go round hyper.
pub(super) const HAS_LARGE: u16 = 1 << 11;
/// The answer may have several pieces.
pub(super) const HAS_PIECES: u16 = 1 << 12;
/// Nobody follows the answer, and all of it is there.
pub(super) const QUIET: u16 = 1 << 13;
/// There are answers before the last that are still to be told.
pub(super) const UNFLUSHED: u16 = 1 << 14;
/// The server leaves: the next answer is the last.
pub(super) const LEAVING: u16 = 1 << 15;
/// What ends with the request that it was said of, but for [`BUSY`].
pub(super) const OF_ONE_REQUEST: u16 = BEGUN | HELD | UNTIL_CLOSE | HAS_BODY | HAS_LARGE | HAS_PIECES | QUIET;
