//! What all clients share: where the server is, the counts, fresh numbers, and the end of the load.
//!
//! A client is a function that makes one round; it is called again and again until the load ends. What goes wrong in a
//! round is counted, and the next round begins with fresh connections.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rsgi_test::suite::corpus::{Differences, FOLDER, Pair, all, differences};

use crate::dice::Dice;
use crate::fault::Fault;
use crate::inbox::Inbox;
use crate::tally::{Kind, Tally};

/// The shared part of all clients.
pub(crate) struct Load {
    /// Where the server is.
    pub(crate) address: SocketAddr,
    /// The counts.
    pub(crate) tally: Tally,
    /// The malformed requests, and the valid ones beside them.
    pub(crate) pairs: Vec<Pair>,
    /// Where this server decides otherwise.
    pub(crate) differences: Differences,
    numbers: AtomicU64,
    over: Mutex<bool>,
    end: Condvar,
}

/// One round of a client.
pub(crate) type Round = fn(&Load, &mut Dice) -> Result<(), Fault>;

impl Load {
    /// The load on a server by its short name.
    pub(crate) fn new(server: &str, address: SocketAddr) -> Self {
        let table = differences(include_str!("../../../tests/corpus/differences.txt"));
        Self {
            address,
            tally: Tally::default(),
            pairs: all(FOLDER),
            differences: Differences::of(server, &table),
            numbers: AtomicU64::new(0),
            over: Mutex::new(false),
            end: Condvar::new(),
        }
    }

    /// A number that no other request has; the next `count` too.
    pub(crate) fn numbers(&self, count: u64) -> u64 {
        self.numbers.fetch_add(count, Relaxed)
    }

    /// Connects, and counts it.
    pub(crate) fn connect(&self, kind: Kind) -> Result<Inbox, Fault> {
        self.tally.connected(kind);
        Inbox::connect(self.address).map_err(|fault| fault.while_doing("connecting"))
    }

    /// Counts a right answer.
    pub(crate) fn right(&self, kind: Kind, inbox: &mut Inbox) {
        self.tally.right(kind, 1, inbox.take_compared());
    }

    /// Whether the load has ended.
    pub(crate) fn is_over(&self) -> bool {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the load: rounds come to their end and no more begin.
    pub(crate) fn finish(&self) {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.end.notify_all();
    }

    /// Lets so much time pass, or less if the load ends. The pace of a client, never a way to wait for something.
    pub(crate) fn pause(&self, time: Duration) {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.end.wait_timeout_while(over, time, |over| !*over));
    }

    /// Makes rounds until the load ends.
    pub(crate) fn repeat(&self, kind: Kind, seat: usize, round: Round) {
        let mut dice = Dice::new(seat as u64 + 1);
        while !self.is_over() {
            // The clients of the suite fail by panicking.
            let result = catch_unwind(AssertUnwindSafe(|| round(self, &mut dice)));
            let result = result.unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                Err(Fault::wrong(text.unwrap_or_else(|| "a panic of the client".to_owned())))
            });
            if let Err(fault) = result {
                self.tally.fault(kind, &fault);
                self.pause(Duration::from_millis(100));
            }
        }
    }

    /// Waits in steps of a second until so much time has passed and so many answers have come, or too much is wrong to
    /// go on. What is to be looked at each second is.
    pub(crate) fn run(&self, time: Duration, answers: u64, mut look: impl FnMut(Duration)) {
        let begun = Instant::now();
        let mut seconds = 0;
        while begun.elapsed() < time || self.tally.answers() < answers {
            seconds += 1;
            self.pause(Duration::from_secs(seconds).saturating_sub(begun.elapsed()));
            look(begun.elapsed());
            if self.tally.faults().len() >= ENOUGH {
                break;
            }
        }
        self.finish();
    }
}

/// Faults after which the load ends.
const ENOUGH: usize = 50;
