//! The requests that are under way on a connection, by their ids.
//!
//! Invariant: in the order of their ids, each once. Next: `mod.rs`.

use bytes::BytesMut;

use crate::codec::RequestId;

/// The requests under way.
#[derive(Debug, Default)]
pub(super) struct Requests(Vec<Request>);

/// One of them.
#[derive(Debug)]
pub(super) struct Request {
    id: RequestId,
    pub(super) stage: Stage,
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
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn find(&mut self, id: RequestId) -> Option<&mut Request> {
        let at = self.0.binary_search_by_key(&id, |request| request.id).ok()?;
        self.0.get_mut(at)
    }

    /// Begins a request; tells whether none of that id is under way.
    pub(super) fn begin(&mut self, id: RequestId) -> bool {
        let Err(at) = self.0.binary_search_by_key(&id, |request| request.id) else { return false };
        self.0.insert(at, Request { id, stage: Stage::Params(BytesMut::new()), has_errors: false });
        true
    }

    pub(super) fn remove(&mut self, id: RequestId) -> Option<Request> {
        let at = self.0.binary_search_by_key(&id, |request| request.id).ok()?;
        Some(self.0.remove(at))
    }
}
