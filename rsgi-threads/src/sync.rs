//! What the engine synchronises by: the standard library's atomics, locks and threads, and nothing else.
//!
//! They are named in this one place so that the model tests (`model/`) can put a checker's in their stead: under
//! `--cfg loom` those of loom, which tries every interleaving and every value that the memory model lets a load see;
//! under `--cfg shuttle` those of shuttle, which tries many schedules of the whole engine. Else it is re-exports, so the
//! engine's code is the same with and without this file.
//!
//! Not here: `Arc` and `OnceLock`, whose own workings are not in question.

#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic},
    thread,
};

#[cfg(any(loom, shuttle))]
pub(crate) use crate::model::{
    checker::{atomic, thread},
    locks::{Condvar, Mutex, MutexGuard},
};
