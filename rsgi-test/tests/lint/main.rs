//! The lint: one test that breaks exactly each of its checks, and clean apps of every kind that break none.
//!
//! No socket: `asking.rs` plays the server, well or badly. `table.rs` sees to it that no check is without its test, its
//! clause and its line in `docs/lint.md`.

#[cfg(test)]
mod asking;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod clean;
#[cfg(test)]
mod environs;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod middleware;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod table;
#[cfg(test)]
mod trailers;
