//! RSGI on hyper and tokio: HTTP/1.1 and HTTP/2, in the clear or over TLS.
//!
//! Any [`App`](rsgi_core::App) is served by one line:
//!
//! ```no_run
//! use rsgi_core::http::StatusCode;
//! use rsgi_core::server::Config;
//! use rsgi_core::{Adapter, Environ, Error, Running, StartResponse, Started};
//!
//! async fn hello(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
//!     Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("hello\n"))
//! }
//!
//! fn main() -> Result<(), rsgi_core::server::ServeError> {
//!     rsgi_hyper::Server::start(Config::new().bind("127.0.0.1:8000")?, hello)?.wait()
//! }
//! ```
//!
//! Inside a tokio program it is [`serve`], with more to choose by [`Builder`]. An app that blocks is wrapped in
//! [`rsgi_core::blocking`]: it runs on threads of its own, never on a reactor. `Config::threads` bounds those threads
//! (default: 256, started when needed); [`Builder::reactors`] is for the reactors.
//!
//! Read next: `conn.rs`, the life of a connection.
#![forbid(unsafe_code)]

// Starting and stopping.
mod accept;
mod config;
mod control;
mod hosted;
mod inherit;
mod listener;
mod load;
mod server;
mod stage;
// A connection.
mod conn;
mod drive;
mod foreign;
mod setting;
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls_off.rs"]
mod tls;
mod transport;
// A request.
mod body_in;
mod body_out;
mod http1;
mod http2;
mod offload;
mod pace;
mod plain;
mod request;
mod unread;
mod upgrade;

pub use config::Cores;
pub use control::Handle;
pub use hosted::Hosted;
pub use listener::Listener;
pub use plain::PlainBody;
pub use server::{Builder, Running, Server, serve};
