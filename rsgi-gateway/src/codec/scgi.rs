//! SCGI at the application's side: one request a connection.
//!
//! A netstring of names and values, each with a NUL behind it, then the content. As web servers send it: `CONTENT_LENGTH`
//! may stand anywhere, and be missing where there is no content; `SCGI` may be missing, for with nginx it is a line of
//! configuration.
//!
//! Invariant: of a request only its variables are held, and no more of them than the bounds allow. Next: `single.rs`.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use super::bounds::Refusal;
use super::head::{self, Form};
use super::single::Single;
use super::{After, Bounds, Codec, Ending, Event, Malformed, MalformedKind, Out, RequestId, Variables};

/// SCGI's codec.
#[derive(Debug, Default)]
pub struct Scgi {
    request: Single,
}

impl Codec for Scgi {
    const NAME: &'static str = "rsgi-scgi";

    fn decode(&mut self, input: &mut BytesMut, bounds: &Bounds) -> Result<Option<Event>, Malformed> {
        match self.request {
            Single::Variables => self.netstring(input, bounds),
            Single::Content(_) | Single::Whole | Single::Over => Ok(self.request.content(input)),
        }
    }

    fn is_idle(&self) -> bool {
        self.request.is_idle()
    }

    fn head(
        &mut self,
        _id: RequestId,
        status: StatusCode,
        fields: &HeaderMap,
        length: Option<u64>,
        out: &mut Out,
    ) {
        head::write(Form::Cgi, status, fields, length, out.tail());
    }

    fn content(&mut self, _id: RequestId, piece: Bytes, out: &mut Out) {
        out.push(piece);
    }

    fn copy(&mut self, _id: RequestId, piece: &[u8], out: &mut Out) {
        out.append(piece);
    }

    fn errors(&mut self, _id: RequestId, _text: &[u8], _out: &mut Out) -> bool {
        false
    }

    fn end(&mut self, _id: RequestId, ending: Ending, _out: &mut Out) -> After {
        self.request.end(ending)
    }
}

impl Scgi {
    /// Reads the netstring once all of it is there.
    fn netstring(&mut self, input: &mut BytesMut, bounds: &Bounds) -> Result<Option<Event>, Malformed> {
        let Some((length, start)) = length(input)? else { return Ok(None) };
        if length > bounds.encoded(OVERHEAD) {
            return Ok(Some(self.request.refuse(Refusal::TOO_LARGE)));
        }
        let Some(&end) = input.get(start + length) else { return Ok(None) };
        if end != b',' {
            let found = format!("{} where the netstring's comma should be", end.escape_ascii());
            return Err(Malformed::new(MalformedKind::Unexpected, found));
        }
        input.advance(start);
        let bytes = input.split_to(length).freeze();
        input.advance(1);
        let event = match variables(bytes, bounds) {
            Ok(variables) => self.request.begin(variables),
            Err(refusal) => self.request.refuse(refusal),
        };
        Ok(Some(event))
    }
}

/// The netstring's length, and where it begins; `None` while its digits aren't all there. Zeros at the front are taken, as
/// other servers do: what is meant is clear.
fn length(input: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let front = input.get(..DIGITS + 1).unwrap_or(input);
    let digits = front.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let Some(&end) = front.get(digits) else {
        if digits <= DIGITS {
            return Ok(None);
        }
        return Err(Malformed::new(
            MalformedKind::Length,
            format!("a netstring of more than {DIGITS} digits"),
        ));
    };
    if end != b':' || digits == 0 {
        if digits == 0 && front.len() < STRANGERS {
            // Four bytes tell what a stranger speaks.
            return Ok(None);
        }
        let found = || {
            let found = format!("{} in a netstring's length", end.escape_ascii());
            Malformed::new(MalformedKind::Length, found)
        };
        return Err(Malformed::stranger(front).unwrap_or_else(found));
    }
    let length = front.iter().take(digits).fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    Ok(Some((length, digits + 1)))
}

/// The variables of a request.
fn variables(bytes: Bytes, bounds: &Bounds) -> Result<Variables, Refusal> {
    let mut room = bounds.room();
    let mut variables = Variables::within(bytes);
    let mut at = 0;
    while at < variables.memory().len() {
        let name = at..end(variables.memory(), at)?;
        let value = name.end + 1..end(variables.memory(), name.end + 1)?;
        room.take(name.len() + value.len())?;
        at = value.end + 1;
        if !variables.push(name, value) {
            return Err(UNPAIRED);
        }
    }
    match variables.get("SCGI") {
        None | Some(b"1") => Ok(variables),
        Some(_) => Err(VERSION),
    }
}

/// Where the string at `at` ends: at its NUL.
fn end(bytes: &[u8], at: usize) -> Result<usize, Refusal> {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| *byte == 0).map(|length| at + length).ok_or(UNPAIRED)
}

/// Digits of a length that is looked at: more than any bound has.
const DIGITS: usize = 9;
/// Bytes by which other protocols are told.
const STRANGERS: usize = 4;
/// What the ends of a pair take.
const OVERHEAD: usize = 2;
const UNPAIRED: Refusal = Refusal::bad("an SCGI variable without its end or its value");
const VERSION: Refusal = Refusal::bad("another version of SCGI than 1");

#[cfg(test)]
mod tests;
