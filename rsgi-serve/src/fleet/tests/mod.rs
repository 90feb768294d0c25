//! The rules of the master, one sentence a test, with a world that is played (`world.rs`): no process, no waiting.

mod adapting;
mod asks;
mod chance;
mod counts;
mod deaths;
mod liveness;
mod reload;
mod start;
mod stop;
mod undone;
mod upgrade;
mod world;
mod worn;
