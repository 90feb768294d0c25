//! FastCGI 1.0 at the application's side: the responder, with persistent connections and multiplexed requests.
//!
//! Section numbers are those of the FastCGI specification 1.0. Other roles are refused as it says; `DATA` is for another
//! role, and skipped.
//!
//! Invariant: of a request only its variables are held, and no more of them than the bounds allow; content is handed on as
//! it comes, also of a record of which only a part is there. Next: `record.rs`, `params.rs`, `requests.rs`.

#[cfg(test)]
mod answer_tests;
mod params;
mod record;
mod requests;
#[cfg(test)]
mod tests;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use super::bounds::Refusal;
use super::head::{self, Form};
use super::{After, Bounds, Codec, Ending, Event, Malformed, MalformedKind, Out, RequestId};
use record::{Header, ProtocolStatus, kind};
use requests::{Requests, Stage};

/// FastCGI's codec.
#[derive(Debug, Default)]
pub struct FastCgi {
    place: Place,
    requests: Requests,
    /// What is to be told before anything else is read.
    owed: Option<Event>,
    /// A request came without `KEEP_CONN` (section 5.1): the connection ends with the last answer.
    is_last: bool,
}

/// Where in the stream of records the input begins.
#[derive(Debug, Default, Clone, Copy)]
enum Place {
    /// At a record's header.
    #[default]
    Header,
    /// In the content of `PARAMS` or `STDIN`.
    Content { id: RequestId, rest: usize, padding: usize },
    /// In what is of no use: so many bytes of it.
    Skip(usize),
}

/// What a look at the input came to.
enum Step {
    /// Something was read that nobody has to know of.
    On,
    Event(Event),
    /// Bytes are missing.
    Short,
}

impl Codec for FastCgi {
    const NAME: &'static str = "rsgi-fastcgi";
    const ERRORS: bool = true;
    const STREAMS: bool = true;

