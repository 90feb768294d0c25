//! The servers of every protocol on both hosts, over real sockets: each test is written once, and runs for all.
//!
//! The client (`wire`) speaks the protocols by itself and shares no parser with the crate. Nothing sleeps: what is waited for
//! is an event, within [`PATIENCE`](served::PATIENCE).
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]
#![cfg(all(feature = "threads", feature = "tokio"))]

#[macro_use]
mod served;
mod wire;

mod answers;
mod bodies;
mod clocks;
mod content;
mod early;
mod ends;
mod failures;
mod gone;
mod limits;
mod multiplexed;
mod starts;
mod strangers;
