//! Servers on tokio: [`Server`] for any of the protocols.
//!
//! A connection is a task, apps are polled there, and blocking ones run on a pool beside the reactors (`pool.rs`). Listeners
//! are opened by what the engine has for that (`rsgi-threads`), without the engine.
//!
//! Next: `server.rs`, `connection.rs`.

mod accept;
mod clock;
mod connection;
mod control;
mod pool;
mod server;
mod socket;

pub use control::Handle;
pub use server::Server;
