//! The test client against small apps, a file a subject.
//!
//! In memory, but for what only a socket shows: `live.rs` asks a server made by hand. The same tests against real
//! adapters are in the workspace's `tests/`.

mod answers;
mod apps;
mod by_hand;
mod environs;
mod inputs;
mod journeys;
