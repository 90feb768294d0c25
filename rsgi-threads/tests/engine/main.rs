//! The engine's behaviour, seen through a toy protocol of lines, over both pollers.
//!
//! `lines.rs` is the toy, `server.rs` starts and ends it and holds the client; every other file is about one thing the
//! engine promises. No test knows the engine's insides.
//!
//! Invariant: nothing here sleeps to wait for something; what is waited for is an answer, an event or a gate, and only
//! a failing test waits long.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod busy;
mod bytes;
mod deadlines;
mod drain;
mod hangups;
mod idle;
mod leave;
mod limits;
mod lines;
mod looks;
mod panics;
mod server;
mod services;
mod serving;
mod stress;
mod ticks;
mod wakes;
