//! RSGI on blocking threads: a complete HTTP/1.1 server without an async runtime.
//!
//! [`Server`] hosts any app: a blocking one runs on a thread of its pool, an async one is polled there and parked with
//! its connection while it is pending. Idle connections, slow clients and pending apps hold no thread.
//!
//! How it works: `rsgi-threads` waits for sockets and lends connections to threads; `protocol.rs` says what each event
//! means; `read.rs`, `serve.rs`, `answer.rs` and `after.rs` are the life of a request, in this order.
#![forbid(unsafe_code)]

// What a user sees.
mod config;
mod server;

// The life of a connection.
mod after;
mod answer;
mod begin;
mod conn;
mod open;
mod protocol;
mod read;
mod send;
mod serve;
mod stream;

// Bytes.
mod body_in;
mod body_out;
mod desk;
pub mod h1;
mod reading;
mod sendfile;
mod shared;
mod transport;
mod wire;

// Round about.
mod site;

#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;

pub use config::{Options, Poller};
pub use server::{Handle, Server};
