//! The engine under a checker of concurrent programs; built with `--cfg loom` or `--cfg shuttle` only.
//!
//! `pieces.rs` has loom try every interleaving of the small protocols (the lead, the sleepers, the watchdog's bed, one
//! entry, one deadline), with the memory model's freedoms. `whole.rs` has shuttle try many schedules of real workers and a
//! real watchdog, over the poller of `poller.rs`, which brings what the test says. A wake that is lost shows as a deadlock.
//!
//! `./check model` runs both.
#![allow(
    dead_code,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "they have the shapes of what they stand for, and only one of the two uses all of it"
)]

pub(crate) mod locks;
pub(crate) mod poller;

#[cfg(loom)]
#[cfg(test)]
mod pieces;
#[cfg(shuttle)]
#[cfg(test)]
mod whole;

#[cfg(loom)]
pub(crate) use loom as checker_root;
#[cfg(shuttle)]
pub(crate) use shuttle as checker_root;

/// The checker's counterparts of what the standard library has.
pub(crate) mod checker {
    pub(crate) use super::checker_root::sync::{Condvar, Mutex, MutexGuard, atomic};
    pub(crate) use super::checker_root::thread;
}
