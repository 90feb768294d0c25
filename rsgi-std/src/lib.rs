//! RSGI on blocking threads: a complete HTTP/1.1 server without an async runtime.
//!
//! So far the HTTP/1 codec ([`h1`]), which does no I/O.
#![forbid(unsafe_code)]

pub mod h1;
