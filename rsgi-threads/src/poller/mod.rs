//! [`Poller`]: waits for many sockets at once, told apart by their keys.
//!
//! Two kinds: epoll (Linux) and `poll(2)` (every unix). Which one is used is not seen outside this folder.
//!
//! Invariants, for both: an event is reported once when it comes up; after that again only when it comes up anew or,
//! at the latest, when the entry is re-armed and it still holds. A kick ends a wait that has begun or is about to.
//! Read on in `epoll.rs` and `portable.rs`.

mod portable;

#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
mod epoll;
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
use epoll::Epoll as Native;

#[cfg(all(not(target_os = "linux"), not(any(loom, shuttle))))]
use portable::Portable as Native;

#[cfg(any(loom, shuttle))]
use crate::model::poller::Scripted as Native;

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use crate::config::PollerKind;
use crate::control::{Events, Key};
use crate::next::Interest;
use portable::Portable;

/// A socket that is waited for; shared, so that it can't be closed in the middle of a wait.
pub(crate) type Watched = Arc<dyn AsFd + Send + Sync>;

/// What a wait brought.
pub(crate) type Batch = Vec<(Key, Events)>;

#[derive(Debug)]
pub(crate) enum Poller {
    Native(Native),
    Portable(Portable),
}

impl Poller {
    pub(crate) fn new(kind: PollerKind) -> Result<Self, Errno> {
        Ok(match kind {
            PollerKind::Native => Self::Native(Native::new()?),
            PollerKind::Portable => Self::Portable(Portable::new()?),
        })
    }

    /// Begins to watch a connection.
    pub(crate) fn add(&self, fd: &Watched, key: Key) -> Result<(), Errno> {
        match self {
            Self::Native(poller) => poller.add(fd, key),
            Self::Portable(poller) => poller.add(fd, key),
        }
    }

    /// Says that an entry rests and waits for `interest`; tells whether a wait under way must be kicked to see it.
    #[inline]
    pub(crate) fn rearm(&self, key: Key, interest: Interest) -> bool {
        match self {
            Self::Native(poller) => poller.rearm(key, interest),
            Self::Portable(poller) => poller.rearm(key, interest),
        }
    }

    /// Says that bytes are waited for beside what an entry may wait for; tells whether a wait under way must be kicked to
    /// see it.
    #[inline]
    pub(crate) fn watch(&self, key: Key) -> bool {
        match self {
            Self::Native(poller) => poller.watch(key),
            Self::Portable(poller) => poller.watch(key),
        }
    }

    /// Ends watching, and closes the socket if this is its last owner; tells whether a wait under way must be kicked to
    /// let go of it.
    pub(crate) fn remove(&self, fd: Watched, key: Key) -> bool {
        match self {
            Self::Native(poller) => poller.remove(fd, key),
            Self::Portable(poller) => poller.remove(fd, key),
        }
    }

    /// Waits until something happens or the time is over (`None`: for ever), and adds what happened to the batch.
    pub(crate) fn wait(&self, batch: &mut Batch, timeout: Option<Duration>) -> Result<(), Errno> {
        match self {
            Self::Native(poller) => poller.wait(batch, timeout),
            Self::Portable(poller) => poller.wait(batch, timeout),
        }
    }

    /// Ends the wait that is under way, or the next one.
    pub(crate) fn kick(&self) {
        match self {
            Self::Native(poller) => poller.kick(),
            Self::Portable(poller) => poller.kick(),
        }
    }
}

/// How many events one wait brings at most.
pub(crate) const BATCH: usize = 64;
