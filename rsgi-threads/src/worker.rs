//! [`Worker`]: a handler thread: takes what is in the queue, leads when nothing is, sleeps when another leads.
//!
//! It never decides to wake others but for what `turns.rs` does; the watchdog does that.
//!
//! Invariant: a worker sleeps only while somebody polls, or the watchdog will see within a tick that nobody does.
//! Read on in `watchdog.rs`.

use std::sync::Arc;

use crate::Protocol;
use crate::engine::Core;
use crate::hub::{Patience, Phase};
use crate::lead::Berth;
use crate::queue::Work;
use crate::turns::{Hand, Role};

pub(crate) struct Worker<'a, P: Protocol> {
    core: &'a Core<P>,
    hand: Hand<P>,
    berth: Arc<Berth>,
}

impl<'a, P: Protocol> Worker<'a, P> {
    pub(crate) fn new(core: &'a Core<P>) -> Self {
        Self { core, hand: Hand::new(core, Role::Handler), berth: Berth::new() }
    }

    /// Works until the engine stops.
    pub(crate) fn work(&mut self) {
        let hub = &self.core.hub;
        loop {
            match hub.queue.take() {
                Work::Entry(key) => self.core.serve(key, &mut self.hand),
                Work::PollFirst => self.lead(Patience::Look),
                Work::None if hub.phase() == Phase::Stopped => return,
                Work::None => self.lead(Patience::Forever),
            }
        }
    }

    fn lead(&mut self, patience: Patience) {
        let hub = &self.core.hub;
        self.core.accept_again();
        if let Some(seat) = hub.lead.take() {
            hub.poll(seat, patience, &mut self.hand.keys, &mut self.hand.told);
            self.core.tell(&mut self.hand.told);
        } else if patience != Patience::Look {
            let stay_up = || !hub.queue.is_empty() || !hub.lead.is_led() || hub.phase() == Phase::Stopped;
            hub.lead.sleep(&self.berth, stay_up);
        }
    }
}
