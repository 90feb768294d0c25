//! Pairs of names and values (section 3.4): a request's variables, and what `GET_VALUES` asks for.
//!
//! Invariant: no pair is read beyond the bytes that are there. Next: `mod.rs`.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::record::{self, kind};
use crate::codec::bounds::Refusal;
use crate::codec::{Bounds, Variables};

/// The variables of a request, of which all bytes are there.
pub(super) fn variables(bytes: Bytes, bounds: &Bounds) -> Result<Variables, Refusal> {
    let mut room = bounds.room();
    let mut variables = Variables::within(bytes);
    let mut at = 0;
    while at < variables.memory().len() {
        let (name, value) = pair(variables.memory(), at).ok_or(OVERRUN)?;
        room.take(name.len() + value.len())?;
        at = value.end;
        if !variables.push(name, value) {
            return Err(OVERRUN);
        }
    }
    Ok(variables)
}

/// What `GET_VALUES` is answered with (section 4.1): those of the names that are known.
pub(super) fn values(asked: &[u8], bounds: &Bounds) -> Bytes {
    let requests = bounds.connections.saturating_mul(bounds.requests);
    let known: [(&[u8], usize); 3] = [
        (b"FCGI_MAX_CONNS", bounds.connections),
        (b"FCGI_MAX_REQS", requests),
        (b"FCGI_MPXS_CONNS", usize::from(bounds.requests > 1)),
    ];
    let mut is_asked = [false; 3];
    let mut at = 0;
    while let Some((name, value)) = pair(asked, at) {
        at = value.end;
        for (asked_here, (known, _)) in is_asked.iter_mut().zip(known) {
            *asked_here |= asked.get(name.clone()) == Some(known);
        }
    }
    let mut result = BytesMut::new();
    for ((name, value), _) in known.into_iter().zip(is_asked).filter(|(_, is_asked)| *is_asked) {
        let value = value.to_string();
        // Names of 15 bytes and numbers of 64 bits: lengths of one byte.
        result.extend([name.len(), value.len()].map(|length| u8::try_from(length).unwrap_or_default()));
        result.extend_from_slice(name);
        result.extend_from_slice(value.as_bytes());
    }
    record::record(kind::GET_VALUES_RESULT, 0, &result)
}

/// Bytes of `GET_VALUES` that are looked at: all known names fit several times.
pub(super) const ASKED: usize = 256;
/// What the lengths of a pair take at most.
pub(super) const OVERHEAD: usize = 8;

/// Where the name and the value of the pair at `at` lie.
#[inline]
fn pair(bytes: &[u8], at: usize) -> Option<(Range<usize>, Range<usize>)> {
    let (name, at) = length(bytes, at)?;
    let (value, at) = length(bytes, at)?;
    let middle = at.checked_add(name)?;
    let end = middle.checked_add(value)?;
    (end <= bytes.len()).then_some((at..middle, middle..end))
}

/// A length of one byte, or of four with the highest bit set; and where it ends.
#[inline]
fn length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = *bytes.get(at)?;
    if first & 0x80 == 0 {
        return Some((first.into(), at + 1));
    }
    let long = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?) & 0x7fff_ffff;
    Some((usize::try_from(long).ok()?, at + 4))
}

const OVERRUN: Refusal = Refusal::bad("a FastCGI variable is longer than the PARAMS stream");
