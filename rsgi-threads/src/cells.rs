//! [`Cell`]: a connection's body: what its protocol made of it, and the link by which others reach it.
//!
//! Its state word is a `Control` of the same index, in the hub.
//!
//! Invariant: the connection's lock is only taken by the thread that holds the entry, so it is never waited for; the
//! link's lock is held only to clone out of it.
//! Read on in `engine.rs`.

use std::sync::{Arc, PoisonError};

use crate::sync::{Mutex, MutexGuard};
use crate::{Protocol, Stream};

pub(crate) struct Cell<P: Protocol> {
    connection: Mutex<Option<P::Connection>>,
    link: Mutex<Option<Link<P>>>,
}

pub(crate) struct Link<P: Protocol> {
    pub(crate) shared: Arc<P::Shared>,
    pub(crate) stream: Stream,
}

impl<P: Protocol> Cell<P> {
    #[inline]
    pub(crate) fn connection(&self) -> MutexGuard<'_, Option<P::Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_link(&self, shared: Arc<P::Shared>, stream: Stream) {
        *self.lock_link() = Some(Link { shared, stream });
    }

    pub(crate) fn take_link(&self) -> Option<Link<P>> {
        self.lock_link().take()
    }

    /// The link as it is now. The caller checks the tenant afterwards if that matters.
    pub(crate) fn link(&self) -> Option<Link<P>> {
        let link = self.lock_link();
        link.as_ref().map(|link| Link { shared: Arc::clone(&link.shared), stream: link.stream.clone() })
    }

    fn lock_link(&self) -> MutexGuard<'_, Option<Link<P>>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Protocol> Default for Cell<P> {
    fn default() -> Self {
        Self { connection: Mutex::new(None), link: Mutex::new(None) }
    }
}
