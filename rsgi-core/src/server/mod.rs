//! The server convention: what every adapter is given before it starts, and what it says when it can't.
//!
//! Data only: core opens no socket and reads no certificate. An adapter takes a [`Config`], opens what its
//! [`Bind`]s name, keeps its [`Limits`] and [`Timeouts`], and reports every failure as a [`ServeError`], so
//! the line that starts a server reads the same everywhere.
//!
//! Invariant: every limit has a name, a default and a reason to change it; nothing is unbounded by accident.
//!
//! Where next: `config.rs`, which holds all the rest.

mod bind;
mod check;
mod config;
mod error;
mod limits;
mod load;
mod timeouts;

#[cfg(test)]
mod tests;

pub use bind::Bind;
pub use config::{Config, HalfClose, PortSharing, Processes, ServerField, TlsFiles};
pub use error::{ServeError, ServeErrorKind};
pub use limits::{Http2Limits, Limits};
pub use load::Load;
pub use timeouts::Timeouts;
