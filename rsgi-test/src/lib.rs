//! Proof for apps and servers: a test client, a lint, and the conformance suite.
//!
//! - Framework and application authors test an [`App`](rsgi_core::App) without a socket by the client, and let the
//!   lint watch both sides of the contract while they do.
//! - Server authors run the suite against their adapter, in under 15 lines.
//!
//! This crate knows no server: adapters are given to the suite, never named by it.
#![forbid(unsafe_code)]

mod client;
pub mod lint;
#[cfg(feature = "suite")]
pub mod suite;
pub mod wire;

pub use client::{
    Answer, Client, ClientError, ClientErrorKind, Fixture, Framing, Informational, Memory, Open, Recording,
    Request, Step, Tunnel, recording,
};
