//! [`Nature`] and [`Process`]: a worker of the played world, and how it behaves.

use crate::clock::Millis;
use crate::fleet::{Generation, InHand, Order, Rules, Status};

pub(in crate::fleet::tests) const KILLED: Status = Status::Signal(9);
pub(in crate::fleet::tests) const ABORTED: Status = Status::Signal(6);

/// How a worker behaves.
#[derive(Clone, Copy, Debug)]
pub(in crate::fleet::tests) struct Nature {
    /// From fork to ready.
    pub(in crate::fleet::tests) boots: u64,
    /// Dies by itself so long after its fork.
    pub(in crate::fleet::tests) dies: Option<(u64, Status)>,
    /// From the order to leave or stop to its end.
    pub(in crate::fleet::tests) finishes: u64,
    /// Hears no order and no soft signal.
    pub(in crate::fleet::tests) deaf: bool,
    /// Survives SIGKILL.
    pub(in crate::fleet::tests) immortal: bool,
}

impl Default for Nature {
    fn default() -> Self {
        Self { boots: 40, dies: None, finishes: 10, deaf: false, immortal: false }
    }
}

impl Nature {
    pub(in crate::fleet::tests) fn dying(after: u64, status: Status) -> Self {
        Self { dies: Some((after, status)), ..Self::default() }
    }

    pub(in crate::fleet::tests) fn booting(boots: u64) -> Self {
        Self { boots, ..Self::default() }
    }

    pub(in crate::fleet::tests) fn finishing(finishes: u64) -> Self {
        Self { finishes, ..Self::default() }
    }
}

/// A worker's process.
#[derive(Debug)]
pub(in crate::fleet::tests) struct Process {
    pub(in crate::fleet::tests) pid: u32,
    pub(in crate::fleet::tests) generation: Generation,
    pub(in crate::fleet::tests) nature: Nature,
    pub(in crate::fleet::tests) ready: bool,
    pub(in crate::fleet::tests) told: Option<Order>,
    pub(in crate::fleet::tests) reopened: bool,
    /// It got SIGABRT or SIGKILL.
    pub(in crate::fleet::tests) condemned: bool,
    /// It beats no more since then.
    pub(in crate::fleet::tests) silent: Option<Millis>,
    pub(in crate::fleet::tests) requests: u64,
    pub(in crate::fleet::tests) rss: u64,
    pub(in crate::fleet::tests) in_hand: Option<InHand>,
}

impl Process {
    pub(in crate::fleet::tests) fn stands(&self) -> bool {
        self.told.is_none() && !self.condemned
    }

    pub(in crate::fleet::tests) fn serves(&self) -> bool {
        self.ready && self.stands()
    }
}

/// So many workers, and the defaults.
pub(in crate::fleet::tests) fn workers(workers: usize) -> Rules {
    Rules { workers, ..Rules::default() }
}

/// A request that began then.
pub(in crate::fleet::tests) fn request(started: Millis) -> InHand {
    InHand {
        started,
        method: "GET".to_owned(),
        target: "/slow".to_owned(),
        peer: "10.0.0.9".to_owned(),
        id: "r1".to_owned(),
    }
}
