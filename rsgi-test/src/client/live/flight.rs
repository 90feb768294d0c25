//! One request over HTTP/1: its content goes out while its answer comes in.
//!
//! Content that expects `100 Continue` waits for it; a final answer instead means that it isn't wanted. The connection
//! is given back only after a whole answer to a whole request, where both sides keep it.

use std::task::{Context, Poll};

use rsgi_core::bytes::Bytes;
use rsgi_core::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use rsgi_core::http::{StatusCode, Version};
use rsgi_core::{Cause, InputErrorKind};

use super::line::Line;
use super::{Idle, lock, write};
use crate::client::answer::{Framing, Informational};
use crate::client::error::{ClientError, ClientErrorKind};
use crate::client::outline::{Content, Outline};
use crate::client::road::{AnswerHead, Event, Flight, Pace};
use crate::wire::answer::{self, Break, Head};

/// Where in the answer the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Head,
    /// So many bytes are left.
    Length(u64),
    ChunkSize,
    /// So many bytes of a chunk are left.
    Chunk(u64),
    ChunkEnd,
    ToClose,
    Upgraded,
    /// All of it was read; the end is to be told.
    End,
    Over,
}

/// One request and its answer.
pub(super) struct LiveFlight {
    line: Option<Line>,
    home: Idle,
    method: String,
    at: At,
    /// What is still to be sent.
    content: Content,
    trailers: Option<HeaderMap>,
    is_chunked: bool,
    /// The content waits for `100 Continue`.
    waits: bool,
    keeps: bool,
}

impl LiveFlight {
    pub(super) fn new(mut outline: Outline, mut line: Line, home: Idle) -> Self {
        let _declared = outline.frame();
        write::head(&mut line.outbound, &outline);
        if matches!(outline.content, Content::None | Content::ByHand) {
            // On its way before anybody waits for the answer; what keeps it from that, reading the answer tells.
            let _told_then = line.flush();
        }
        let keeps = if outline.version == Version::HTTP_10 {
            outline.lists(&header::CONNECTION, "keep-alive")
        } else {
            !outline.lists(&header::CONNECTION, "close")
        };
        Self {
            line: Some(line),
            home,
            method: outline.method.as_str().to_owned(),
            at: At::Head,
            is_chunked: outline.lists(&header::TRANSFER_ENCODING, "chunked"),
            waits: outline.expects_continue(),
            keeps,
            trailers: outline.trailers.take(),
            content: outline.content,
        }
    }

    /// Puts the next piece of the content in line to be sent.
    fn load(&mut self) {
        let Some(line) = self.line.as_mut().filter(|_| !self.waits) else { return };
        // An empty piece is nothing to send: the next one is.
        while line.outbound.is_empty() && line.ended.is_none() {
            let piece = match &mut self.content {
                Content::None | Content::ByHand => return,
                Content::Bytes(bytes) => Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
                Content::Pieces(pieces) => pieces.next(),
            };
            match piece {
                Some(piece) if self.is_chunked => write::chunk(&mut line.outbound, &piece),
                Some(piece) => line.outbound.extend_from_slice(&piece),
                None => {
                    self.content = Content::None;
                    if self.is_chunked {
                        write::last_chunk(&mut line.outbound, self.trailers.as_ref());
                    }
                }
            }
        }
    }

    /// What can be made of that which came.
    fn event(&mut self) -> Result<Option<Event>, Break> {
        let Some(line) = &mut self.line else { return Ok(None) };
        let has_ended = line.ended.is_some();
        match self.at {
            At::Head => match line.head()? {
                Some(head) => self.head(&head).map(Some),
                None => Ok(None),
            },
            At::Length(0) => {
                self.at = At::End;
                self.event()
            }
            At::Length(left) => Ok(self.data(left)?.map(|(piece, left)| {
                self.at = At::Length(left);
                Event::Piece(piece)
            })),
            At::ChunkSize => match line.text()? {
                Some(size) => self.chunk(&size),
                None => Ok(None),
            },
            At::Chunk(left) => Ok(self.data(left)?.map(|(piece, left)| {
                self.at = if left == 0 { At::ChunkEnd } else { At::Chunk(left) };
                Event::Piece(piece)
            })),
            At::ChunkEnd => match line.text()? {
                Some(end) if !end.is_empty() => Err(Break::Illegal(format!("{end:?} behind a chunk"))),
                Some(_) => {
                    self.at = At::ChunkSize;
                    self.event()
                }
                None => Ok(None),
            },
            At::ToClose | At::Upgraded if line.inbound.is_empty() && has_ended => match line.ended.take() {
                Some(Break::Closed) | None => {
                    self.at = At::Over;
                    Ok(Some(Event::End))
                }
                Some(other) => Err(other),
            },
            At::ToClose | At::Upgraded => Ok(self.data(u64::MAX)?.map(|(piece, _)| Event::Piece(piece))),
            At::End => {
                self.at = At::Over;
                self.give_back();
                Ok(Some(Event::End))
            }
            At::Over => Ok(Some(Event::End)),
        }
    }

