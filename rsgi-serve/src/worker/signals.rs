//! A worker's signals: handlers that only write to a pipe, and a thread that reads it.
//!
//! The fork left the master's signals held back, so none is lost before the handlers are there. Handlers, and not ignoring,
//! also for those that do nothing: what the app executes gets the default actions back (sigaction(2)).

use std::io;
use std::sync::Arc;
use std::thread;

use signal_hook::consts::signal::{
    SIGABRT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGWINCH,
};
use signal_hook::iterator::Signals;

use super::reins::Reins;
use crate::process::{self, Child};

/// Obeys signals from now on. The first of a worker's threads.
pub(super) fn obey(_: &Child, reins: Arc<Reins>) -> io::Result<()> {
    let mut signals = Signals::new(HANDLED)?;
    // Before the thread is there: it and all later ones inherit the mask.
    process::signals::unblock()?;
    thread::Builder::new().name("rsgi-signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            reins.signal(signal);
        }
    })?;
    Ok(())
}

const HANDLED: &[i32] =
    &[SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGABRT, SIGHUP, SIGTTIN, SIGTTOU, SIGUSR2, SIGWINCH];
