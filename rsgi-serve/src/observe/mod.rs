//! Seeing the service work: facts read from the shared page, shown as text of Prometheus, JSON, a page of HTML, and in a terminal.
//!
//! All of it is made of one [`Facts`], and nothing of it asks the app or a worker: the page is all that is read, so a service whose workers
//! all hang is seen as well as any. The status address is served by a process of its own (`serve.rs`), which the master watches
//! (`keeper.rs`); the terminal asks the master over the control socket.
//!
//! Next: `facts.rs`.
#![allow(dead_code, unused_imports, reason = "the master, which uses it, is written beside it")]

mod app;
mod counters;
mod facts;
mod html;
mod keeper;
mod metrics;
mod netlink;
mod queues;
mod serve;
#[cfg(test)]
mod tests;
#[cfg(not(feature = "top"))]
#[path = "no_top.rs"]
pub(crate) mod top;
#[cfg(feature = "top")]
pub(crate) mod top;
pub(crate) mod words;

pub(crate) use self::counters::publish;
pub(crate) use self::facts::{Facts, Latency, Running, Traffic, Worker};
pub(crate) use self::keeper::{Keeper, Task};
pub(crate) use self::queues::{Queue, Queues};
pub(crate) use self::serve::{Plan, serve};
