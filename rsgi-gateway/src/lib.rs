//! RSGI behind a web server's own protocol: CGI, FastCGI, SCGI and uwsgi.
//!
//! What mod_wsgi and uWSGI are to WSGI: nginx, Apache, lighttpd or HAProxy speak HTTP with the client, and one of these
//! protocols with the app. Any app runs here unchanged; what a protocol lacks is a typed `NotSupported`.
//!
//! How it works: `codec` turns bytes into events and answers into bytes, without any I/O; `request` makes the typed
//! environ of the variables that a web server sends.
#![forbid(unsafe_code)]

pub mod cgi;
pub mod codec;
mod conn;
mod peers;
mod request;
mod settings;
mod site;
#[cfg(feature = "threads")]
pub mod threads;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use settings::Options;
