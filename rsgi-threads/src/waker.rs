//! [`ConnWaker`] calls for one connection's attention, from any thread; [`ConnId`] names it.
//!
//! Not a way to reach the connection: the engine's threads do, when their turn comes.
//!
//! Invariant: a wake is never lost and never hits another connection. While the connection is busy it is remembered in
//! its state word; after its end the generation tells it is stale.
//! Read on in `control.rs`.

use std::fmt;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::control::{Events, Key};
use crate::hub::Hub;

/// Calls for one connection's attention, from any thread. Cheap to clone; may outlive the connection and the engine.
///
/// As a [`std::task::Waker`] ([`waker`](Self::waker)) it drives a future that is parked with its connection.
#[derive(Clone)]
pub struct ConnWaker {
    hub: Arc<Hub>,
    key: Key,
}

impl ConnWaker {
    pub(crate) fn new(hub: Arc<Hub>, key: Key) -> Self {
        Self { hub, key }
    }

    /// Has [`Protocol::ready`](crate::Protocol::ready) called with [`Readiness::woken`](crate::Readiness::woken), soon,
    /// whatever the connection waits for. Wakes of one connection that come in before that count as one.
    ///
    /// If a thread is awake to see it this costs no system call; from inside the connection's own callback neither a
    /// lock.
    pub fn wake(&self) {
        self.hub.post(self.key, Events::WOKEN);
    }

    /// Has [`Protocol::tick`](crate::Protocol::tick) called once with the connection's shared part, after about a
    /// [tick](crate::Config::tick) and whether or not a handler has the connection then.
    ///
    /// For output that is gathered under a lock in the shared part: the first piece that is laid there calls this, and
    /// whatever lies there when the tick comes is sent; so an event stream flows while its handler computes.
    pub fn tick(&self) {
        self.hub.watch.ask(self.key);
        if !self.hub.watch.wake() && self.hub.watch.stands_in() {
            self.hub.rouse();
        }
    }

    /// Has [`Protocol::readable`](crate::Protocol::readable) called for bytes that come from now on while a handler has
    /// the connection, in a protocol that [reads then](crate::Protocol::READS_WHILE_BUSY).
    ///
    /// For whoever reads beside the engine, in `run` or `readable`: after a read that said "would block" or came back
    /// short. When `run` begins it is so already. On epoll, which tells anyway, it costs nothing.
    pub fn watch_bytes(&self) {
        self.hub.watch_bytes(self.key);
    }

    /// The same as a [`std::task::Waker`]. Allocates: keep it with the connection.
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::new(self.clone()))
    }

    /// Names the connection.
    pub fn id(&self) -> ConnId {
        ConnId(self.key)
    }
}

impl Wake for ConnWaker {
    fn wake(self: Arc<Self>) {
        ConnWaker::wake(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        ConnWaker::wake(self);
    }
}

impl fmt::Debug for ConnWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConnWaker").field(&self.key).finish()
    }
}

/// Names one connection of one engine.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnId(pub(crate) Key);

impl ConnId {
    /// As a number: unlike any other connection's of the same engine.
    pub fn to_u64(self) -> u64 {
        self.0.to_u64()
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnId({:?})", self.0)
    }
}
