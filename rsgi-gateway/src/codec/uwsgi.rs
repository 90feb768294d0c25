//! uwsgi at the application's side: one request a connection, and the ping.
//!
//! A packet is `modifier1`, the length of what follows in two bytes, low one first, and `modifier2`; then pairs of name and
//! value, each with a length of two bytes. Only requests (`modifier1` 0) and pings (100) are understood: uWSGI's other
//! packets run code, stop the server or fill its caches. For the same reason no variable `UWSGI_*` leaves this file: by
//! those a request changes what uWSGI loads and runs.
//!
//! Invariant: of a request only its variables are held, and no more of them than the bounds allow. Next: `single.rs`.

use std::ops::Range;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use super::bounds::Refusal;
use super::head::{self, Form};
use super::single::Single;
use super::{After, Bounds, Codec, Ending, Event, Malformed, MalformedKind, Out, RequestId, Variables};

/// uwsgi's codec.
#[derive(Debug, Default)]
pub struct Uwsgi {
    request: Single,
    /// A ping was answered: the connection ends.
    is_pinged: bool,
}

impl Codec for Uwsgi {
    const NAME: &'static str = "rsgi-uwsgi";

    fn decode(&mut self, input: &mut BytesMut, bounds: &Bounds) -> Result<Option<Event>, Malformed> {
        if std::mem::take(&mut self.is_pinged) {
            return Ok(Some(Event::Close));
        }
        match self.request {
            Single::Variables => self.packet(input, bounds),
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
        head::write(Form::Http, status, fields, length, out.tail());
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

impl Uwsgi {
    /// Reads a packet once all of it is there.
    fn packet(&mut self, input: &mut BytesMut, bounds: &Bounds) -> Result<Option<Event>, Malformed> {
        let Some(&[modifier1, low, high, modifier2]) = input.first_chunk() else { return Ok(None) };
        match (modifier1, modifier2) {
            // What modifier2 means to uWSGI is which of its ways to call the app: here there is one.
            (REQUEST, _) => {}
            (PING, 0) => {
                self.request = Single::Over;
                self.is_pinged = true;
                return Ok(Some(Event::Reply(Bytes::from_static(&[PING, 0, 0, 1]))));
            }
            _ => {
                let found = || {
                    let found = format!("modifier1 {modifier1}, modifier2 {modifier2}");
                    Malformed::new(MalformedKind::Modifier, found)
                };
                return Err(Malformed::stranger(input).unwrap_or_else(found));
            }
        }
        let length = usize::from(u16::from_le_bytes([low, high]));
        if length > bounds.encoded(OVERHEAD) {
            return Ok(Some(self.request.refuse(Refusal::TOO_LARGE)));
        }
        if input.len() < HEADER + length {
            return Ok(None);
        }
        input.advance(HEADER);
        let event = match variables(input.split_to(length).freeze(), bounds) {
            Ok(variables) => self.request.begin(variables),
            Err(refusal) => self.request.refuse(refusal),
        };
        Ok(Some(event))
    }
}

/// The variables of a request, without those that are meant for uWSGI itself.
fn variables(bytes: Bytes, bounds: &Bounds) -> Result<Variables, Refusal> {
    let mut room = bounds.room();
    let mut variables = Variables::within(bytes);
    let mut at = 0;
    while at < variables.memory().len() {
        let name = string(variables.memory(), at).ok_or(OVERRUN)?;
        let value = string(variables.memory(), name.end).ok_or(OVERRUN)?;
        room.take(name.len() + value.len())?;
        at = value.end;
        let is_magic = variables.memory().get(name.clone()).is_some_and(|name| name.starts_with(MAGIC));
        if !is_magic && !variables.push(name, value) {
            return Err(OVERRUN);
        }
    }
    Ok(variables)
}

/// Where the string at `at` lies, behind its length.
#[inline]
fn string(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let length = u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
    let end = at + 2 + usize::from(length);
    (end <= bytes.len()).then_some(at + 2..end)
}

/// `modifier1` of a request.
const REQUEST: u8 = 0;
/// `modifier1` of a ping: `modifier2` is 0 for a question, 1 for the answer.
const PING: u8 = 100;
/// Bytes of a packet before its variables.
const HEADER: usize = 4;
/// What the lengths of a pair take.
const OVERHEAD: usize = 4;
/// How the names of the variables begin that uWSGI is told what to do by.
const MAGIC: &[u8] = b"UWSGI_";
const OVERRUN: Refusal = Refusal::bad("a uwsgi variable is longer than its packet");

#[cfg(test)]
mod tests;
