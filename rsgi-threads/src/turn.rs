//! [`Turn`]: what a protocol's callback may use while it has a connection.
//!
//! It lives for one callback and belongs to the thread.
//!
//! Invariant: nothing here makes a system call.
//! Read on in `protocol.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::clock::LastReading;
use crate::control::Key;
use crate::hub::{Hub, Phase};
use crate::{ConnId, ConnWaker, Protocol};

/// What a callback may use while it has a connection.
pub struct Turn<'a, P: Protocol> {
    /// The thread's own.
    pub scratch: &'a mut P::Scratch,
    pub(crate) hub: &'a Arc<Hub>,
    pub(crate) key: Key,
    pub(crate) clock: &'a LastReading,
}

impl<P: Protocol> Turn<'_, P> {
    /// The time as of the last poll or tick: at most a few ticks old, and free of charge. Good for deadlines; to
    /// measure by, ask [`Instant::now`].
    #[inline]
    pub fn now(&self) -> Instant {
        self.hub.clock.now_since(self.clock)
    }

    /// Names the connection.
    pub fn id(&self) -> ConnId {
        ConnId(self.key)
    }

    /// Calls for this connection's attention later, from anywhere.
    pub fn waker(&self) -> ConnWaker {
        ConnWaker::new(Arc::clone(self.hub), self.key)
    }

    /// Tells whether the engine leaves, or a graceful shutdown has begun: what is answered from now on is the
    /// connection's last answer.
    #[inline]
    pub fn leaving(&self) -> bool {
        self.hub.phase() >= Phase::Leaving
    }

    /// Tells whether a graceful shutdown has begun: finish, and keep nothing alive.
    pub fn draining(&self) -> bool {
        self.hub.phase() >= Phase::Draining
    }
}

impl<P: Protocol> fmt::Debug for Turn<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("key", &self.key).finish_non_exhaustive()
    }
}
