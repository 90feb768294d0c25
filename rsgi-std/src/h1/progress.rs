//! Heads that come in pieces: what one connection remembers between reads.
//!
//! `httparse` starts over at each call, so it is called only when it can get further: at the first bytes, and when
//! the empty line has come. In between only the new bytes are looked at, for line ends and for rules that are
//! already broken: a client that breaks one is told at once, in however many reads it does. It holds no bytes: they stay in the connection's buffer.
//!
//! Invariant: bytes behind the head's end are never looked at, for they are a body.
//! Next: `head.rs`, which decides when to ask.

use bytes::{Buf, BytesMut};

use super::diagnose::{Diagnosis, diagnose, is_token};
use super::{HeadLimits, Reject};

/// How far one connection's head has come; kept beside its buffer between reads.
#[derive(Clone, Debug, Default)]
pub struct HeadProgress {
    /// Bytes at the buffer's front in which the head's end was looked for in vain; 0 before the first try.
    scanned: u32,
    /// Empty lines taken off in front of the request line.
    empty_lines: u16,
    /// What the next byte belongs to.
    place: Place,
}

/// What the next byte of a head belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Method,
    Target,
    Version,
    /// The beginning of a line behind the request line.
    Line,
    Name,
    Value,
}

/// Whether a parse is worth its while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Parse,
    NotYet,
}

impl HeadProgress {
    /// Tells whether a part of a head was there before.
    #[inline]
    pub(super) fn is_begun(&self) -> bool {
        self.scanned > 0
    }

    /// Takes off empty lines, and looks for the end of a head that wasn't whole at the last try.
    pub(super) fn prepare(&mut self, buf: &mut BytesMut, limits: &HeadLimits) -> Result<Ready, Reject> {
        while self.scanned == 0 {
            match buf[..] {
                [b'\r', b'\n', ..] => buf.advance(2),
                [] | [b'\r'] => return Ok(Ready::NotYet),
                [b'\n', ..] => return Err(Reject::BareLineFeed),
                [b'\r', ..] => return Err(Reject::BareCarriageReturn),
                _ => return Ok(Ready::Parse),
            }
            self.empty_lines = self.empty_lines.saturating_add(1);
            if usize::from(self.empty_lines) > limits.empty_lines {
                return Err(Reject::TooManyEmptyLines);
            }
        }
        if self.look_for_end(buf, limits)? == Ready::Parse {
            return Ok(Ready::Parse);
        }
        self.wait(buf, limits).map(|()| Ready::NotYet)
    }

    /// Notes that the head isn't whole, and refuses it where it can't become valid any more.
    pub(super) fn wait(&mut self, buf: &[u8], limits: &HeadLimits) -> Result<(), Reject> {
        if self.scanned == 0 {
            self.look_for_end(buf, limits)?;
        }
        // More is looked at again: the limit is far below, or nobody wants one.
        self.scanned = u32::try_from(buf.len()).unwrap_or(u32::MAX);
        if buf.len() > limits.head_bytes {
            return Err(Reject::HeadTooLarge);
        }
        Ok(())
    }

    /// Looks at the bytes that came since the last try: at line ends, at limits, and for the empty line.
    ///
    /// One byte after the other, so that of two rules the same one is named whether they are broken in one read or not.
    fn look_for_end(&mut self, buf: &[u8], limits: &HeadLimits) -> Result<Ready, Reject> {
        let longest_line = limits.method_bytes.saturating_add(limits.target_bytes).saturating_add(LINE_REST);
        for at in self.scanned as usize..buf.len() {
            let is_behind_return = at > 0 && buf[at - 1] == b'\r';
            let is_feed = buf[at] == b'\n';
            if is_feed != is_behind_return {
                let bare = if is_feed { Reject::BareLineFeed } else { Reject::BareCarriageReturn };
                return Err(name(&buf[..=at], limits, bare));
            }
            if !self.place.takes(buf[at])
                && let Diagnosis::Broken(reject) = diagnose(&buf[..=at], limits)
            {
                return Err(reject);
            }
            if is_feed && at >= 3 && buf[at - 3..at] == *b"\r\n\r" {
                return Ok(Ready::Parse);
            }
            if self.place.is_request_line() && at >= longest_line {
                return Err(name(&buf[..=at], limits, Reject::TargetTooLong));
            }
            if at >= limits.head_bytes {
                return Err(name(&buf[..=at], limits, Reject::HeadTooLarge));
            }
        }
        Ok(Ready::NotYet)
    }
}

impl Place {
    /// Moves past a byte; tells whether it surely breaks nothing. Where it may, the walk decides: some ten times in a
    /// sound head, as the version is looked at byte by byte.
    fn takes(&mut self, byte: u8) -> bool {
        *self = match (*self, byte) {
            (Self::Target, b' ') => return self.turn(Self::Version),
            (Self::Version, b'\n') => return self.turn(Self::Line),
            (Self::Method, b' ') => Self::Target,
            (Self::Name, b':') => Self::Value,
            (Self::Line, byte) if is_token(byte) => Self::Name,
            // What follows a CR is looked at elsewhere; a line that must not end here is found at its LF.
            (same, b'\r') if same != Self::Version => same,
            (Self::Line | Self::Value, b'\n') => Self::Line,
            (same @ (Self::Method | Self::Name), byte) if is_token(byte) => same,
            (Self::Target, byte) if byte > b' ' && byte != 0x7f => Self::Target,
            (Self::Value, byte) if byte == b'\t' || (byte >= b' ' && byte != 0x7f) => Self::Value,
            _ => return false,
        };
        true
    }

    /// Moves on from a part that may have been empty or cut.
    fn turn(&mut self, next: Self) -> bool {
        *self = next;
        false
    }

    fn is_request_line(self) -> bool {
        matches!(self, Self::Method | Self::Target | Self::Version)
    }
}

/// The first rule that these bytes break, or the one that is known to be broken.
#[cold]
fn name(head: &[u8], limits: &HeadLimits, known: Reject) -> Reject {
    match diagnose(head, limits) {
        Diagnosis::Broken(reject) => reject,
        _ => known,
    }
}

/// What the request line has beside method and target: two blanks, the version, CRLF.
const LINE_REST: usize = 12;
