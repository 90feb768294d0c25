//! The test client against small apps, a file a subject.
//!
//! In memory, but for what only a socket shows: `live.rs` asks a server made by hand. The same tests against real
//! adapters are in the workspace's `tests/`.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

mod answers;
mod apps;
mod by_hand;
mod environs;
mod fixtures;
mod inputs;
mod journeys;
mod live;
