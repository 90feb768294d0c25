//! The whole launcher, with real processes and signals: the example `trouble` is started, asked, signalled and ended.
//!
//! Each test runs for both servers. Nothing sleeps: a test waits for a line of the log, an answer or an end.
#![allow(clippy::unwrap_used, reason = "all of it is tests")]
#![allow(clippy::print_stdout, reason = "a test that has to be skipped says so")]

mod changed;
mod clients;
#[cfg(feature = "otel")]
mod collector;
mod control;
mod counting;
mod crowds;
mod developing;
mod driving;
#[cfg(feature = "otel")]
mod exporting;
mod exposition;
mod gate;
mod gateway;
mod hooks;
mod kernel;
mod limits;
mod liveness;
mod load;
mod lossless;
mod metrics;
mod notices;
mod observing;
mod odd_signals;
mod orphans;
mod preloading;
mod recycling;
mod reloading;
mod reopening;
mod sockets;
mod start;
mod stopping;
mod surroundings;
mod systemd;
mod tracing;
mod two_masters;
mod upgrade;
mod watched;
mod webserver;
