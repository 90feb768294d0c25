//! A server for RSGI apps, written from the project's README alone: HTTP/1.1 on blocking threads, one a connection.
//!
//! It shows how far the README carries, and is no server to choose: `rsgi-std` does the same with a pool and a poller.
//!
//! - It refuses the settings `tls` and `running_requests`, and applies `request_buffer` to bodies whose length is told, not to chunked ones.
//! - What its parser loses: the Host field beside a target with a host, which takes its place. A target with a fragment,
//!   or with a byte that no URI has, is refused with 400.
//! - Any expectation but `100-continue` is answered with 417.
//! - The error stream goes to `tracing`. `threads` bounds what runs app code at once; without it, connections do.
//!
//! Read in the order of the modules below.
#![forbid(unsafe_code)]

mod accept;
mod listen;
mod server;

mod answer;
mod closing;
mod conn;
mod gate;
mod watch;

mod head;
mod request;

mod body_in;
mod chunked;
mod inbound;

mod body_out;
mod wire;

pub use server::{Server, Serving, Stop};
