//! One connection's turn on a thread: what happened to it is told to its protocol, and what that wants next is done.
//!
//! The hot path of the engine: a request that is read and answered in one go passes here once, and makes no system
//! call but its protocol's own.
//!
//! Invariant: the connection's lock is free again before the entry can be taken by anybody else.
//! Read on in `control.rs` (the transitions) and `protocol.rs` (the callbacks).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cells::{Cell, Link};
use crate::clock::{LastReading, Millis};
use crate::control::{Control, Events, Key, Taken};
use crate::engine::Core;
use crate::hub::{LISTENERS, News, Phase, Told};
use crate::next::Interest;
use crate::sync::atomic::Ordering;
use crate::{Hangup, Next, Protocol, Turn};

/// One of the engine's threads, with what belongs to it.
pub(crate) struct Hand<P: Protocol> {
    pub(crate) role: Role,
    /// By which its mark among the busy is found.
    number: usize,
    pub(crate) scratch: P::Scratch,
    pub(crate) keys: Vec<Key>,
    pub(crate) told: Vec<Told>,
    clock: LastReading,
}

/// Whether a thread may block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It may.
    Handler,
    /// It must not: it keeps accepting and timing out when all the others are blocked.
    LastResort,
}

/// How a turn ends.
enum End {
    Rest(Interest, Millis),
    /// In line for a handler thread, with what must not be forgotten.
    Later(Events),
    Close,
}

impl<P: Protocol> Core<P> {
    /// Serves one entry from the queue.
    pub(crate) fn serve(&self, key: Key, hand: &mut Hand<P>) {
        let Some(control) = self.hub.control(key.index) else { return };
        let Some(taken) = control.take(key.generation) else { return };
        if key.index >= LISTENERS {
            return self.serve_gate(key, control);
        }
        let Some(cell) = self.cells.get(key.index) else { return };
        let mut lent = cell.connection();
        let ended = match lent.as_mut() {
            Some(connection) => {
                let turn = AssertUnwindSafe(|| self.converse(key, control, taken, connection, hand));
                catch_unwind(turn).unwrap_or_else(|panic| {
                    self.hub.busy.end(hand.number);
                    log_panic("a callback", &*panic);
                    End::Close
                })
            }
            None => End::Close,
        };
        match ended {
            End::Rest(interest, deadline) if self.hub.phase() != Phase::Stopped => {
                drop(lent);
                self.hub.rest(control, key, interest, deadline);
            }
            End::Later(events) if self.hub.phase() != Phase::Stopped => {
                drop(lent);
                self.hub.wait_to_run(control, key, events);
            }
            _ => {
                let connection = lent.take();
                drop(lent);
                self.close(key, control, cell, connection);
            }
        }
    }

    /// Tells the shared parts what must not wait until their handlers are done.
    pub(crate) fn tell(&self, told: &mut Vec<Told>) {
        for (key, news) in told.drain(..) {
            self.reach(key, |link| match news {
                News::Bytes => self.protocol.readable(&link.shared),
                News::HungUp(hangup) => self.protocol.hangup(&link.shared, hangup),
            });
        }
    }

