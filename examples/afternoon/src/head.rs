//! Finding a request's head in what has come: where it ends, and whether it is within the limits so far.
//!
//! Not its grammar, which is the parser's. Limits are looked at before the head is whole, so that nothing grows past them.

use std::io::ErrorKind;
use std::time::Instant;

use rsgi_core::bytes::Buf;
use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, Limits};

use crate::chunked::is_token_byte;
use crate::inbound::Inbound;
use crate::request::{Request, parse};
use crate::wire::Wire;

/// Why there is no request.
pub(crate) enum Refusal {
    /// Nobody is there any more.
    Gone,
    /// This status and nothing else is the answer.
    Answer(StatusCode),
}

/// Reads a request's head in time, and takes it out of what has come.
pub(crate) fn read(
    inbound: &mut Inbound,
    wire: &Wire,
    config: &Config,
    deadline: Option<Instant>,
) -> Result<Request, Refusal> {
    let (mut skipped, mut scanned) = (0, 0);
    loop {
        // RFC 9112 section 2.2: an empty line before the request line is skipped.
        while scanned == 0 && inbound.buffer.starts_with(b"\r\n") {
            inbound.buffer.advance(2);
            skipped += 2;
        }
        let end = find_end(&inbound.buffer, scanned);
        let head = &inbound.buffer[..end.unwrap_or(inbound.buffer.len())];
        check_so_far(head, skipped, &config.limits).map_err(Refusal::Answer)?;
        if let Some(end) = end {
            let head = inbound.buffer.split_to(end);
            return parse(&head, &config.limits).map_err(Refusal::Answer);
        }
        scanned = inbound.buffer.len();
        if scanned == 1 {
            // Perhaps half of an empty line.
            scanned = 0;
        }
        match inbound.fill(wire) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                wire.wait(deadline).map_err(|_| Refusal::Answer(StatusCode::REQUEST_TIMEOUT))?;
            }
            Ok(0) | Err(_) => return Err(Refusal::Gone),
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(Refusal::Answer(StatusCode::REQUEST_TIMEOUT));
        }
    }
}

/// Where the head ends: behind an empty line, whose CR may be missing here, as the parser refuses it with a reason.
fn find_end(bytes: &[u8], scanned: usize) -> Option<usize> {
    let from = scanned.saturating_sub(3);
    let mut at = from;
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == b'\n') {
        at += found + 1;
        match &bytes[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// The method's bytes and the limits, of a head or of what there is of it.
fn check_so_far(head: &[u8], skipped: usize, limits: &Limits) -> Result<(), StatusCode> {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    // What is no method isn't HTTP: another protocol's client may wait for an answer before it ends a line.
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    if !matches!(head, [] | [b'\r']) && (method.is_empty() || !method.iter().all(|byte| is_token_byte(*byte)))
    {
        return Err(StatusCode::BAD_REQUEST);
    }
    let target = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    if target.len() > limits.target_bytes {
        return Err(StatusCode::URI_TOO_LONG);
    }
    if head.len() + skipped > limits.head_bytes {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    Ok(())
}
