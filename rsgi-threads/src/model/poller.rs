//! [`Scripted`]: the poller of the model tests: brings what `happen` says, and nothing of the system's.
//!
//! It stands where epoll or `poll` stand else, and keeps their promises: an event is reported once, a kick ends the wait
//! under way or the next one. A wait with a limit may end at any time.
//!
//! Invariant, and what it is there to see: never do two wait in it at once.

use std::sync::PoisonError;
use std::time::Duration;

use rustix::io::Errno;

use super::locks::{Condvar, Mutex, MutexGuard};
use crate::control::{Events, Key};
use crate::hub::Hub;
use crate::next::Interest;
use crate::poller::{BATCH, Batch, Poller, Watched};

#[derive(Debug, Default)]
pub(crate) struct Scripted {
    state: Box<Mutex<State>>,
    news: Box<Condvar>,
}

#[derive(Debug, Default)]
struct State {
    events: Batch,
    kicked: bool,
    waiting: bool,
}

/// Has the poller's next wait report this.
pub(crate) fn happen(hub: &Hub, key: Key, events: Events) {
    if let Poller::Native(scripted) = &hub.poller {
        scripted.happen(key, events);
    }
}

impl Scripted {
    pub(crate) fn new() -> Result<Self, Errno> {
        Ok(Self::default())
    }

    pub(crate) fn add(&self, _fd: &Watched, _key: Key) -> Result<(), Errno> {
        Ok(())
    }

    pub(crate) fn rearm(&self, _key: Key, _interest: Interest) -> bool {
        false
    }

    pub(crate) fn watch(&self, _key: Key) -> bool {
        false
    }

    pub(crate) fn remove(&self, _fd: Watched, _key: Key) -> bool {
        false
    }

    pub(crate) fn wait(&self, batch: &mut Batch, timeout: Option<Duration>) -> Result<(), Errno> {
        let mut state = self.lock();
        assert!(!std::mem::replace(&mut state.waiting, true), "two lead at once");
        match timeout {
            Some(Duration::ZERO) => {}
            Some(time) => {
                state = self.news.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0;
            }
            None => {
                while state.events.is_empty() && !state.kicked {
                    state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        state.waiting = false;
        state.kicked = false;
        let count = state.events.len().min(BATCH);
        batch.extend(state.events.drain(..count));
        Ok(())
    }

    pub(crate) fn kick(&self) {
        self.lock().kicked = true;
        self.news.notify_one();
    }

    fn happen(&self, key: Key, events: Events) {
        self.lock().events.push((key, events));
        self.news.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
