//! A worker: from the fork to its end. It sets its signals, drops the master's user, has the app made, serves it on the
//! inherited listeners, says that it is ready, beats, and obeys.
//!
//! Not here: what the master decides (`fleet/`) and how it forks (`master/`). `alone.rs` and `check.rs` use the same parts
//! without a master.
//!
//! Read `life.rs` (the order of it all), `body.rs` (the app), `adapters.rs` (the servers), `reins.rs` (obeying), `observed.rs`
//! (what the page is told).

mod adapters;
mod body;
#[cfg(not(feature = "gateway"))]
#[path = "no_gateways.rs"]
mod gateways;
#[cfg(feature = "gateway")]
mod gateways;
mod gauge;
mod heart;
mod job;
mod life;
mod marks;
mod observed;
mod reins;
mod running;
#[cfg(not(feature = "hyper"))]
#[path = "no_runtime.rs"]
mod runtime;
#[cfg(feature = "hyper")]
mod runtime;
mod signals;
mod spans;
mod trace_parent;
mod words;

pub(crate) use body::{Body, Hosted};
pub(crate) use gateways::is_called;
pub(crate) use job::{Failure, Job, Purpose};
pub(crate) use life::{live, live_in};
pub(crate) use words::{Mouth, StatusPipe};
