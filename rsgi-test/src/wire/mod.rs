//! The other end of the wire: clients that share no parser with any server and repair nothing.
//!
//! [`RawClient`] sends the bytes it is given and reads answers of HTTP/1; [`frames`] does the same for HTTP/2, and
//! `http2` asks whole requests. Nothing here sleeps to wait for something: see [`deadline`].
#![expect(clippy::missing_panics_doc, reason = "a harness fails by panicking: that is what it is for")]
#![expect(clippy::missing_errors_doc, reason = "its errors are what the servers did, told by their types")]
#![expect(
    clippy::exhaustive_enums,
    reason = "what can come over a wire is complete, and tests want to be exact"
)]
#![expect(clippy::result_large_err, reason = "a broken answer is what many cases are about")]

pub mod answer;
pub mod bytes;
pub mod deadline;
pub mod frames;
#[cfg(feature = "suite")]
pub mod http2;
mod raw_client;
#[cfg(feature = "tls")]
pub mod tls;

pub use raw_client::{End, RawClient, Wire};
