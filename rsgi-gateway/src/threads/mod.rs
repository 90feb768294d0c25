//! Servers on blocking threads: [`Server`] for any of the protocols.
//!
//! A blocking app runs on a thread of the pool, an async one is polled there and parked while it is pending; idle connections,
//! slow web servers and pending apps hold no thread. The engine is that of every blocking adapter (`rsgi-threads`).
//!
//! Next: `server.rs`, `protocol.rs`.

mod protocol;
mod server;
mod socket;

pub use server::{Handle, Server};
