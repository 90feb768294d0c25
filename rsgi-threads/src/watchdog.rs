//! [`Watchdog`]: sees every tick that somebody polls, wakes a follower if nobody does, and polls itself if all are busy.
//!
//! It never runs a handler, so it can't be held up by one. It also sends what lies gathered, expires deadlines while
//! the leader is held up, and carries out a shutdown. A tick costs a busy server two switches of threads, so while nobody
//! is held up and nothing lies gathered it looks less often; who gathers ends that at once.
//!
//! Invariant: it sleeps only while somebody waits in the poller (see `watch.rs`), so an idle server makes no wake-ups.
//! Read on in `drain.rs`.

use std::time::{Duration, Instant};

use crate::control::Key;
use crate::drain::Drain;
use crate::engine::Core;
use crate::hub::{Patience, Phase};
use crate::sync::atomic::Ordering;
use crate::turns::{Hand, Role};
use crate::{Config, Protocol};

pub(crate) struct Watchdog<'a, P: Protocol> {
    core: &'a Core<P>,
    hand: Hand<P>,
    tick: Duration,
    /// How many entries had been taken from the queue at the last tick.
    taken: u64,
    /// For how many ticks nothing has happened.
    idle: u32,
    /// For how many ticks nobody was held up and nothing lay gathered.
    calm: u32,
    /// When connections were found to want a tick.
    asked_at: Option<Instant>,
    asked: Vec<Key>,
    drain: Drain,
}

impl<'a, P: Protocol> Watchdog<'a, P> {
    pub(crate) fn new(core: &'a Core<P>, config: &Config) -> Self {
        Self {
            core,
            hand: Hand::new(core, Role::LastResort),
            tick: config.tick,
            taken: 0,
            idle: 0,
            calm: 0,
            asked_at: None,
            asked: Vec::new(),
            drain: Drain::default(),
        }
    }

    /// Watches until the engine stops.
    pub(crate) fn watch(&mut self) {
        let hub = &self.core.hub;
        while hub.phase() != Phase::Stopped {
            if self.idle >= IDLE_TICKS {
                self.idle = 0;
                // Who leaves has an end, which nobody else watches for.
                let idle = || hub.lead.is_blocked() && !hub.watch.is_asked() && self.drain.rests(hub);
                hub.watch.sleep(|| hub.ordered(), idle);
            }
            if self.calm >= CALM_TICKS && hub.watch.doze(self.tick * CALM, || self.drain.rests(hub)) {
                self.look();
                continue;
            }
            if hub.watch.is_asked() {
                self.asked_at.get_or_insert_with(Instant::now);
            }
            hub.watch.tick(self.tick);
            self.look();
        }
    }

    /// One tick's work.
    fn look(&mut self) {
        let hub = &self.core.hub;
        hub.counts.ticks.fetch_add(1, Ordering::Relaxed);
        let now = hub.clock.refresh();
        let restless = hub.watch.is_asked() || !self.drain.rests(hub);
        self.calm = if restless { 0 } else { self.calm.saturating_add(1) };
        self.serve_asked();
        hub.expire(now, &mut self.hand.keys);
        self.go_on_draining();
        let taken = hub.queue.taken();
        let ended = taken - self.taken;
        self.taken = taken;
        let led = hub.lead.is_led();
        hub.crowd.judge(hub);
        if ended > 0 {
            self.idle = 0;
        } else if led && hub.queue.is_empty() {
            let restless = hub.watch.is_asked() || !self.drain.rests(hub);
            self.idle = if restless { 0 } else { self.idle + 1 };
        } else {
            (self.idle, self.calm) = (0, 0);
            hub.pace.slow_down();
            if led {
                hub.hand_over();
            } else if !hub.promote() {
                self.stand_in();
            }
        }
    }

    /// All threads are held up: accepts, parses and times out in their place, until one is free or takes up work again. One
    /// that only has much to do polls itself between two handlers: to be woken for each event in its place costs more than
    /// what it does (`rsgi-python-std-flask` of the benches).
    #[cold]
    fn stand_in(&mut self) {
        let hub = &self.core.hub;
        hub.watch.stand_in(true);
        let mut taken = hub.queue.taken();
        while hub.lead.asleep() == 0 && hub.phase() != Phase::Stopped && hub.queue.taken() == taken {
            if let Some(key) = hub.queue.take_ready() {
                taken += 1;
                self.core.serve(key, &mut self.hand);
                if hub.queue.has_due() {
                    hub.hand_over();
                }
                continue;
            }
            let Some(seat) = hub.lead.take() else { break };
            let hurried = hub.watch.is_asked() || hub.phase() != Phase::Serving;
            let patience = if hurried { Patience::For(self.tick) } else { Patience::UntilAsked };
            hub.poll(seat, patience, &mut self.hand.keys, &mut self.hand.told);
            self.core.tell(&mut self.hand.told);
            self.serve_asked();
            self.go_on_draining();
        }
        hub.watch.stand_in(false);
        hub.hand_over();
        self.taken = hub.queue.taken();
    }

    /// Has the gathered output of those who asked sent, once it has lain there for a tick.
    fn serve_asked(&mut self) {
        let watch = &self.core.hub.watch;
        if !watch.is_asked() {
            return;
        }
        let now = Instant::now();
        let since = *self.asked_at.get_or_insert(now);
        if now.duration_since(since) < self.tick / 2 {
            return;
        }
        self.asked_at = None;
        watch.take_asked(&mut self.asked);
        for key in self.asked.drain(..) {
            self.core.reach(key, |link| self.core.protocol.tick(&link.shared));
        }
    }

    fn go_on_draining(&mut self) {
        if let Some(deadline) = self.core.hub.ordered() {
            self.drain.go_on(self.core, deadline);
            self.core.hub.hand_over();
        }
    }
}

/// After so many ticks in which nothing happened the watchdog sleeps.
const IDLE_TICKS: u32 = 8;

/// After so many ticks in which it had nothing to do it looks less often.
const CALM_TICKS: u32 = 64;

/// So many ticks are one then.
const CALM: u32 = 4;
