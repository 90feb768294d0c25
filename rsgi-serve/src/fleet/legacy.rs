//! [`Legacy`]: what an image of the master leaves to the next one, over an exec.
//!
//! Written by one version of this program and read by another, so every field has a default. Times are the machine's
//! monotonic milliseconds, which go on over an exec.

use serde::{Deserialize, Serialize};

use super::action::Order;
use super::counters::Counters;
use super::member::{Generation, SlotId};

/// The fleet, for its next master.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Legacy {
    /// The generation in force.
    pub(crate) generation: u32,
    /// The newest one there ever was.
    pub(crate) newest: u32,
    /// How many workers are wanted.
    pub(crate) wanted: usize,
    /// Whether none is for now (WINCH).
    pub(crate) away: bool,
    /// The workers that live.
    pub(crate) workers: Vec<Heir>,
    /// What was counted.
    pub(crate) counters: Counters,
    /// Why a newer image gave up, if this one is the old one again.
    pub(crate) rolled_back: Option<String>,
}

/// A worker, for its next master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heir {
    pub(crate) slot: SlotId,
    pub(crate) pid: u32,
    pub(crate) generation: Generation,
    pub(crate) forked: u64,
    #[serde(default)]
    pub(crate) ready: Option<u64>,
    /// What it was told, and when it is killed.
    #[serde(default)]
    pub(crate) going: Option<(Order, u64)>,
    /// Whether a clock has condemned it: it is killed at the next check.
    #[serde(default)]
    pub(crate) condemned: bool,
}
