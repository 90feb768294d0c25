//! [`Running`]: the requests of a worker whose time is limited (`request_timeout`), each with the token that tells its app.
//!
//! Kept beside the page, which has room for a few requests only and none for tokens. The heart looks: what has come over the
//! limit is said once, its app is told by [`Environ::disconnect`], and it is noted in the page, so that the master, which ends
//! the worker after the same time again, sees it. Without a limit nothing is kept.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rsgi_core::{Cause, Environ, Exchange};

use crate::clock::Millis;
use crate::log::level::{Level, say};
use crate::page::{Note, Noted, Slot};

/// The requests, in the order of their beginnings.
#[derive(Debug, Default)]
pub(super) struct Running {
    requests: Mutex<Requests>,
    /// An old request waits for room in the page: newer ones leave it free.
    crowded: AtomicBool,
}

#[derive(Debug, Default)]
struct Requests {
    next: u64,
    all: BTreeMap<u64, Request>,
}

struct Request {
    started: Millis,
    method: String,
    target: String,
    peer: String,
    id: String,
    exchange: Arc<Exchange>,
    told: bool,
    /// As it was noted, or was noted here later.
    noted: Option<Noted<'static>>,
}

impl Running {
    /// Whether a new request may take room in the page.
    pub(super) fn leaves_room(&self) -> bool {
        !self.crowded.load(Ordering::Relaxed)
    }

    /// Keeps a request until it is [over](Self::ended), with its note.
    pub(super) fn began(&self, environ: &Environ, note: &Note<'_>, noted: Option<Noted<'static>>) -> u64 {
        let request = Request {
            started: note.started,
            method: note.method.to_owned(),
            target: note.target.to_owned(),
            peer: note.peer.to_owned(),
            id: note.request.to_owned(),
            exchange: Arc::clone(environ.exchange()),
            told: false,
            noted,
        };
        let mut requests = self.requests();
        requests.next += 1;
        let key = requests.next;
        requests.all.insert(key, request);
        key
    }

    /// A request is over; gives its note.
    pub(super) fn ended(&self, key: u64) -> Option<Noted<'static>> {
        let ended = self.requests().all.remove(&key);
        ended.and_then(|request| request.noted)
    }

    /// Tells those that have come over their limit.
    pub(super) fn look(&self, slot: Slot<'static>, limit: Duration, now: Millis) {
        let mut tripped = Vec::new();
        let mut crowded = false;
        for request in self.requests().all.values_mut() {
            if now.since(request.started) < limit {
                break;
            }
            if request.noted.is_none() {
                request.noted = slot.note(&request.note());
                crowded |= request.noted.is_none();
            }
            tripped.extend(request.trip(limit));
        }
        self.crowded.store(crowded, Ordering::Relaxed);
        // Without the lock: who is woken may end its request at once.
        tripped.into_iter().for_each(Tripped::tell);
    }

    /// Tells one that has come over its limit now.
    pub(super) fn over(&self, key: u64, limit: Duration) {
        let tripped = self.requests().all.get_mut(&key).and_then(|request| request.trip(limit));
        if let Some(tripped) = tripped {
            tripped.tell();
        }
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is to be told, once.
struct Tripped {
    exchange: Arc<Exchange>,
    text: String,
}

impl Tripped {
    fn tell(self) {
        say(Level::Warning, format_args!("REQUEST TIMEOUT: {}", self.text));
        self.exchange.disconnect(Cause::TimedOut);
    }
}

impl Request {
    fn trip(&mut self, limit: Duration) -> Option<Tripped> {
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        let Self { method, target, id, .. } = self;
        let text = format!("{method} {target} takes longer than {limit:?} (id {id})");
        Some(Tripped { exchange: Arc::clone(&self.exchange), text })
    }

    fn note(&self) -> Note<'_> {
        Note {
            started: self.started,
            method: &self.method,
            target: &self.target,
            peer: &self.peer,
            request: &self.id,
        }
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("target", &self.target)
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rsgi_core::http::Request as HttpRequest;
    use rsgi_core::{Connection, Endpoint, Input, Server};
    use rustix::process::getpid;

    use super::*;
    use crate::fleet::SlotId;
    use crate::page::{Page, Reading};

    const LIMIT: Duration = Duration::from_secs(1);

    fn environ() -> Environ {
        let endpoint = Endpoint::unix(None, None);
        let connection = Connection::new(Arc::new(Server::new("test", "1")), 1, endpoint.clone(), endpoint);
        let (head, ()) = HttpRequest::builder().uri("/slow").body(()).unwrap().into_parts();
        Environ::new(head, Input::default(), Exchange::new(Arc::new(connection)))
    }

    fn note(started: u64) -> Note<'static> {
        Note { started: Millis(started), method: "GET", target: "/slow", peer: "", request: "1" }
    }

    fn noted_since(slot: Slot<'_>) -> Vec<u64> {
        slot.in_hand()
            .filter_map(|it| if let Reading::Whole(it) = it { Some(it.started.0) } else { None })
            .collect()
    }

    #[test]
    fn only_who_is_over_the_limit_is_told() {
        let page = Page::create(1, getpid(), Millis(0)).unwrap().keep();
        let slot = page.slot(SlotId(0)).unwrap();
        let (running, old, young) = (Running::default(), environ(), environ());
        running.began(&old, &note(0), None);
        running.began(&young, &note(500), None);
        running.look(slot, LIMIT, Millis(1000));
        assert_eq!(old.disconnect().cause(), Some(Cause::TimedOut));
        assert_eq!(young.disconnect().cause(), None);
    }

    #[test]
    fn the_page_hears_of_an_old_request_that_it_had_no_room_for() {
        let page = Page::create(1, getpid(), Millis(0)).unwrap().keep();
        let slot = page.slot(SlotId(0)).unwrap();
        let running = Running::default();
        let mut others: Vec<_> = (0..4).map(|_| slot.note(&note(7))).collect();
        assert!(others.iter().all(Option::is_some) && slot.note(&note(8)).is_none());
        let key = running.began(&environ(), &note(0), None);
        running.look(slot, LIMIT, Millis(1000));
        assert!(!running.leaves_room());
        others.pop();
        running.look(slot, LIMIT, Millis(1001));
        assert!(running.leaves_room() && noted_since(slot).contains(&0));
        drop(running.ended(key));
        assert!(!noted_since(slot).contains(&0));
    }
}
