//! Sends an answer: its head as RFC 3875 section 6 has it, then its content, each piece as it comes.
//!
//! Invariant: after an error nothing more is written. Next: `input.rs`, the other way.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, header};
use rsgi_core::http_body::Body as _;
use rsgi_core::{Cause, Framing, Outgoing, OutgoingErrorKind, Sink};

use super::request::Ending;
use crate::codec::head::{self, Form};
use crate::request::Refusal;

/// Where an answer goes: the pipe or socket that the web server reads.
pub(super) struct Output<W> {
    to: W,
    /// Why nothing can be written any more.
    pub(super) gone: Option<Cause>,
}

impl<W: Write> Output<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, gone: None }
    }

    /// Writes all of it to the system.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.to.write_all(bytes).and_then(|()| self.to.flush());
        written.inspect_err(|error| {
            let closed = error.kind() == io::ErrorKind::BrokenPipe;
            self.gone.get_or_insert(if closed { Cause::Closed } else { Cause::Reset });
        })
    }

    /// How an answer ended whose last write came to this.
    fn ending(&self, written: io::Result<()>) -> Ending {
        match (written, self.gone) {
            (Ok(()), None) => Ending::Whole,
            (_, cause) => Ending::Gone(cause.unwrap_or(Cause::Closed)),
        }
    }
}

impl<W: Write> Sink for Output<W> {
    fn data(&mut self, piece: Bytes) -> io::Result<()> {
        self.write(&piece)
    }

    fn copy(&mut self, piece: &[u8]) -> io::Result<()> {
        self.write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nothing is held here.
        Ok(())
    }

    fn trailers(&mut self, _: HeaderMap) -> io::Result<()> {
        // They have no place, and core hands none over where trailers aren't taken.
        Ok(())
    }
}

/// The head of an answer.
pub(super) fn head_of(parts: &Parts, outgoing: &Outgoing) -> BytesMut {
    let length = match outgoing.framing() {
        Framing::Length(length) => Some(length),
        _ => None,
    };
    let mut out = BytesMut::with_capacity(HEAD);
    head::write(Form::Cgi, parts.status, &parts.headers, length, &mut out);
    out
}

/// Sends an answer on a thread that may block.
pub(super) fn send(response: Response<Outgoing>, output: &mut Output<impl Write>) -> Ending {
    let (parts, mut outgoing) = response.into_parts();
    let mut head = head_of(&parts, &outgoing);
    if let Some(content) = outgoing.take_bytes() {
        // In one piece: a script's answer is mostly small.
        head.extend_from_slice(&content);
        let written = output.write(&head);
        return output.ending(written);
    }
    let written = output.write(&head);
    if written.is_err() || outgoing.is_end_stream() {
        return output.ending(written);
    }
    match outgoing.write_to(output) {
        Err(error) if matches!(error.kind(), OutgoingErrorKind::App(_)) => Ending::Broken,
        Ok(()) => output.ending(Ok(())),
        Err(_) => Ending::Gone(output.gone.unwrap_or(Cause::Closed)),
    }
}

/// Answers a request that doesn't reach the app.
pub(super) fn refuse(refusal: &Refusal, output: &mut Output<impl Write>) -> Ending {
    let status = refusal.status;
    let text = format!("{} {}\n", status.as_str(), status.canonical_reason().unwrap_or_default());
    let mut fields = HeaderMap::new();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    let mut out = BytesMut::with_capacity(HEAD);
    head::write(Form::Cgi, status, &fields, Some(text.len() as u64), &mut out);
    out.extend_from_slice(text.as_bytes());
    let written = output.write(&out);
    output.ending(written)
}

/// Room for a usual head.
const HEAD: usize = 512;
