//! [`Gate`]: one listener at work: accepting, pausing at the connection limit, backing off when descriptors run out.
//!
//! To the queue a listener is an entry like a connection, so accepting takes its turn among the others.
//!
//! Invariants: no more than a few connections are accepted in one turn; a gate that leaves accepting to others is woken when
//! there is room; whatever `accept` says, the listener is tried again later and never in a busy loop; while a slot is
//! wanting the kernel's backlog holds the rest.
//! Read on in `turns.rs` (what becomes of the connection) and `drain.rs` (the last turn).

use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustix::io::Errno;

use crate::clock::Millis;
use crate::control::{Control, Events, Key};
use crate::engine::Core;
use crate::hub::{Hub, LISTENERS, Phase};
use crate::next::Interest;
use crate::poller::Watched;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::turns::{guarded, log_panic};
use crate::waker::ConnId;
use crate::{Accepted, Address, ConnWaker, Listener, Next, Opened, Protocol, Stream};

#[derive(Debug)]
pub(crate) struct Gate {
    listener: Mutex<Option<Arc<Listener>>>,
    address: Address,
    complained: AtomicBool,
}

/// Why accepting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Nobody waits any more.
    Empty,
    /// Enough for one turn.
    Enough,
    /// No slot is free.
    Full,
    /// The operating system is short of something.
    Short,
    /// The gate is shut.
    Shut,
}

impl Gate {
    pub(crate) fn new(listener: Listener) -> Self {
        let address = listener.address().clone();
        Self { listener: Mutex::new(Some(Arc::new(listener))), address, complained: AtomicBool::new(false) }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Begins to watch the listener.
    pub(crate) fn open(&self, hub: &Hub, index: u32) -> Result<(), Errno> {
        let (Some(listener), Some(control)) = (self.listener(), hub.control(index)) else { return Ok(()) };
        let key = Key { index, generation: control.occupy() };
        let watched: Watched = listener;
        hub.poller.add(&watched, key)?;
        hub.rest(control, key, Interest::READ, Millis::NEVER);
        Ok(())
    }

    /// Stops listening; what the kernel still holds is refused by it.
    pub(crate) fn shut(&self, hub: &Hub, index: u32) {
        let Some(listener) = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        // Kept open meanwhile, so that the poller is told to forget it: closing one descriptor of several of a socket
        // would leave it on the list, and an inherited one has others.
        let _open = Arc::clone(&listener);
        if hub.poller.remove(listener, Key { index, generation: 0 }) {
            hub.rouse();
        }
    }

    /// Whether other processes accept from the listener.
    pub(crate) fn is_shared(&self) -> bool {
        self.listener().is_some_and(|listener| listener.is_shared())
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.listener().is_none()
    }

    fn listener(&self) -> Option<Arc<Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Complains once, until an accept works again.
    fn complain(&self, errno: Errno) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            let error = std::io::Error::from(errno);
            guarded(|| {
                tracing::error!(listener = %self.address, %error, "accepting fails; trying again ten times a second");
            });
        }
    }

    fn relent(&self) {
        if self.complained.load(Ordering::Relaxed) && self.complained.swap(false, Ordering::Relaxed) {
            guarded(|| tracing::info!(listener = %self.address, "accepting works again"));
        }
    }
}

impl<P: Protocol> Core<P> {
    /// A listener's turn.
    pub(crate) fn serve_gate(&self, key: Key, control: &Control) {
        if self.hub.busy.hold_back(|| self.has_room()) {
            // `accept_again` wakes it.
            return self.hub.rest(control, key, Interest::NONE, Millis::NEVER);
        }
        match self.accept(key.index, TURN) {
            Pause::Enough => {
                control.requeue(Events::READ);
                self.hub.queue.push_ready(key);
            }
            Pause::Empty | Pause::Shut => self.hub.rest(control, key, Interest::READ, Millis::NEVER),
            // `resume_accepting` wakes it.
            Pause::Full => self.hub.rest(control, key, Interest::NONE, Millis::NEVER),
            Pause::Short => {
                let later = self.hub.clock.millis_now().plus(BACK_OFF);
                self.hub.rest(control, key, Interest::NONE, later);
            }
        }
    }

    /// Accepts up to so many connections.
    pub(crate) fn accept(&self, index: u32, most: usize) -> Pause {
        let number = (index - LISTENERS) as usize;
        let Some((gate, listener)) = self.gates.get(number).and_then(|gate| Some((gate, gate.listener()?)))
        else {
            return Pause::Shut;
        };
        for _ in 0..most {
            if listener.is_shared() && self.hub.phase() == Phase::Leaving {
                // From the order on, not only from the shutting on, what waits is for the others.
                return Pause::Shut;
            }
            let Some(slot) = self.take_slot() else { return Pause::Full };
            let refused = match listener.accept() {
                Ok((fd, peer)) => {
                    gate.relent();
                    self.admit(slot, fd, peer, number);
                    continue;
                }
                Err(errno) => errno,
            };
            self.hub.give_slot(slot);
            if refused == Errno::AGAIN {
                return Pause::Empty;
            }
            if !PASSING.contains(&refused) {
                gate.complain(refused);
                return Pause::Short;
            }
        }
        Pause::Enough
    }

