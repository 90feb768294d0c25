//! [`Epoll`]: the native poller on Linux.
//!
//! A socket is registered once, for everything, edge-triggered: no system call to arm it again, ever.
//!
//! Invariants: see `mod.rs`. The kick's eventfd is edge-triggered too, so it is never read: each write to it is news.
//! Its twin is `portable.rs`.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::{Errno, write};

use super::{BATCH, Batch, Watched};
use crate::control::{Events, Key};
use crate::next::Interest;

#[derive(Debug)]
pub(crate) struct Epoll {
    epoll: OwnedFd,
    kick: OwnedFd,
}

impl Epoll {
    pub(crate) fn new() -> Result<Self, Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let kick = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &kick, EventData::new_u64(KICK.to_u64()), EventFlags::IN | EventFlags::ET)?;
        Ok(Self { epoll, kick })
    }

    pub(crate) fn add(&self, fd: &Watched, key: Key) -> Result<(), Errno> {
        epoll::add(&self.epoll, fd.as_ref(), EventData::new_u64(key.to_u64()), everything())
    }

    #[expect(clippy::unused_self, reason = "the portable twin needs it")]
    pub(crate) fn rearm(&self, _key: Key, _interest: Interest) -> bool {
        false
    }

    #[expect(clippy::unused_self, reason = "the portable twin needs it")]
    pub(crate) fn watch(&self, _key: Key) -> bool {
        // It reports whatever comes up.
        false
    }

    #[expect(clippy::needless_pass_by_value, reason = "it ends here, and with its last owner the socket")]
    pub(crate) fn remove(&self, fd: Watched, _key: Key) -> bool {
        // Closing the last owner's descriptor takes it off the list for nothing.
        if Arc::strong_count(&fd) > 1 {
            // That it is gone already is as well.
            let _ = epoll::delete(&self.epoll, fd.as_ref());
        }
        false
    }

    pub(crate) fn wait(&self, batch: &mut Batch, timeout: Option<Duration>) -> Result<(), Errno> {
        let mut raw = [const { MaybeUninit::<Event>::uninit() }; BATCH];
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok());
        let raw = match epoll::wait(&self.epoll, &mut raw[..], timeout.as_ref()) {
            Ok((raw, _)) => raw,
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error),
        };
        let found = raw.iter().map(|event| (Key::from_u64(event.data.u64()), event.flags));
        batch.extend(found.filter(|(key, _)| *key != KICK).map(|(key, flags)| (key, translate(flags))));
        Ok(())
    }

    pub(crate) fn kick(&self) {
        // It can fail only after 2^64 kicks.
        let _ = write(&self.kick, &1_u64.to_ne_bytes());
    }
}

fn everything() -> EventFlags {
    EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET
}

#[inline]
fn translate(flags: EventFlags) -> Events {
    let mut events = Events::NONE;
    if flags.contains(EventFlags::IN) {
        events = events.and(Events::READ);
    }
    if flags.contains(EventFlags::OUT) {
        events = events.and(Events::WRITE);
    }
    if flags.contains(EventFlags::RDHUP) {
        events = events.and(Events::READ).and(Events::FINISHED);
    }
    if flags.intersects(EventFlags::HUP | EventFlags::ERR) {
        events = events.and(Events::READ).and(Events::WRITE).and(Events::GONE);
    }
    events
}

/// The key under which it watches its own means of being kicked.
const KICK: Key = Key { index: u32::MAX, generation: u32::MAX };
