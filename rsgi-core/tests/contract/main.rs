//! The contract's laws on core alone: no server, no socket, every rule that `respond` and the types owe.
//!
//! What needs a wire is in the workspace's `tests` crate. A comment `rule(84)` names the rule of `docs/conformance.md` that a
//! test proves. Begin with `asking.rs`, which plays the server.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod composition;
#[cfg(test)]
mod conversions;
#[cfg(test)]
mod drops;
#[cfg(test)]
mod environs;
#[cfg(test)]
mod exchanges;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod files;
#[cfg(test)]
mod gateways;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod informationals;
#[cfg(test)]
mod input_pieces;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod loans;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod offloads;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod senders;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod trailers;
#[cfg(test)]
mod upgrades;
#[cfg(test)]
mod variables;
#[cfg(test)]
mod watched;
#[cfg(test)]
mod watching;
