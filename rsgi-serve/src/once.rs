//! One request, by CGI: a web server starts this program for each (RFC 3875), with the request in the environment.
//!
//! Nothing is opened but the log, nothing forked, and the arguments aren't looked at: a query without `=` becomes words of the
//! command line (RFC 3875 section 4.4), and `?--bind+0.0.0.0:80` must mean nothing. So the settings are those of the program,
//! the file and the environment, where no client can write: its fields are variables that begin with `HTTP_`.
//!
//! Invariant: standard output is the answer's. Next: `worker/gateways.rs`.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use crate::command::Started;
use crate::log::Log;
use crate::master::{self, Launch, Loaded, Role, surround};
use crate::process::signals;
use crate::settings::{self, Input, Settings};
use crate::worker::{self, Failure};

/// Whether the environment is that of a CGI program, and nobody's terminal: then this process answers that request and ends.
/// Somebody who starts a service from within such a program says so by the variable of the setting `protocol`.
pub(crate) fn is_asked(role: &Role, started: &Started) -> bool {
    let spoken = settings::protocol_variable();
    let overruled = started.environment.iter().any(|(name, value)| *name == *spoken && !value.is_empty());
    matches!(role, Role::First) && started.input == Input::Other && worker::is_called() && !overruled
}

/// The words of a command line that somebody else wrote: the program's name alone.
pub(crate) fn without_query(arguments: &mut Vec<OsString>) {
    arguments.truncate(1);
}

/// Answers the request. What goes wrong before is said on standard error, which is the web server's log, and it answers 500.
pub(crate) fn run(launch: Launch, settings: Settings) -> ExitCode {
    answer(launch, settings).unwrap_or_else(|failure| master::give_up(&failure, None))
}

fn answer(launch: Launch, settings: Settings) -> Result<ExitCode, Failure> {
    let wrong = |reason: String| Failure { exit: crate::exit::Exit::Settings, reason };
    let unheld = |error: io::Error| Failure::of_worker(error);
    let Launch { forking, mut body, .. } = launch;
    signals::unblock().map_err(unheld)?;
    surround(&settings)?;
    let loaded = Loaded::load(settings, &[], None).map_err(wrong)?;
    let log = Log::open(&loaded.log_plan()).map_err(|error| wrong(error.to_string()))?;
    log.count_for(loaded.statsd.clone());
    // A program may have a log of its own.
    let _ = log.install();
    let child = forking.give_up();
    body.answer(&child, &loaded.settings, loaded.access.clone())
}
