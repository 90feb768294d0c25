//! Each framework's example as a process of its own: on each server, alone and with workers, and behind a web server.
//!
//! What is proved is that the framework is at home there, not what it does itself. Where next: `child.rs`.
#![expect(clippy::unwrap_used, reason = "a test stops where it can't go on")]

mod child;
mod fastcgi;
mod grpc;
mod routes;
mod startup;
