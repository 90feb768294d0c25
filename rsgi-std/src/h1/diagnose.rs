//! Names the rule that a refused head broke: the cold path behind `httparse`'s seven error kinds.
//!
//! It walks the head once more, from the front, by the strict grammar of RFC 9112, and stops at the first byte that
//! breaks it. It never accepts anything: it only runs after a refusal, or where a bare LF was seen, which `httparse`
//! lets through.
//!
//! Invariant: the answer depends on the bytes up to the fault alone, so however a head is split over reads, the same
//! rule is named. Next: `head.rs` and `progress.rs`, which ask.

use super::head::URI_BYTES;
use super::{HeadLimits, Reject};

/// What the walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Diagnosis {
    /// This rule is broken.
    Broken(Reject),
    /// Nothing is broken so far; more bytes decide.
    Undecided,
    /// The head is whole, and nothing in it is broken.
    Sound,
    /// The version is 1.2 to 1.9; its minor digit stands here. RFC 9110 2.5: process it as 1.1.
    HigherMinor(usize),
}

/// Walks the head and names the first rule it breaks.
pub(super) fn diagnose(head: &[u8], limits: &HeadLimits) -> Diagnosis {
    let mut walk = Walk { head, at: 0, minor: None };
    match (walk.whole(limits), walk.minor) {
        (Err(reject), _) => Diagnosis::Broken(reject),
        (Ok(_), Some(at)) => Diagnosis::HigherMinor(at),
        (Ok(LineEnd::Passed), None) => Diagnosis::Sound,
        (Ok(LineEnd::Undecided), None) => Diagnosis::Undecided,
    }
}

/// A place in the head.
struct Walk<'a> {
    head: &'a [u8],
    at: usize,
    /// Where the version's minor digit stands, if it is above 1.
    minor: Option<usize>,
}

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.head.get(self.at).copied()
    }

    /// Moves past bytes that satisfy `accept`; returns how many there were.
    fn skip_while(&mut self, accept: impl Fn(u8) -> bool) -> usize {
        let start = self.at;
        while self.peek().is_some_and(&accept) {
            self.at += 1;
        }
        self.at - start
    }

    /// Judges the end of a line at the present place: past it, undecided, or broken.
    fn line_end(&mut self, otherwise: Reject) -> Result<LineEnd, Reject> {
        match (self.peek(), self.head.get(self.at + 1)) {
            (None, _) | (Some(b'\r'), None) => Ok(LineEnd::Undecided),
            (Some(b'\r'), Some(b'\n')) => {
                self.at += 2;
                Ok(LineEnd::Passed)
            }
            (Some(b'\r'), _) => Err(Reject::BareCarriageReturn),
            (Some(b'\n'), _) => Err(Reject::BareLineFeed),
            _ => Err(otherwise),
        }
    }

    fn whole(&mut self, limits: &HeadLimits) -> Result<LineEnd, Reject> {
        if self.request_line(limits)? == LineEnd::Undecided {
            return Ok(LineEnd::Undecided);
        }
        for count in 0.. {
            match self.peek() {
                None => break,
                Some(b' ' | b'\t') if count == 0 => return Err(Reject::WhitespaceBeforeFields),
                Some(b' ' | b'\t') => return Err(Reject::ObsoleteFolding),
                Some(b'\r' | b'\n') => {
                    return self.line_end(Reject::InvalidFieldName);
                }
                Some(_) => {}
            }
            if self.field_line()? == LineEnd::Undecided {
                break;
            }
            if count == limits.field_count {
                return Err(Reject::TooManyFields);
            }
        }
        Ok(LineEnd::Undecided)
    }

    fn request_line(&mut self, limits: &HeadLimits) -> Result<LineEnd, Reject> {
        let method = self.skip_while(is_token);
        if method > limits.method_bytes {
            return Err(Reject::MethodTooLong);
        }
        match self.peek() {
            None => return Ok(LineEnd::Undecided),
            Some(b' ') if method > 0 => self.at += 1,
            Some(b'\r' | b'\n') if method > 0 => return self.stop_at_line_end(Reject::MalformedRequestLine),
            Some(_) => return Err(Reject::InvalidMethod),
        }
        let target = self.skip_while(|byte| byte > b' ' && byte != 0x7f);
        if target > limits.target_bytes.min(URI_BYTES) {
            return Err(Reject::TargetTooLong);
        }
        match self.peek() {
            None => return Ok(LineEnd::Undecided),
            Some(b' ') if target > 0 => self.at += 1,
            Some(b'\r' | b'\n') => return self.stop_at_line_end(Reject::MalformedRequestLine),
            Some(_) => return Err(Reject::InvalidTarget),
        }
        self.version()
    }

    /// A line that ends too early; a bare CR or LF there is named first.
    fn stop_at_line_end(&mut self, otherwise: Reject) -> Result<LineEnd, Reject> {
        match self.line_end(otherwise)? {
            LineEnd::Passed => Err(otherwise),
            LineEnd::Undecided => Ok(LineEnd::Undecided),
        }
    }

    fn version(&mut self) -> Result<LineEnd, Reject> {
        let start = self.at;
        for expected in *b"HTTP/9.9" {
            let matches = |byte: u8| if expected == b'9' { byte.is_ascii_digit() } else { byte == expected };
            match self.peek() {
                None => return Ok(LineEnd::Undecided),
                Some(byte) if matches(byte) => self.at += 1,
                Some(_) => return Err(Reject::MalformedVersion),
            }
        }
        match self.head[start + 5..self.at] {
            [b'1', _, b'0' | b'1'] => {}
            [b'1', _, _] => self.minor = Some(self.at - 1),
            _ => return Err(Reject::UnsupportedVersion),
        }
        self.line_end(Reject::MalformedRequestLine)
    }

    fn field_line(&mut self) -> Result<LineEnd, Reject> {
        let name = self.skip_while(is_token);
        match self.peek() {
            None => return Ok(LineEnd::Undecided),
            Some(b':') if name > 0 => self.at += 1,
            Some(b' ' | b'\t') => return Err(Reject::WhitespaceBeforeColon),
            Some(_) => return self.stop_at_line_end(Reject::InvalidFieldName),
        }
        self.skip_while(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
        self.line_end(Reject::InvalidFieldValue)
    }
}

/// Whether a line's end was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    Passed,
    Undecided,
}

/// Whether a byte may stand in a token (RFC 9110 5.6.2).
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