    /// Goes on accepting where it paused for want of a slot.
    #[inline]
    pub(crate) fn resume_accepting(&self) {
        if self.hub.full.load(Ordering::SeqCst) && self.hub.full.swap(false, Ordering::SeqCst) {
            self.wake_gates();
        }
    }

    /// Goes on accepting where it was left to others, if there is room again. For who has left a handler.
    #[inline]
    pub(crate) fn accept_again(&self) {
        if self.hub.busy.relents(|| self.has_room()) {
            self.wake_gates();
        }
    }

    /// Whether a thread is free, and the protocol finds that there is room.
    fn has_room(&self) -> bool {
        let running = self.hub.busy.running();
        !self.hub.busy.is_all(running) && self.protocol.has_room(running)
    }

    fn wake_gates(&self) {
        for (_, index) in self.gates.iter().zip(LISTENERS..) {
            self.hub.post(Key { index, generation: 0 }, Events::WOKEN);
        }
    }

    fn take_slot(&self) -> Option<u32> {
        self.hub.slots.take().or_else(|| {
            self.hub.full.store(true, Ordering::SeqCst);
            // One may have been freed before the mark was seen.
            self.hub.slots.take()
        })
    }

    /// Makes a connection of an accepted socket.
    fn admit(&self, slot: u32, fd: OwnedFd, peer: Address, listener: usize) {
        let (Some(control), Some(cell)) = (self.hub.controls.make(slot), self.cells.make(slot)) else {
            return self.hub.give_slot(slot);
        };
        let key = Key { index: slot, generation: control.occupy() };
        self.hub.counts.accepted.fetch_add(1, Ordering::Relaxed);
        let stream = Stream::new(fd);
        let draining = self.hub.phase() >= Phase::Draining;
        let looks = P::READS_AT_ACCEPT && peer.is_unix();
        let facts = Accepted { id: ConnId(key), listener, peer, at: self.hub.clock.now(), draining };
        let waker = ConnWaker::new(Arc::clone(&self.hub), key);
        let accepted = AssertUnwindSafe(|| self.protocol.accepted(stream.clone(), &facts, waker));
        let opened = catch_unwind(accepted).unwrap_or_else(|panic| {
            log_panic("accepting", &*panic);
            None
        });
        let Some(Opened { connection, shared, next }) = opened else {
            return self.close(key, control, cell, None);
        };
        let watched = self.hub.poller.add(&stream.watched(), key);
        *cell.connection() = Some(connection);
        cell.set_link(shared, stream);
        let next = match watched {
            Ok(()) => next,
            Err(errno) => {
                let error = std::io::Error::from(errno);
                guarded(|| tracing::error!(%error, "a connection can't be watched; closing it"));
                Next::Close
            }
        };
        match next {
            // Its deadline is that of the wait that comes of it.
            Next::Wait { interest, .. } if looks && interest.reads() => {
                control.requeue(if draining { Events::READ.and(Events::DRAIN) } else { Events::READ });
                self.hub.queue.push_ready(key);
                self.hub.watch.wake();
            }
            Next::Wait { interest, deadline } => {
                self.hub.rest(control, key, interest, self.hub.clock.millis(deadline));
                if draining {
                    self.hub.post(key, Events::READ.and(Events::DRAIN));
                }
            }
            Next::Run => {
                self.hub.wait_to_run(control, key, if draining { Events::DRAIN } else { Events::NONE });
            }
            Next::Close => {
                let connection = cell.connection().take();
                self.close(key, control, cell, connection);
            }
        }
    }
}

/// How many connections a listener accepts in one turn.
const TURN: usize = 16;

/// How long a listener waits when the operating system is short of something.
const BACK_OFF: Duration = Duration::from_millis(100);

/// What concerns one connection alone and is over with it. Linux also hands on the network's own errors this way.
const PASSING: [Errno; 10] = [
    Errno::INTR,
    Errno::CONNABORTED,
    Errno::PROTO,
    Errno::NETDOWN,
    Errno::NOPROTOOPT,
    Errno::HOSTDOWN,
    Errno::HOSTUNREACH,
    Errno::OPNOTSUPP,
    Errno::NETUNREACH,
    Errno::PERM,
];
