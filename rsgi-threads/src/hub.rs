//! [`Hub`]: everything of the engine that doesn't depend on the protocol: states, queue, poller, lead, timers, watch.
//!
//! It moves keys about and calls nobody; the callbacks are `engine.rs`'s.
//!
//! Invariants: an entry that becomes `Queued` is in the queue before anybody is told. Who puts it there either takes from
//! the queue itself next, and gets the watchdog up in case a handler comes between, or kicks whoever waits in the poller.
//! Read on in `control.rs` (one entry) and `engine.rs` (the callbacks).

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::busy::Busy;
use crate::clock::{Clock, Millis};
use crate::control::{Control, Events, Key, Posted, Rested};
use crate::crowd::Crowd;
use crate::lead::{Lead, Seat};
use crate::next::{Hangup, Interest};
use crate::pace::Pace;
use crate::poller::Poller;
use crate::queue::Queue;
use crate::slots::Slots;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use crate::table::Table;
use crate::timers::Timers;
use crate::turns::guarded;
use crate::vain::Vain;
use crate::watch::Watch;
use crate::{Config, Figures};

#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) controls: Table<Control>,
    pub(crate) listeners: Box<[Control]>,
    pub(crate) clock: Clock,
    pub(crate) queue: Queue,
    pub(crate) slots: Slots,
    pub(crate) poller: Poller,
    pub(crate) lead: Lead,
    pub(crate) timers: Timers,
    pub(crate) watch: Watch,
    pub(crate) counts: Counts,
    pub(crate) pace: Pace,
    pub(crate) busy: Busy,
    vain: Vain,
    pub(crate) crowd: Crowd,
    /// Whether the protocol reads while a handler has the connection.
    pub(crate) reads_while_busy: bool,
    /// Somebody could not accept for want of a free slot.
    pub(crate) full: AtomicBool,
    pub(crate) order: Mutex<Option<Instant>>,
    phase: AtomicU8,
    sleeping_until: AtomicU64,
}

/// What the engine is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// It accepts no more, and keeps its connections to their next answer.
    Leaving,
    Draining,
    Stopped,
}

/// How long a leader may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Not at all.
    Look,
    /// Until the next deadline.
    Forever,
    /// The watchdog's: until the next deadline, or a connection asks for a tick.
    UntilAsked,
    /// The watchdog's: for so long, or until the next deadline.
    For(Duration),
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) polls: AtomicU64,
    pub(crate) ticks: AtomicU64,
    pub(crate) promotions: AtomicU64,
    pub(crate) kicks: AtomicU64,
    pub(crate) accepted: AtomicU64,
}

