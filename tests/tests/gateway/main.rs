//! The servers behind real web servers, by each protocol that a web server speaks with its backends.
//!
//! A front is a web server, one of its protocols and the server behind it (`fronts.rs`, a table): the shipped configuration of `deploy/`
//! with this machine's ports and paths, started in a folder of the test's. Through each goes the conformance suite, with the web server's
//! own decisions as marks (`marks/`), and what only web servers bring: `streams.rs`, `uploads.rs` and so on. `./check tools` installs
//! them; without one a test fails and says so. Nothing sleeps.
#![allow(clippy::unwrap_used, reason = "all of it is tests")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

#[macro_use]
mod fronts;
mod marks;
mod standing;

mod apache;
mod haproxy;
mod lighttpd;
mod nginx;

mod absence;
mod lint;
mod page;
mod paths;
mod streams;
mod suite;
mod told;
mod uploads;
