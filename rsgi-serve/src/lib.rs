//! The launcher: one line of `main` turns an app factory into a program with a server's whole command line, and a pre-fork
//! master behind it. Unix only.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use rsgi_core::http::StatusCode;
//! use rsgi_core::{App, Environ, Error, StartResponse, Started};
//!
//! async fn hello(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
//!     Ok(start_response.status(StatusCode::OK).body("hello"))
//! }
//!
//! fn create_app() -> impl App {
//!     hello
//! }
//!
//! fn main() -> ExitCode {
//!     rsgi_serve::run(create_app)
//! }
//! ```
//!
//! The program then serves with `./hello -w 5 -b 0.0.0.0:8000`, reloads on HUP, becomes another binary on USR2 without losing a
//! request, and explains itself with `--help`, `print-config`, `check`, `show` and `man`. More to choose: [`Launcher`]. How an
//! app is made: [`Factory`].
//!
//! How it works: `master/` forks, watches and does what `fleet/`, its mind, wants; `worker/` makes the app and serves it;
//! `page/` is the memory they share.

#![deny(unsafe_code)]

#[cfg(not(any(feature = "std", feature = "hyper")))]
compile_error!("a launcher needs a server: enable the feature `std` or `hyper` of rsgi-serve");

/// The guide, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../docs/serving.md")]
#[derive(Debug)]
pub struct Guide;

// What a user sees.
mod argument;
mod factory;
mod hooks;
mod launcher;
mod section;

// What a command line asks for.
mod command;
mod settings;

// The processes.
mod alone;
mod check;
mod fleet;
mod master;
mod once;
mod watch;
mod worker;

// What they share.
mod access;
mod clock;
mod control;
mod exit;
#[cfg(feature = "otel")]
mod export;
#[cfg(not(feature = "otel"))]
#[path = "no_export.rs"]
mod export;
mod log;
mod notify;
mod observe;
mod page;
mod pidfile;
mod process;
mod sockets;
mod sys;

use std::process::ExitCode;

pub use argument::Argument;
pub use factory::{Creation, Factory, Fallible, Later, Made, Plain, WithSection, Without};
pub use hooks::{Hooks, Worker};
pub use launcher::Launcher;
pub use section::{Section, SectionError};

/// Serves what a factory makes, as the command line asks for; returns the program's exit code. [`Launcher`] has more to choose.
///
/// Call it first of all in `main`: the master must have one thread.
#[must_use]
pub fn run<M: 'static>(create_app: impl Factory<M>) -> ExitCode {
    Launcher::new(create_app).run()
}