impl Hub {
    pub(crate) fn new(config: &Config, listeners: usize) -> Result<Self, Errno> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            controls: Table::new(config.connections),
            listeners: (0..listeners).map(|_| Control::default()).collect(),
            clock: Clock::new(),
            queue: Queue::default(),
            slots: Slots::new(config.connections),
            poller: Poller::new(config.poller)?,
            lead: Lead::default(),
            timers: Timers::new(),
            watch: Watch::default(),
            counts: Counts::default(),
            pace: Pace::default(),
            busy: Busy::new(config.threads, config.accepting),
            vain: Vain::default(),
            crowd: Crowd::new(config.threads, cores),
            reads_while_busy: false,
            full: AtomicBool::new(false),
            order: Mutex::default(),
            phase: AtomicU8::new(Phase::Serving as u8),
            sleeping_until: AtomicU64::new(0),
        })
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Serving,
            1 => Phase::Leaving,
            2 => Phase::Draining,
            _ => Phase::Stopped,
        }
    }

    /// Goes on to a later phase, and tells whoever waits in the poller or sleeps on the watch.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
        self.call_watchdog();
    }

    /// Orders the engine to leave or to drain, and to end by `deadline` at the latest. Of several orders the most
    /// pressing counts.
    pub(crate) fn order(&self, phase: Phase, deadline: Instant) {
        {
            let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            *order = Some(order.map_or(deadline, |before| before.min(deadline)));
        }
        self.enter(phase);
    }

    /// A connection's slot is free again: while the engine leaves, the last one's is its end.
    pub(crate) fn give_slot(&self, index: u32) {
        self.slots.give(index);
        if self.phase() == Phase::Leaving && self.slots.taken() == 0 {
            self.call_watchdog();
        }
    }

    /// Has the watchdog look round, wherever it waits.
    fn call_watchdog(&self) {
        self.watch.wake();
        self.watch.hurry();
        self.rouse();
    }

    /// By when the engine was ordered to end.
    pub(crate) fn ordered(&self) -> Option<Instant> {
        *self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of a connection or listener.
    #[inline]
    pub(crate) fn control(&self, index: u32) -> Option<&Control> {
        if index >= LISTENERS {
            return self.listeners.get((index - LISTENERS) as usize);
        }
        self.controls.get(index)
    }

    /// Tells an entry that something happened, and gets it served. What is left to the caller is to tell a hang-up.
    pub(crate) fn post(&self, key: Key, events: Events) -> Posted {
        let Some(control) = self.control(key.index) else { return Posted::Stale };
        let posted = control.post(key.generation, events);
        if posted == Posted::Queue {
            self.queue.push_ready(key);
            self.rouse();
        }
        posted
    }

    /// Lets an entry wait; it is in the queue instead if what it waits for has come. Who isn't a handler thread must
    /// `hand_over` then.
    #[inline]
    pub(crate) fn rest(&self, control: &Control, key: Key, interest: Interest, deadline: Millis) {
        if self.timers.set(control, key.index, deadline)
            && deadline.0 < self.sleeping_until.load(Ordering::SeqCst)
        {
            self.rouse();
        }
        // While the entry is still held: afterwards the next holder may already have armed it otherwise.
        let armed = self.poller.rearm(key, interest);
        match control.rest(interest) {
            Rested::Queue => {
                self.queue.push_ready(key);
                self.watch.wake();
            }
            Rested::Waiting if armed => self.rouse(),
            Rested::Waiting => {}
        }
    }

    /// Has bytes told from now on that come for an entry whoever has it, if the poller doesn't anyway.
    pub(crate) fn watch_bytes(&self, key: Key) {
        if self.poller.watch(key) {
            self.rouse();
        }
    }

    /// Puts an entry in line for a handler thread. Who isn't one must `hand_over` then.
    pub(crate) fn wait_to_run(&self, control: &Control, key: Key, events: Events) {
        if self.reads_while_busy {
            self.watch_bytes(key);
        }
        control.requeue(events.and(Events::RUN));
        self.queue.push_due(key);
        self.watch.wake();
    }

    /// Ends the wait of whoever waits in the poller.
    #[inline]
    pub(crate) fn rouse(&self) {
        if self.lead.unblock() {
            self.counts.kicks.fetch_add(1, Ordering::Relaxed);
            self.poller.kick();
        }
    }

    /// Wakes a follower to go on where others are held up.
    pub(crate) fn promote(&self) -> bool {
        let woken = self.lead.wake_one();
        if woken {
            self.counts.promotions.fetch_add(1, Ordering::Relaxed);
        }
        woken
    }

    /// Sees to it that a handler thread takes what is in the queue: one that sleeps, or else the one that polls. If
    /// there is neither, all are busy, and the first that is free looks at the queue.
    pub(crate) fn hand_over(&self) {
        // A follower puts its name on the list and then looks at the queue; here it is the other way round.
        fence(Ordering::SeqCst);
        if !self.queue.is_empty() && !self.promote() {
            self.rouse();
        }
    }

    /// Polls once and puts what came of it in the queue; what shared parts must be told is added to `told`.
    pub(crate) fn poll(
        &self,
        mut seat: Seat<'_>,
        patience: Patience,
        keys: &mut Vec<Key>,
        told: &mut Vec<Told>,
    ) {
        let waited = self.wait(&mut seat, patience);
        let now = self.clock.refresh();
        if let Err(error) = waited {
            guarded(|| tracing::error!(%error, "the poller failed; trying again"));
            std::thread::sleep(Duration::from_millis(10));
        }
        for (key, events) in seat.batch.drain(..) {
            let Some(control) = self.control(key.index) else { continue };
            match control.post(key.generation, events) {
                Posted::Queue => keys.push(key),
                Posted::Busy(hangup) => {
                    if self.reads_while_busy && events.has(Events::READ) {
                        told.push((key, News::Bytes));
                    }
                    told.extend(hangup.map(|hangup| (key, News::HungUp(hangup))));
                }
                Posted::Kept | Posted::Stale => {}
            }
        }
        self.timers.expire(now, |index| self.control(index), keys);
        let batch = keys.len();
        self.queue.push_batch(keys);
        self.crowd.share(self, batch);
        if !self.queue.is_empty() {
            self.vain.end();
            // With nobody in the poller any more somebody must keep watch.
            self.watch.wake();
        } else if !told.is_empty() {
            self.vain.end();
        } else if matches!(patience, Patience::Forever | Patience::UntilAsked) {
            self.vain.count();
        }
    }

    /// Rouses whoever is overdue. For the watchdog, when the leader is held up.
    pub(crate) fn expire(&self, now: Millis, keys: &mut Vec<Key>) {
        self.timers.expire(now, |index| self.control(index), keys);
        if !keys.is_empty() {
            self.queue.push_batch(keys);
            self.rouse();
        }
    }

    /// Figures for those who watch the server.
    pub(crate) fn figures(&self) -> Figures {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Figures {
            polls: read(&self.counts.polls),
            ticks: read(&self.counts.ticks),
            promotions: read(&self.counts.promotions),
            kicks: read(&self.counts.kicks),
            accepted: read(&self.counts.accepted),
            connections: self.slots.taken(),
            running: self.busy.running(),
            waiting: self.queue.due(),
        }
    }

    fn wait(&self, seat: &mut Seat<'_>, patience: Patience) -> Result<(), Errno> {
        self.counts.polls.fetch_add(1, Ordering::Relaxed);
        if patience == Patience::Look || self.has_work(patience) {
            return self.poller.wait(&mut seat.batch, Some(Duration::ZERO));
        }
        let now = self.clock.millis_now();
        let mut until = self.timers.next();
        if let Patience::For(time) = patience {
            until = until.min(now.plus(time.max(Duration::from_millis(1))));
        }
        self.sleeping_until.store(until.0, Ordering::SeqCst);
        self.lead.block();
        // The watchdog hears of an order, as of a tick that is asked for, only here and by a kick.
        let asked =
            patience == Patience::UntilAsked && (self.watch.is_asked() || self.phase() != Phase::Serving);
        let hurry =
            asked || self.has_work(patience) || self.timers.next() < until || self.phase() == Phase::Stopped;
        let timeout = if hurry { Some(Duration::ZERO) } else { now.until(until) };
        let waited = self.poller.wait(&mut seat.batch, timeout);
        self.lead.unblock();
        waited
    }

    /// Whether the leader has something better to do than wait. Those due to run are nothing to the watchdog.
    fn has_work(&self, patience: Patience) -> bool {
        match patience {
            Patience::Look | Patience::Forever => !self.queue.is_empty(),
            Patience::For(_) | Patience::UntilAsked => self.queue.has_ready(),
        }
    }
}

/// What the shared part of a connection must be told.
pub(crate) type Told = (Key, News);

/// What can't wait until a handler is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Bytes have come.
    Bytes,
    HungUp(Hangup),
}

/// Keys from here on are listeners'.
pub(crate) const LISTENERS: u32 = u32::MAX - 1024;

/// How many listeners there may be.
pub(crate) const MAX_LISTENERS: usize = 1000;