    /// Takes data of which so much is left, and tells how much then is.
    fn data(&mut self, left: u64) -> Result<Option<(Bytes, u64)>, Break> {
        let Some(line) = &mut self.line else { return Ok(None) };
        if line.inbound.is_empty() {
            return line.ended.take().map_or(Ok(None), Err);
        }
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(line.inbound.len());
        let piece: Bytes = line.inbound.drain(..take).collect();
        Ok(Some((piece, left - take as u64)))
    }

    fn chunk(&mut self, size: &[u8]) -> Result<Option<Event>, Break> {
        let text = String::from_utf8_lossy(size).into_owned();
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = u64::from_str_radix(&text, 16).ok().filter(|_| plain);
        match size {
            None => Err(Break::Illegal(format!("chunk size {text:?}"))),
            Some(0) => self.trailers(),
            Some(size) => {
                self.at = At::Chunk(size);
                self.event()
            }
        }
    }

    fn trailers(&mut self) -> Result<Option<Event>, Break> {
        let Some(line) = &mut self.line else { return Ok(None) };
        let Some(fields) = line.fields()? else {
            // Asked for again from the last chunk on.
            line.inbound.splice(..0, *b"0\r\n");
            return Ok(None);
        };
        self.at = At::End;
        if fields.is_empty() { self.event() } else { Ok(Some(Event::Trailers(map(&fields)?))) }
    }

    fn head(&mut self, head: &Head) -> Result<Event, Break> {
        let status = StatusCode::from_u16(head.status).map_err(|_| Break::Illegal("status".into()))?;
        let headers = map(&head.fields)?;
        if head.status == 100 {
            self.waits = false;
        }
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Event::Informational(Informational { status, headers }));
        }
        let version = if head.version == "HTTP/1.0" { Version::HTTP_10 } else { Version::HTTP_11 };
        let is_tunnel = self.method == "CONNECT" && status.is_success();
        let is_upgraded = is_tunnel || status == StatusCode::SWITCHING_PROTOCOLS;
        let (framing, at) = match answer::framing(head, &self.method)? {
            _ if is_upgraded => (Framing::Upgraded, At::Upgraded),
            answer::Framing::None => (Framing::None, At::End),
            answer::Framing::Length(length) => (Framing::Length(length), At::Length(length)),
            answer::Framing::Chunked => (Framing::Chunked, At::ChunkSize),
            answer::Framing::Close => (Framing::Close, At::ToClose),
        };
        let says = |element: &str| {
            let values = head.all("connection").into_iter().flat_map(|value| value.split(','));
            values.map(str::trim).any(|value| value.eq_ignore_ascii_case(element))
        };
        self.keeps &= if version == Version::HTTP_10 { says("keep-alive") } else { !says("close") };
        self.at = at;
        if self.waits {
            // The server doesn't want the content: it isn't sent.
            (self.content, self.keeps) = (Content::None, false);
        }
        Ok(Event::Head(AnswerHead { status, version, headers, framing }))
    }

    /// Gives the connection back, if another request can be sent on it.
    fn give_back(&mut self) {
        let is_sent = matches!(self.content, Content::None);
        if let Some(line) = self.line.take().filter(|line| {
            self.keeps
                && is_sent
                && line.outbound.is_empty()
                && line.inbound.is_empty()
                && line.ended.is_none()
        }) {
            lock(&self.home).push(line);
        }
    }

    fn next(&mut self) -> Result<Event, Break> {
        loop {
            if let Some(event) = self.event()? {
                return Ok(event);
            }
            self.load();
            let Some(line) = &mut self.line else { return Err(Break::Closed) };
            line.exchange()?;
        }
    }

    fn end_content(&mut self, trailers: Option<&HeaderMap>) -> Result<(), ClientError> {
        self.content = Content::None;
        let is_chunked = self.is_chunked;
        let line = self.sending()?;
        if is_chunked {
            write::last_chunk(&mut line.outbound, trailers);
        }
        line.flush().map_err(|cause| broken(&cause))
    }

    fn gone(&self) -> bool {
        self.line.is_none() && self.at != At::Over
    }

    /// The connection, for what is sent by hand.
    fn sending(&mut self) -> Result<&mut Line, ClientError> {
        let line = self.line.as_mut().filter(|line| line.ended.is_none());
        line.ok_or_else(|| ClientError::new(ClientErrorKind::Broken, "the server takes no more"))
    }
}

