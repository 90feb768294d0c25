//! [`Portable`]: the poller that every unix has: `poll(2)` over a list that is made anew for each wait.
//!
//! Not fast with many connections. What it needs to be told before each wait, `rearm` does.
//!
//! Invariants: see `mod.rs`. An entry is listed only while it is armed for something, and an event disarms it, so a
//! lasting state (bytes unread, an end) is reported once an arming. The sockets of a wait are kept open during it.
//! Its twin is `epoll.rs`.

use std::fmt;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, write};

use super::{Batch, Watched};
use crate::control::{Events, Key};
use crate::next::Interest;
use crate::os;

pub(crate) struct Portable {
    entries: Mutex<Vec<Option<Entry>>>,
    kicked: OwnedFd,
    kick: OwnedFd,
}

struct Entry {
    fd: Watched,
    key: Key,
    armed: PollFlags,
    /// Whether the peer's end is still to be told; after that it isn't asked for, as it would be there for ever.
    ends: PollFlags,
}

impl Portable {
    pub(crate) fn new() -> Result<Self, Errno> {
        let (kicked, kick) = os::pipe()?;
        Ok(Self { entries: Mutex::default(), kicked, kick })
    }

    #[expect(clippy::unnecessary_wraps, reason = "the native twin can fail")]
    pub(crate) fn add(&self, fd: &Watched, key: Key) -> Result<(), Errno> {
        let mut entries = self.lock();
        let at = place(key);
        if entries.len() <= at {
            entries.resize_with(at + 1, || None);
        }
        entries[at] = Some(Entry { fd: fd.clone(), key, armed: PollFlags::empty(), ends: ends() });
        Ok(())
    }

    pub(crate) fn rearm(&self, key: Key, interest: Interest) -> bool {
        let mut entries = self.lock();
        let Some(Some(entry)) = entries.get_mut(place(key)) else { return false };
        if entry.key != key {
            return false;
        }
        entry.armed = PollFlags::empty();
        entry.armed.set(PollFlags::IN, interest.reads());
        entry.armed.set(PollFlags::OUT, interest.writes());
        true
    }

    pub(crate) fn watch(&self, key: Key) -> bool {
        match self.lock().get_mut(place(key)) {
            Some(Some(entry)) if entry.key == key => {
                entry.armed.insert(PollFlags::IN);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn remove(&self, fd: Watched, key: Key) -> bool {
        drop(fd);
        let mut entries = self.lock();
        match entries.get_mut(place(key)) {
            Some(entry) if entry.as_ref().is_some_and(|entry| entry.key == key) => {
                *entry = None;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn wait(&self, batch: &mut Batch, timeout: Option<Duration>) -> Result<(), Errno> {
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok());
        // The clones keep the sockets open.
        let listed: Vec<(Watched, Key, PollFlags)> =
            self.lock().iter().flatten().filter_map(listed).collect();
        let mut fds = Vec::with_capacity(listed.len() + 1);
        fds.push(PollFd::new(&self.kicked, PollFlags::IN));
        fds.extend(listed.iter().map(|(fd, _, flags)| PollFd::from_borrowed_fd(fd.as_fd(), *flags)));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        if !fds[0].revents().is_empty() {
            while read(&self.kicked, &mut [0_u8; 64]).is_ok_and(|count| count > 0) {}
        }
        let mut entries = self.lock();
        for ((_, key, asked), fd) in listed.iter().zip(&fds[1..]) {
            // What was disarmed or replaced during the wait is not wanted any more.
            if let Some(Some(entry)) = entries.get_mut(place(*key))
                && entry.key == *key
            {
                batch.extend(entry.report(fd.revents(), *asked).map(|events| (*key, events)));
            }
        }
        Ok(())
    }

    pub(crate) fn kick(&self) {
        // A full pipe means that it is kicked already.
        let _ = write(&self.kick, &[1]);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Disarms what is reported.
    fn report(&mut self, flags: PollFlags, asked: PollFlags) -> Option<Events> {
        let mut events = Events::NONE;
        if flags.intersects(PollFlags::IN) && asked.intersects(PollFlags::IN) {
            events = events.and(Events::READ);
            self.armed.remove(PollFlags::IN);
        }
        if flags.intersects(PollFlags::OUT) && asked.intersects(PollFlags::OUT) {
            events = events.and(Events::WRITE);
            self.armed.remove(PollFlags::OUT);
        }
        if flags.intersects(os::POLL_FINISHED) && asked.intersects(os::POLL_FINISHED) {
            events = events.and(Events::READ).and(Events::FINISHED);
            self.ends.remove(os::POLL_FINISHED);
        }
        if flags.intersects(GONE) {
            events = events.and(Events::READ).and(Events::WRITE).and(Events::GONE);
            self.armed = PollFlags::empty();
            self.ends = PollFlags::empty();
        }
        (events != Events::NONE).then_some(events)
    }
}

impl fmt::Debug for Portable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portable").finish_non_exhaustive()
    }
}

fn listed(entry: &Entry) -> Option<(Watched, Key, PollFlags)> {
    let flags = entry.armed | (entry.ends & os::POLL_FINISHED);
    (!flags.is_empty() || entry.ends.intersects(PollFlags::HUP)).then(|| (entry.fd.clone(), entry.key, flags))
}

fn ends() -> PollFlags {
    os::POLL_FINISHED | PollFlags::HUP
}

/// Listeners' keys lie at the upper end; they are few, and come first in the list.
fn place(key: Key) -> usize {
    if key.index >= crate::hub::LISTENERS {
        (key.index - crate::hub::LISTENERS) as usize
    } else {
        key.index as usize + crate::hub::MAX_LISTENERS
    }
}

const GONE: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);