    fn decode(&mut self, input: &mut BytesMut, bounds: &Bounds) -> Result<Option<Event>, Malformed> {
        loop {
            if let Some(event) = self.owed.take() {
                return Ok(Some(event));
            }
            let step = match self.place {
                Place::Header => self.header(input, bounds)?,
                Place::Content { id, rest, padding } => self.take(id, rest, padding, input),
                Place::Skip(rest) => self.skip(rest, input),
            };
            match step {
                Step::On => {}
                Step::Event(event) => return Ok(Some(event)),
                Step::Short => return Ok(None),
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.owed.is_none()
    }

    fn may_send_more(&self) -> bool {
        !self.is_idle() || self.requests.has_unended() || !matches!(self.place, Place::Header)
    }

    fn head(
        &mut self,
        id: RequestId,
        status: StatusCode,
        fields: &HeaderMap,
        length: Option<u64>,
        out: &mut Out,
    ) {
        record::written(kind::STDOUT, id, out.tail(), |out| {
            head::write(Form::Cgi, status, fields, length, out);
        });
    }

    fn content(&mut self, id: RequestId, piece: Bytes, out: &mut Out) {
        record::push(kind::STDOUT, id, piece, out);
    }

    fn copy(&mut self, id: RequestId, piece: &[u8], out: &mut Out) {
        record::append(kind::STDOUT, id, piece, out.tail());
    }

    fn errors(&mut self, id: RequestId, text: &[u8], out: &mut Out) -> bool {
        let Some(request) = self.requests.find(id) else { return false };
        request.has_errors |= !text.is_empty();
        record::append(kind::STDERR, id, text, out.tail());
        true
    }

    fn end(&mut self, id: RequestId, ending: Ending, out: &mut Out) -> After {
        let Some(request) = self.requests.remove(id) else { return After::Keep };
        if ending == Ending::Broken && self.requests.is_empty() {
            // Web servers don't look at the application's status: `END_REQUEST` would make the answer a whole one.
            return After::Reset;
        }
        let app_status = match ending {
            Ending::Whole => {
                out.append(&record::end_of_stream(kind::STDOUT, id));
                0
            }
            Ending::Broken | Ending::Aborted => 1,
        };
        if request.has_errors {
            out.append(&record::end_of_stream(kind::STDERR, id));
        }
        out.append(&record::end_request(id, app_status, ProtocolStatus::RequestComplete));
        if self.is_last && self.requests.is_empty() { After::Close } else { After::Keep }
    }
}

impl FastCgi {
    /// Reads a record's header, and its content where that is needed whole.
    fn header(&mut self, input: &mut BytesMut, bounds: &Bounds) -> Result<Step, Malformed> {
        let Some(header) = Header::read(input) else { return Ok(Step::Short) };
        if header.version != 1 {
            let found = || Malformed::new(MalformedKind::Version, format!("version {}", header.version));
            return Err(Malformed::stranger(input).unwrap_or_else(found));
        }
        let needed = match (header.kind, header.id) {
            (kind::BEGIN_REQUEST, 1..) => BEGIN_LENGTH,
            (kind::GET_VALUES, 0) => header.content.min(params::ASKED),
            _ => 0,
        };
        if header.content < needed {
            let found = format!("a BEGIN_REQUEST record of {} bytes", header.content);
            return Err(Malformed::new(MalformedKind::Length, found));
        }
        let Some(content) = input.get(Header::LENGTH..Header::LENGTH + needed) else {
            return Ok(Step::Short);
        };
        self.place = Place::Skip(header.content - needed + header.padding);
        let step = match (header.kind, header.id) {
            (kind::GET_VALUES, 0) => Step::Event(Event::Reply(params::values(content, bounds))),
            // Those are answers: who answers them may be answered for ever.
            (kind::GET_VALUES_RESULT | kind::UNKNOWN_TYPE, 0) => Step::On,
            (unknown, 0) => Step::Event(Event::Reply(record::record(
                kind::UNKNOWN_TYPE,
                0,
                &[unknown, 0, 0, 0, 0, 0, 0, 0],
            ))),
            (kind::BEGIN_REQUEST, id) => {
                let role = content.get(..2).map(|role| [role[0], role[1]]);
                let flags = content.get(2).copied().unwrap_or_default();
                self.begin(id, role, flags, bounds)?
            }
            (kind::ABORT_REQUEST, id) => self.abort(id),
            (kind::PARAMS, id) => self.params(id, header, bounds),
            (kind::STDIN, id) => self.stdin(id, header),
            _ => Step::On,
        };
        input.advance(Header::LENGTH + needed);
        Ok(step)
    }

    /// Begins a request (section 5.1).
    fn begin(
        &mut self,
        id: RequestId,
        role: Option<[u8; 2]>,
        flags: u8,
        bounds: &Bounds,
    ) -> Result<Step, Malformed> {
        if self.requests.find(id).is_some() {
            let found = format!("a second BEGIN_REQUEST of request {id}");
            return Err(Malformed::new(MalformedKind::Unexpected, found));
        }
        self.is_last |= flags & KEEP_CONN == 0;
        let refused = if role != Some(RESPONDER) {
            ProtocolStatus::UnknownRole
        } else if self.requests.len() >= bounds.requests {
            ProtocolStatus::Overloaded
        } else {
            self.requests.begin(id);
            return Ok(Step::On);
        };
        self.requests.turn_away(id);
        Ok(self.ended(record::end_request(id, 0, refused)))
    }

    /// Tells the end of a request of which nobody else knows.
    fn ended(&mut self, record: [u8; 16]) -> Step {
        if self.is_last && self.requests.is_empty() {
            self.owed = Some(Event::Close);
        }
        Step::Event(Event::Reply(Bytes::copy_from_slice(&record)))
    }

    /// The web server gives a request up (section 5.4).
    fn abort(&mut self, id: RequestId) -> Step {
        let Some(request) = self.requests.find(id) else { return Step::On };
        match request.stage {
            Stage::Params(_) => {
                self.requests.remove(id);
                self.ended(record::end_request(id, 1, ProtocolStatus::RequestComplete))
            }
            Stage::Stdin | Stage::Answer => {
                request.stage = Stage::Aborted;
                Step::Event(Event::Abort { id })
            }
            Stage::Refused | Stage::Aborted => Step::On,
        }
    }

    /// A record of variables (section 5.2): some of them, or their end.
    fn params(&mut self, id: RequestId, header: Header, bounds: &Bounds) -> Step {
        let Some(request) = self.requests.find(id) else { return Step::On };
        let Stage::Params(held) = &mut request.stage else { return Step::On };
        let refusal = if header.content == 0 {
            match params::variables(std::mem::take(held).freeze(), bounds) {
                Ok(variables) => {
                    request.stage = Stage::Stdin;
                    return Step::Event(Event::Begin { id, variables });
                }
                Err(refusal) => refusal,
            }
        } else if held.len() + header.content > bounds.encoded(params::OVERHEAD) {
            Refusal::TOO_LARGE
        } else {
            self.place = Place::Content { id, rest: header.content, padding: header.padding };
            return Step::On;
        };
        request.stage = Stage::Refused;
        Step::Event(refusal.of(id))
    }

    /// A record of content (section 5.3): a piece, or its end.
    fn stdin(&mut self, id: RequestId, header: Header) -> Step {
        if header.content == 0 {
            self.requests.content_ended(id);
        }
        let Some(request) = self.requests.find(id) else { return Step::On };
        match request.stage {
            Stage::Stdin if header.content == 0 => {
                request.stage = Stage::Answer;
                Step::Event(Event::End { id })
            }
            Stage::Stdin => {
                self.place = Place::Content { id, rest: header.content, padding: header.padding };
                Step::On
            }
            Stage::Params(_) => {
                request.stage = Stage::Refused;
                Step::Event(Refusal::bad("FastCGI content came before the end of the variables").of(id))
            }
            Stage::Answer | Stage::Refused | Stage::Aborted => Step::On,
        }
    }

    /// Takes what is there of a record's content to the stream it is of.
    fn take(&mut self, id: RequestId, rest: usize, padding: usize, input: &mut BytesMut) -> Step {
        let Some(request) = self.requests.find(id) else {
            // Answered before all of it was there.
            self.place = Place::Skip(rest + padding);
            return Step::On;
        };
        if input.is_empty() {
            return Step::Short;
        }
        let piece = input.split_to(rest.min(input.len()));
        let rest = rest - piece.len();
        self.place = if rest == 0 { Place::Skip(padding) } else { Place::Content { id, rest, padding } };
        match &mut request.stage {
            Stage::Params(held) => {
                // The parts of one record lie side by side in memory: those are joined, not copied.
                held.unsplit(piece);
                Step::On
            }
            Stage::Stdin => Step::Event(Event::Content { id, bytes: piece.freeze() }),
            Stage::Answer | Stage::Refused | Stage::Aborted => Step::On,
        }
    }

    /// Takes off what is of no use.
    fn skip(&mut self, rest: usize, input: &mut BytesMut) -> Step {
        let there = rest.min(input.len());
        input.advance(there);
        self.place = if there == rest { Place::Header } else { Place::Skip(rest - there) };
        if there == rest { Step::On } else { Step::Short }
    }
}

/// The role that is served (section 6.2).
const RESPONDER: [u8; 2] = [0, 1];
/// The flag of a connection that is to go on (section 5.1).
const KEEP_CONN: u8 = 1;
/// Content of `BEGIN_REQUEST` (section 5.1).
const BEGIN_LENGTH: usize = 8;
