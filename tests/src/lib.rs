//! The harness of the behaviour suite: what every case in `tests/behaviour` is made of.
//!
//! A case is a function that is told on which adapter it runs ([`On`]), serves an app through the server convention,
//! and talks to it over raw sockets. The client shares no parser with the servers. Nothing here sleeps to wait for
//! something: see [`deadline`].
//!
//! Read in the order of the modules below.
#![forbid(unsafe_code)]
#![expect(clippy::missing_panics_doc, reason = "a harness fails by panicking: that is what it is for")]
#![expect(
    clippy::exhaustive_enums,
    reason = "nobody but this crate's tests uses them, and those want to be exact"
)]

mod ground;

pub mod host;
pub mod probe;

pub use ground::{HYPER, HYPER_SEPARATE, On, STD, STD_PORTABLE, Server, Stopper};
pub use rsgi_test::suite::{folder as scratch, log};
pub use rsgi_test::wire::answer::{Answer, Framing};
pub use rsgi_test::wire::{End, RawClient as Client, Wire, answer, bytes, deadline, frames, http2 as h2};
