//! RSGI behind a web server's own protocol: CGI, FastCGI, SCGI and uwsgi.
//!
//! What mod_wsgi and uWSGI are to WSGI: nginx, Apache, lighttpd or HAProxy speak HTTP with the client, and one of these
//! protocols with the app. Any app runs here unchanged; what a protocol lacks is a typed `NotSupported`.
//!
//! How it works: `codec` turns bytes into events and answers into bytes, without any I/O; `request` makes the typed
//! environ of the variables that a web server sends; `conn` is the machine of a connection, which `threads` and `tokio`
//! host; `cgi` answers the one request of a process.
#![forbid(unsafe_code)]

/// The guide, compiled.
#[cfg(all(doctest, feature = "threads"))]
#[doc = include_str!("../../docs/gateway.md")]
#[derive(Debug)]
pub struct Guide;

pub mod cgi;
pub mod codec;
pub mod request;
mod settings;

// What every server of connections has.
#[cfg(any(feature = "threads", feature = "tokio"))]
mod conn;
#[cfg(any(feature = "threads", feature = "tokio"))]
mod options;
#[cfg(any(feature = "threads", feature = "tokio"))]
mod peers;
#[cfg(any(feature = "threads", feature = "tokio"))]
mod site;

#[cfg(feature = "threads")]
pub mod threads;
#[cfg(feature = "tokio")]
pub mod tokio;

#[cfg(any(feature = "threads", feature = "tokio"))]
pub use options::Options;
