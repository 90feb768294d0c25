//! The files of `deploy/` with the real thing: supervisord, systemd's tools, nginx, an empty root folder, and the linters.
//!
//! A test copies a shipped file, puts this machine's paths and ports into it and starts what it is for. `./check tools` installs the
//! programs; without one a test fails and says so. What the machine forbids (another user, a namespace) is skipped with a line. Nothing
//! sleeps: a test waits for a line of a log, an answer, a state or an end.
#![allow(clippy::unwrap_used, reason = "all of it is tests")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod container;
mod lint;
mod nginx;
mod supervisor;
mod systemd;

/// The servers that the app is served by.
const SERVERS: [&str; 2] = ["std", "hyper"];

/// The app that is served.
const PROGRAM: &str = env!("CARGO_BIN_EXE_deployed");