impl Flight for LiveFlight {
    fn poll(&mut self, _: Pace, _: &mut Context<'_>) -> Poll<Event> {
        if self.gone() {
            self.at = At::Over;
            return Poll::Ready(Event::Broken(ClientError::new(
                ClientErrorKind::Vanished,
                "the client has gone",
            )));
        }
        Poll::Ready(self.next().unwrap_or_else(|cause| {
            (self.at, self.line) = (At::Over, None);
            Event::Broken(broken(&cause))
        }))
    }

    fn switch(&mut self) {
        if matches!(self.content, Content::ByHand) {
            // A server that takes no more may still have something to say.
            let _told_by_the_next_feed = self.end_content(None);
        }
    }

    fn feed(&mut self, piece: Bytes) -> Result<(), ClientError> {
        let is_content = self.at != At::Upgraded || matches!(self.content, Content::ByHand);
        let frames = self.is_chunked && is_content;
        let line = self.sending()?;
        if frames {
            write::chunk(&mut line.outbound, &piece);
        } else {
            line.outbound.extend_from_slice(&piece);
        }
        line.flush().map_err(|cause| broken(&cause))
    }

    fn end_input(&mut self, trailers: Option<HeaderMap>) -> Result<(), ClientError> {
        if self.at != At::Upgraded || matches!(self.content, Content::ByHand) {
            return self.end_content(trailers.as_ref());
        }
        self.content = Content::None;
        let cannot = |error| ClientError::new(ClientErrorKind::Broken, "no half-close").with_source(error);
        self.sending()?.half_close().map_err(cannot)
    }

    /// Truncated is the one break that a wire has: the client's direction ends.
    fn break_input(&mut self, kind: InputErrorKind) -> Result<(), ClientError> {
        if kind != InputErrorKind::Truncated {
            return Err(super::unsupported("breaking the input other than by truncating it"));
        }
        (self.content, self.keeps) = (Content::None, false);
        let line = self.sending()?;
        line.flush().map_err(|cause| broken(&cause))?;
        line.half_close()
            .map_err(|error| ClientError::new(ClientErrorKind::Broken, "no half-close").with_source(error))
    }

    fn vanish(&mut self, cause: Cause) {
        if let Some(line) = self.line.take()
            && cause == Cause::Reset
        {
            line.will_reset();
        }
    }
}

fn map(fields: &[(String, Vec<u8>)]) -> Result<HeaderMap, Break> {
    let mut map = HeaderMap::with_capacity(fields.len());
    for (name, value) in fields {
        let illegal = || Break::Illegal(format!("field {name}: {:?}", String::from_utf8_lossy(value)));
        let value = HeaderValue::from_bytes(value).map_err(|_| illegal())?;
        map.append(HeaderName::from_bytes(name.as_bytes()).map_err(|_| illegal())?, value);
    }
    Ok(map)
}

fn broken(cause: &Break) -> ClientError {
    let kind = if matches!(cause, Break::Silent) { ClientErrorKind::Silent } else { ClientErrorKind::Broken };
    ClientError::new(kind, format!("{cause:?}"))
}
