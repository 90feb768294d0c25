//! Having the service manager keep the listeners, so that a restart, or a master that was killed, refuses nobody.
//!
//! Done where the manager has room for them (the variable `FDSTORE`, which systemd sets for `FileDescriptorStoreMax`), once the service is
//! up: a start that fails leaves nothing behind. Sockets that a parent handed over are the parent's to keep.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

use rsgi_core::server::Bind;

use super::Master;
use crate::notify::Message;
use crate::sockets::stored;

impl Master {
    /// Has all listeners of the settings in force kept, and no others.
    pub(super) fn store_listeners(&mut self) {
        let Some(notifier) = self.notifier.as_ref().filter(|_| self.keeps) else { return };
        let own = |bind: &Bind| self.current.binds.contains(bind) && !matches!(bind, Bind::Fd(_));
        let wanted: BTreeMap<String, Vec<BorrowedFd<'_>>> = self
            .listeners
            .iter()
            .filter(|listener| own(listener.bind()))
            .map(|listener| (stored::name(listener.bind()), listener.sockets().collect()))
            .collect();
        let gone = self.stored.iter().filter(|name| !wanted.contains_key(*name));
        let forgotten: std::io::Result<()> =
            gone.into_iter().try_for_each(|name| notifier.send(&Message::Forget { name }));
        let new = wanted.iter().filter(|(name, _)| !self.stored.contains(*name));
        let kept = new.into_iter().try_for_each(|(name, sockets)| notifier.store(name, sockets));
        if let Err(error) = forgotten.and(kept) {
            tracing::warn!(target: "rsgi", %error, "the service manager can't be told which sockets to keep");
        }
        self.stored = wanted.into_keys().collect();
    }
}
