//! [`Seats`]: who accepts on which sockets, where each worker has its own (`--reuse-port`).
//!
//! The kernel shares connections out to all sockets of an address, whether somebody accepts there or not. So a new worker gets
//! those that fewest others have; and where one remains that nobody has, after TTOU, the fleet is told, and replaces the workers by as
//! many that have all of them between them. What waits in the socket's queue meanwhile is answered then: the master has it open.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Master;
use crate::clock::Millis;
use crate::fleet::{Event, Generation, SlotId};
use crate::sockets::Worker;

/// What a worker was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seat {
    slot: SlotId,
    generation: Generation,
    worker: Worker,
}

/// The seats of those that haven't been told to go.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: BTreeMap<SlotId, Seat>,
    /// When the fleet was told that one is vacant, and how they were taken then.
    told: Option<(Millis, BTreeMap<SlotId, Seat>)>,
}

impl Seats {
    /// Those of another image.
    pub(super) fn adopted(seats: Vec<Seat>) -> Self {
        Self { taken: seats.into_iter().map(|seat| (seat.slot, seat)).collect(), told: None }
    }

    /// For the next image.
    pub(super) fn kept(&self) -> Vec<Seat> {
        self.taken.values().copied().collect()
    }

    /// The worker is told to go, or has ended.
    pub(super) fn leave(&mut self, slot: SlotId) {
        self.taken.remove(&slot);
    }
}

impl Master {
    /// A seat for a new worker.
    pub(super) fn seat(&mut self, slot: SlotId, generation: Generation) -> Worker {
        let stays = |seat: &&Seat| seat.generation == generation && !self.fleet.is_worn(seat.slot);
        let others: Vec<Worker> = self.seats.taken.values().filter(stays).map(|seat| seat.worker).collect();
        let worker = self.listeners.least_served(self.fleet.view().wanted, &others);
        self.seats.taken.insert(slot, Seat { slot, generation, worker });
        worker
    }

    /// Tells the fleet of a socket that nobody accepts on: once, and again after a while if it couldn't do anything.
    pub(super) fn look_at_seats(&mut self) {
        let workers: Vec<Worker> = self.seats.taken.values().map(|seat| seat.worker).collect();
        if !self.fleet.is_settled() || !self.listeners.is_any_vacant(&workers) {
            return;
        }
        let now = Millis::now();
        let known = |(at, taken): &(Millis, _)| *taken == self.seats.taken && now.since(*at) < AGAIN;
        if !self.seats.told.as_ref().is_some_and(known) {
            self.seats.told = Some((now, self.seats.taken.clone()));
            self.feed(Event::SocketVacant);
        }
    }
}

/// After a try that failed.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(10);
