//! The requests that are under way on a connection, by their ids, and those of which only content is still to come.
//!
//! Invariants: those under way are in the order of their ids, each once; of the others no more than [`REMEMBERED`] ids are held.
//! Next: `mod.rs`.

use bytes::BytesMut;

use crate::codec::RequestId;

/// The requests of a connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    under_way: Vec<Request>,
    /// Those that are over for us, while the web server hasn't told the end of their content: it may be sending it.
    unended: Vec<RequestId>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Request {
    id: RequestId,
    pub(super) stage: Stage,
    /// The end of its content has come.
    has_ended: bool,
    /// The stream of errors was begun, so its end is told.
    pub(super) has_errors: bool,
}

/// How much of a request has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// Its variables are coming: what is there of them.
    Params(BytesMut),
    /// Its content is coming.
    Stdin,
    /// All of it is there.
    Answer,
    /// Refused: what else comes of it is skipped.
    Refused,
    /// Given up by the web server.
    Aborted,
}

impl Requests {
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn find(&mut self, id: RequestId) -> Option<&mut Request> {
        let at = self.at(id).ok()?;
        self.under_way.get_mut(at)
    }

    /// Begins a request; tells whether none of that id is under way.
    pub(super) fn begin(&mut self, id: RequestId) -> bool {
        let Err(at) = self.at(id) else { return false };
        // Whoever uses an id again has sent all of the old request that it will.
        self.unended.retain(|unended| *unended != id);
        let stage = Stage::Params(BytesMut::new());
        self.under_way.insert(at, Request { id, stage, has_ended: false, has_errors: false });
        true
    }

    /// A request is over for us, whatever is still to come of it.
    pub(super) fn remove(&mut self, id: RequestId) -> Option<Request> {
        let at = self.at(id).ok()?;
        let request = self.under_way.remove(at);
        if !request.has_ended {
            self.turn_away(id);
        }
        Some(request)
    }

    /// A request is over that wasn't begun: all of it is still to come.
    pub(super) fn turn_away(&mut self, id: RequestId) {
        self.unended.retain(|unended| *unended != id);
        if self.unended.len() == REMEMBERED {
            self.unended.remove(0);
        }
        self.unended.push(id);
    }

    /// The end of a request's content is there.
    pub(super) fn content_ended(&mut self, id: RequestId) {
        match self.find(id) {
            Some(request) => request.has_ended = true,
            None => self.unended.retain(|unended| *unended != id),
        }
    }

    /// Whether content may still come that nobody waits for.
    pub(super) fn has_unended(&self) -> bool {
        !self.unended.is_empty()
    }

    fn at(&self, id: RequestId) -> Result<usize, usize> {
        self.under_way.binary_search_by_key(&id, |request| request.id)
    }
}

/// How many requests are remembered whose content hasn't ended. It takes one to know that the peer may be sending; web servers
/// that don't tell an end they owe, as they were answered, must not have us hold more and more.
const REMEMBERED: usize = 16;
