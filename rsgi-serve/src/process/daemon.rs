//! Daemon mode: the program goes to the background, and the shell's command returns only when it serves, or says why it doesn't.
//!
//! Two forks: the first child leads a new session without a terminal, the second one can never get a terminal again and becomes the
//! master. The launcher waits on a pipe for the master's word. Until then standard error stays the terminal's, so that a failing start is
//! read; then the three standard streams lead nowhere, those of the children too.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, pipe_with};

use super::{Forked, Forking, reap, signals};
use crate::sys;

/// Which process this is after going to the background.
#[derive(Debug)]
pub(crate) enum Detached {
    /// The one that the shell started. It ends with this code; `None` if the daemon died without a word.
    Launcher(Option<u8>),
    /// The daemon.
    Daemon(Report),
}

/// The daemon's word to its launcher, given once.
#[derive(Debug)]
pub(crate) struct Report(File);

/// What becomes of the standard streams once the daemon serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Streams {
    /// They lead nowhere.
    Leave,
    /// Input leads nowhere; output leads to the log already.
    LeaveInput,
    /// They stay what they were.
    Keep,
}

/// Goes to the background. Returns in the launcher only when the daemon has reported or died.
pub(crate) fn detach(forking: &mut Forking) -> io::Result<Detached> {
    let (reading, writing) = pipe_with(PipeFlags::CLOEXEC)?;
    match forking.fork()? {
        Forked::Parent(between) => {
            drop(writing);
            // The launcher itself may be interrupted while it waits.
            signals::unblock()?;
            let code = await_report(reading)?;
            reap::wait_for(between)?;
            Ok(Detached::Launcher(code))
        }
        Forked::Child(_) => {
            drop(reading);
            let report = Report(writing.into());
            match become_daemon(forking) {
                Ok(()) => Ok(Detached::Daemon(report)),
                Err(error) => {
                    // Nobody waits for this process but the launcher, which learns of the pipe's end.
                    let _ = writeln!(io::stderr(), "daemon: {error}");
                    sys::leave(1)
                }
            }
        }
    }
}

impl Report {
    /// Says that the daemon serves: the launcher ends with 0.
    pub(crate) fn ready(mut self, streams: Streams) -> io::Result<()> {
        streams.leave()?;
        self.0.write_all(&[0])
    }

    /// Says that the daemon couldn't start: the launcher ends with this code.
    pub(crate) fn failed(mut self, code: u8) -> io::Result<()> {
        self.0.write_all(&[code])
    }
}

impl Streams {
    /// Points them at nothing, as far as they are to be left. Where there is no `/dev/null` (an empty chroot), that is pipes whose other
    /// end is closed.
    pub(crate) fn leave(self) -> io::Result<()> {
        if self == Self::Keep {
            return Ok(());
        }
        let null = File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from);
        let (input, output) = match null {
            Ok(null) => (null.try_clone()?, null),
            Err(_) => (pipe_with(PipeFlags::CLOEXEC)?.0, pipe_with(PipeFlags::CLOEXEC)?.1),
        };
        nix::unistd::dup2_stdin(&input)?;
        if self == Self::Leave {
            nix::unistd::dup2_stdout(&output)?;
            nix::unistd::dup2_stderr(&output)?;
        }
        Ok(())
    }
}

fn become_daemon(forking: &mut Forking) -> io::Result<()> {
    rustix::process::setsid()?;
    match forking.fork()? {
        Forked::Parent(_) => sys::leave(0),
        Forked::Child(_) => Ok(()),
    }
}

fn await_report(pipe: OwnedFd) -> io::Result<Option<u8>> {
    let mut code = [0];
    let read = File::from(pipe).read(&mut code)?;
    Ok((read == 1).then_some(code[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_launcher_ends_with_the_code_that_was_reported() {
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        Report(writing.into()).failed(4).unwrap();
        assert_eq!(await_report(reading).unwrap(), Some(4));
    }

    #[test]
    fn a_daemon_that_dies_without_a_word_is_noticed() {
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        drop(Report(writing.into()));
        assert_eq!(await_report(reading).unwrap(), None);
    }
}
