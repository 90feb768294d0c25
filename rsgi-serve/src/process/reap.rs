//! Collecting children that ended, and telling how.
//!
//! All children are collected, not only workers: as process 1 of a container the master inherits every orphan of the app, and nobody else
//! would. Whether a number is a worker's is the caller's to know.

use std::fmt;
use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::signals;

/// A child that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) pid: Pid,
    pub(crate) ending: Ending,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It left by itself, with this code.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number.
        number: i32,
        /// Whether its memory was written to a file.
        dumped: bool,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal { number, dumped } => {
                write!(f, "was sent {}", signals::name(*number))?;
                if *dumped { f.write_str(" (core dumped)") } else { Ok(()) }
            }
        }
    }
}

/// The next child that has ended, if one has; never blocks.
pub(crate) fn next() -> io::Result<Option<Ended>> {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => {
                // Stops and continues aren't asked for; a tracer's are no endings.
                if let Some(ending) = ending(status) {
                    return Ok(Some(Ended { pid, ending }));
                }
            }
            Ok(None) | Err(Errno::CHILD) => return Ok(None),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits for one child.
pub(crate) fn wait_for(pid: Pid) -> io::Result<Ending> {
    loop {
        match rustix::process::waitpid(Some(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => {
                if let Some(ending) = ending(status) {
                    return Ok(ending);
                }
            }
            Ok(None) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether this is process 1 of its namespace: orphans become its children, and signals without a handler don't end it.
pub(crate) fn is_init() -> bool {
    rustix::process::getpid().is_init()
}

fn ending(status: WaitStatus) -> Option<Ending> {
    if let Some(code) = status.exit_status() {
        return Some(Ending::Code(code));
    }
    let number = status.terminating_signal()?;
    Some(Ending::Signal { number, dumped: status.as_raw() & DUMPED != 0 })
}

/// The bit of a status that `WCOREDUMP` looks at.
const DUMPED: i32 = 0x80;

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    #[expect(clippy::zombie_processes, reason = "they are waited for by their numbers")]
    fn a_childs_code_and_signal_are_told_apart() {
        // Waited for by number: the harness's other tests have children of their own.
        for (script, expected) in
            [("exit 3", Ending::Code(3)), ("kill -KILL $$", Ending::Signal { number: 9, dumped: false })]
        {
            let child = Command::new("/bin/sh").args(["-c", script]).spawn().unwrap();
            assert_eq!(wait_for(Pid::from_child(&child)).unwrap(), expected);
        }
    }

    #[test]
    fn an_ending_reads_as_the_log_has_it() {
        assert_eq!(Ending::Code(4).to_string(), "exited with code 4");
        assert_eq!(Ending::Signal { number: 11, dumped: true }.to_string(), "was sent SIGSEGV (core dumped)");
    }
}
