//! Starts an application on the server that the command line names, and ends it gracefully on a signal.
//!
//! Nothing here knows more of a server than rsgi-core's convention, `Adapter` and `Running`: that line is all that
//! changes from one server to another.

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use lexopt::Parser;
use rsgi_core::server::{Config, ServeError};
use rsgi_core::{Adapter, App, Endpoint, Running};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::flags::{Flags, usage};
use crate::log;

/// Serves `app` until SIGTERM or SIGINT, on the server that `--server` names: `std` (the default) or `hyper`.
///
/// What goes wrong is printed with its remedy, and the exit code is then not zero.
pub fn launch(app: impl App) -> ExitCode {
    run(&["std", "hyper"], |flags| match flags.server {
        "hyper" => serve::<rsgi_hyper::Server>(flags.config, app),
        _ => serve::<rsgi_std::Server>(flags.config, app),
    })
}

/// Serves `app` as [`launch`] does, on a server of the caller's.
pub fn launch_on<A: Adapter>(app: impl App) -> ExitCode {
    run(&[A::NAME], |flags| serve::<A>(flags.config, app))
}

fn run(servers: &'static [&'static str], serve: impl FnOnce(Flags) -> Result<(), ServeError>) -> ExitCode {
    match Flags::read(servers, Parser::from_env()) {
        Ok(Some(flags)) => match serve(flags) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        Ok(None) => match io::stdout().write_all(usage(servers).as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => failed(&error),
    }
}

fn serve<A: Adapter>(config: Config, app: impl App) -> Result<(), ServeError> {
    log::to_stderr();
    // Before the start: a signal that comes early must not end the process as if nobody had asked for it.
    let mut signals =
        Signals::new([SIGTERM, SIGINT]).map_err(|error| ServeError::io("watching for signals", error))?;
    let running = A::start(config, app)?;
    announce(running.addresses()).map_err(|error| ServeError::io("printing the address", error))?;
    let handle = running.handle();
    thread::spawn(move || {
        // The first signal asks kindly; whoever sends another won't wait.
        let mut limit = None;
        for _signal in signals.forever() {
            A::Running::shutdown_by(&handle, limit);
            limit = Some(Duration::ZERO);
        }
    });
    running.wait()
}

fn announce(addresses: &[Endpoint]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for address in addresses {
        let scheme = if address.port().is_some() { "http://" } else { "" };
        writeln!(out, "Listening at: {scheme}{address} ({})", std::process::id())?;
    }
    out.flush()
}

fn failed(error: &ServeError) -> ExitCode {
    let _closed = writeln!(io::stderr(), "error: {error}");
    ExitCode::FAILURE
}
