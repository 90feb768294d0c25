//! What axum's published examples ask of their server, tried on ours: written anew, each after the example it names.
//!
//! Apart from the connection (`grounds.rs`) every router is as it would be under `axum::serve`. The list of all examples
//! is in `docs/tower.md`.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

mod bodies;
mod connections;
mod ends;
mod grounds;
mod layers;
mod upgrades;
