//! Processes: forking and what a child starts with, the master's signals, exec, titles, users, daemons, processors.
//!
//! Not here: what the master decides (`fleet/`), and its loop. The rule of this folder: a process that forks has one thread, and what
//! starts threads takes a [`Child`], which only a fork or giving up forking hands out.
//!
//! Next: `fork.rs`, `signals.rs`.
#![allow(
    dead_code,
    unused_imports,
    reason = "the master and the workers, which use it, are written after it"
)]

pub(crate) mod alone;
mod child;
pub(crate) mod cpu;
pub(crate) mod daemon;
mod exec;
mod fork;
pub(crate) mod memory;
mod parcel;
pub(crate) mod privileges;
pub(crate) mod reap;
pub(crate) mod signals;
mod start;
pub(crate) mod title;

pub(crate) use child::{Child, Master};
pub(crate) use exec::{Image, exec};
pub(crate) use fork::{Forked, Forking, Turn};
pub(crate) use parcel::Parcel;
pub(crate) use start::{HANDED_OVER, Start};