    /// Calls something with a connection's link, if it still is that connection's. A panic is logged.
    pub(crate) fn reach(&self, key: Key, call: impl FnOnce(&Link<P>)) {
        let Some(body) = self.cells.get(key.index) else { return };
        let Some(link) = body.link() else { return };
        let tenant = self.hub.control(key.index).and_then(|control| control.tenant(key.index));
        if tenant == Some(key)
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| call(&link)))
        {
            log_panic("a callback", &*panic);
        }
    }

    /// Ends a held entry: drops the connection, closes the socket, frees the slot.
    pub(crate) fn close(
        &self,
        key: Key,
        control: &Control,
        cell: &Cell<P>,
        connection: Option<P::Connection>,
    ) {
        let link = cell.take_link();
        let (shared, stream) = link.map(|link| (link.shared, link.stream)).unzip();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop((connection, shared)))) {
            log_panic("dropping a connection", &*panic);
        }
        if let Some(stream) = stream
            && self.hub.poller.remove(stream.into_watched(), key)
        {
            self.hub.rouse();
        }
        control.deadline.store(Millis::NEVER.0, Ordering::SeqCst);
        control.vacate();
        self.hub.give_slot(key.index);
        self.resume_accepting();
    }

    /// Closes every connection that no thread has.
    pub(crate) fn close_seized(&self) {
        for (index, control) in self.hub.controls.iter() {
            let (Some(key), Some(cell)) = (control.tenant(index), self.cells.get(index)) else { continue };
            if control.seize() {
                let connection = cell.connection().take();
                self.close(key, control, cell, connection);
            }
        }
    }

    /// The callbacks of one turn, in their order.
    fn converse(
        &self,
        key: Key,
        control: &Control,
        taken: Taken,
        connection: &mut P::Connection,
        hand: &mut Hand<P>,
    ) -> End {
        let may_run =
            hand.role == Role::Handler && (taken.events.has(Events::RUN) || !self.hub.queue.has_due());
        let mut turn = Turn { scratch: &mut hand.scratch, hub: &self.hub, key, clock: &hand.clock };
        let mut drain_due = taken.events.has(Events::DRAIN);
        let deadline = Millis(control.deadline.load(Ordering::SeqCst));
        let mut next = if taken.events.has(Events::RUN) {
            Some(Next::Run)
        } else if let Some(readiness) = taken.readiness() {
            Some(self.protocol.ready(connection, readiness, &mut turn))
        } else if taken.events.has(Events::TIMEOUT) && deadline <= self.hub.clock.millis_now() {
            Some(self.protocol.timeout(connection, &mut turn))
        } else {
            None
        };
        let mut ran = false;
        loop {
            next = match next {
                None | Some(Next::Wait { .. }) if drain_due => {
                    drain_due = false;
                    Some(self.protocol.drain(connection, &mut turn))
                }
                None => return End::Rest(taken.interest, deadline),
                Some(Next::Wait { interest, deadline }) => {
                    return End::Rest(interest, self.hub.clock.millis_since(deadline, &hand.clock));
                }
                Some(Next::Run) if may_run && !ran => {
                    ran = true;
                    if P::READS_WHILE_BUSY {
                        self.hub.watch_bytes(key);
                    }
                    self.hub.busy.begin(hand.number);
                    let begun = self.hub.pace.begin(&self.hub);
                    let wanted = self.protocol.run(connection, &mut turn);
                    self.hub.pace.end(&self.hub, begun);
                    self.hub.busy.end(hand.number);
                    Some(wanted)
                }
                Some(Next::Run) => return End::Later(if drain_due { Events::DRAIN } else { Events::NONE }),
                Some(Next::Close) => return End::Close,
            };
        }
    }
}

impl<P: Protocol> Hand<P> {
    pub(crate) fn new(core: &Core<P>, role: Role) -> Self {
        Self {
            role,
            number: if role == Role::Handler { core.hub.busy.enlist() } else { usize::MAX },
            scratch: core.protocol.scratch(),
            keys: Vec::new(),
            told: Vec::new(),
            clock: LastReading::default(),
        }
    }
}

/// Logs what a callback panicked with.
pub(crate) fn log_panic(whose: &str, panic: &(dyn Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("something that is no text");
    guarded(|| tracing::error!(panic = text, "{whose} panicked; its connection is closed"));
}

/// Logs, and goes on whatever comes of it: a subscriber that panics, as one may whose disk is full, must not end a thread
/// of the engine's, nor leave an entry held for ever.
pub(crate) fn guarded(log: impl FnOnce()) {
    let _unheard = catch_unwind(AssertUnwindSafe(log));
}

/// Tells every connection's shared part that it is cut, and unblocks whoever waits on its socket.
pub(crate) fn cut<P: Protocol>(core: &Core<P>, key: Key) {
    core.reach(key, |link| {
        // Told first: whoever polls sees the cut at once, and would take it for the client's.
        core.protocol.hangup(&link.shared, Hangup::Cut);
        link.stream.cut();
    });
}
