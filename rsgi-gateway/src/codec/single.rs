//! [`Single`]: one request a connection, with content of `CONTENT_LENGTH` bytes, as SCGI and uwsgi have it.
//!
//! Invariant: of what comes behind the content nothing is kept. Next: `scgi.rs`, `uwsgi.rs`, which read the variables.

use bytes::BytesMut;

use super::bounds::Refusal;
use super::{After, Ending, Event, RequestId, Variables};

/// How far a connection's one request is read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Single {
    /// Its variables are coming.
    #[default]
    Variables,
    /// So many bytes of content are missing.
    Content(u64),
    /// All of it was told: whatever comes isn't part of it.
    Whole,
    /// It is refused, or answered before all of it came: what comes of it is of no use.
    Over,
}

/// The id of the one request.
pub(super) const ID: RequestId = 1;

impl Single {
    /// Begins the request, or refuses it for its length.
    pub(super) fn begin(&mut self, variables: Variables) -> Event {
        match length(&variables) {
            Ok(length) => {
                *self = Self::Content(length);
                Event::Begin { id: ID, variables }
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// Refuses the request: nothing of it follows.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> Event {
        *self = Self::Over;
        refusal.of(ID)
    }

    /// Whether nothing of the request is missing that its peer may be sending.
    pub(super) fn is_idle(self) -> bool {
        matches!(self, Self::Variables | Self::Whole)
    }

    /// The answer is ended, and with it the request, whatever has come of it; tells what becomes of the connection, whose end
    /// is the answer's.
    pub(super) fn end(&mut self, ending: Ending) -> After {
        if *self != Self::Whole {
            *self = Self::Over;
        }
        match ending {
            Ending::Whole => After::Close,
            Ending::Broken | Ending::Aborted => After::Reset,
        }
    }

    /// Takes a piece of content, or tells its end; `None` where nothing is to be told.
    pub(super) fn content(&mut self, input: &mut BytesMut) -> Option<Event> {
        match *self {
            Self::Variables => None,
            Self::Content(0) => {
                *self = Self::Whole;
                Some(Event::End { id: ID })
            }
            Self::Content(_) if input.is_empty() => None,
            Self::Content(missing) => {
                let most = usize::try_from(missing).unwrap_or(usize::MAX);
                let bytes = input.split_to(input.len().min(most)).freeze();
                *self = Self::Content(missing - bytes.len() as u64);
                Some(Event::Content { id: ID, bytes })
            }
            Self::Whole | Self::Over => {
                input.clear();
                None
            }
        }
    }
}

/// How long the content is. Without `CONTENT_LENGTH`, or with an empty one, as uWSGI and others take it: nothing, for that is
/// what nginx's own parameter comes to where a request has no content. But content of unknown length isn't nothing: a web
/// server that passes it on has no way to tell its end, so that lighttpd refuses it by itself, with the same 411.
fn length(variables: &Variables) -> Result<u64, Refusal> {
    let length = variables.content_length().map_err(|_| BAD_LENGTH)?;
    if length.is_none() && variables.get("HTTP_TRANSFER_ENCODING").is_some_and(|value| !value.is_empty()) {
        return Err(NO_LENGTH);
    }
    Ok(length.unwrap_or(0))
}

const BAD_LENGTH: Refusal = Refusal::bad("CONTENT_LENGTH is no length of content");
const NO_LENGTH: Refusal =
    Refusal::length_required("content without CONTENT_LENGTH: have the web server buffer requests");
