//! [`Drain`]: carries out an order to end: accept what waits, shut the gates, tell everybody, wait, cut the rest. Who only
//! leaves shuts the gates and waits.
//!
//! Run by the watchdog, a step each tick, or when the last connection has gone; it waits for nobody itself.
//!
//! Invariant: every connection that was in the kernel's queue when the order came is accepted before the gate is shut,
//! unless time runs out, or the queue is shared and the order is to leave; what has arrived on a connection is given to it
//! before it is asked to drain. Read on in `handle.rs` (who gives the order).

use std::time::Instant;

use crate::Protocol;
use crate::accept::{Gate, Pause};
use crate::control::{Events, Key};
use crate::engine::Core;
use crate::hub::{Hub, LISTENERS, Phase};
use crate::turns::cut;

#[derive(Debug)]
pub(crate) struct Drain {
    /// A flood must not keep the gates open.
    may_accept: usize,
    /// Whether all gates are shut.
    shut: bool,
    /// Whether the connections know.
    told: bool,
}

impl Drain {
    /// Does what is to be done now; ends the engine if nothing is left, or the deadline has passed.
    pub(crate) fn go_on<P: Protocol>(&mut self, core: &Core<P>, deadline: Instant) {
        let phase = core.hub.phase();
        if phase == Phase::Serving || phase == Phase::Stopped {
            return;
        }
        self.shut_gates(core, deadline);
        if phase == Phase::Draining && !self.told {
            self.told = true;
            tell(core, deadline);
        }
        self.shut = core.gates.iter().all(Gate::is_shut);
        if (self.shut && core.hub.slots.taken() == 0) || deadline <= Instant::now() {
            end(core);
        }
    }

    /// Whether nothing is to be done before the deadline, unless somebody calls.
    pub(crate) fn rests(&self, hub: &Hub) -> bool {
        match hub.phase() {
            Phase::Serving => true,
            Phase::Leaving => self.shut && hub.slots.taken() > 0,
            Phase::Draining | Phase::Stopped => false,
        }
    }

    fn shut_gates<P: Protocol>(&mut self, core: &Core<P>, deadline: Instant) {
        for (gate, index) in core.gates.iter().zip(LISTENERS..) {
            if gate.is_shut() {
                continue;
            }
            if core.hub.phase() == Phase::Leaving && gate.is_shared() {
                gate.shut(&core.hub, index);
                continue;
            }
            let late = deadline <= Instant::now();
            let before = core.hub.figures().accepted;
            let pause = if late { Pause::Empty } else { core.accept(index, self.may_accept) };
            let taken = usize::try_from(core.hub.figures().accepted - before).unwrap_or(usize::MAX);
            self.may_accept = self.may_accept.saturating_sub(taken);
            // At the connection limit the rest is taken in as others go.
            if pause != Pause::Full && pause != Pause::Short {
                gate.shut(&core.hub, index);
            }
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self { may_accept: MOST, shut: false, told: false }
    }
}

/// Tells every connection, behind what waited at the gates. If there is no time at all, nobody is asked to hurry.
fn tell<P: Protocol>(core: &Core<P>, deadline: Instant) {
    if deadline <= Instant::now() {
        return;
    }
    for (index, control) in core.hub.controls.iter() {
        if let Some(key) = control.tenant(index) {
            core.reach(key, |link| core.protocol.draining(&link.shared));
            core.hub.post(key, Events::READ.and(Events::DRAIN));
        }
    }
}

/// Stops the threads, and cuts what is left.
fn end<P: Protocol>(core: &Core<P>) {
    let hub = &core.hub;
    for (gate, index) in core.gates.iter().zip(LISTENERS..) {
        gate.shut(hub, index);
    }
    // Counted first: from the next line on the threads close what they have in hand.
    let left: Vec<Key> = hub.controls.iter().filter_map(|(index, control)| control.tenant(index)).collect();
    hub.enter(Phase::Stopped);
    for key in &left {
        cut(core, *key);
    }
    core.close_seized();
    hub.lead.wake_all();
    core.exits.end(left.len());
}

/// How many connections are still accepted after the order, at most.
const MOST: usize = 8192;
