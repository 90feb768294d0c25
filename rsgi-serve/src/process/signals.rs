//! The master's signals, read from a descriptor (signalfd) instead of handled.
//!
//! No handler is ever installed in the master, so a child inherits none, and handlers it registers are its own. Signals are held back from
//! the first moment on and stay so over an exec: what comes while the master starts or changes its image waits and is read later. The
//! kernel keeps one of a kind: five TTIN sent faster than they are read may be one.
//!
//! Not held back: faults, ABRT, and what stops and continues a process from a terminal.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::sys;

/// Where the master's signals are read.
#[derive(Debug)]
pub(crate) struct Signals(SignalFd);

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) signal: Signal,
    pub(crate) sender: Sender,
}

/// Who sent a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The kernel, as the terminal does for every process in the foreground.
    Kernel,
    /// A process, by its number; 0 if it is outside of this namespace.
    Process(u32),
}

impl Signals {
    /// Holds the master's signals back from now on and opens the descriptor to read them from. The first thing a master does.
    pub(crate) fn hold() -> io::Result<Self> {
        // An ignored CHLD would let children vanish without a status.
        sys::stop_ignoring(Signal::SIGCHLD)?;
        let set = held();
        set.thread_block()?;
        Ok(Self(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?))
    }

    /// The next signal that waits, if one does; never blocks.
    pub(crate) fn next(&self) -> io::Result<Option<Received>> {
        loop {
            let Some(information) = self.0.read_signal()? else { return Ok(None) };
            let number = i32::try_from(information.ssi_signo).unwrap_or_default();
            if let Ok(signal) = Signal::try_from(number) {
                let of_kernel = information.ssi_code == nix::libc::SI_KERNEL;
                let sender = if of_kernel { Sender::Kernel } else { Sender::Process(information.ssi_pid) };
                return Ok(Some(Received { signal, sender }));
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Lets signals come in a child, once its handlers are set.
pub(crate) fn unblock() -> io::Result<()> {
    Ok(SigSet::empty().thread_set_mask()?)
}

/// Gives the master's signals their default action where they are ignored.
pub(super) fn stop_ignoring() -> io::Result<()> {
    HELD.iter().try_for_each(|signal| sys::stop_ignoring(*signal))
}

/// The signal's name as logs have it: `SIGTERM`, or `signal 34` for one without.
pub(crate) fn name(number: i32) -> String {
    Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.as_str().to_owned())
}

fn held() -> SigSet {
    HELD.iter().copied().collect()
}

/// What the master acts on, and what would kill it though it means nothing to it.
const HELD: &[Signal] = &[
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGWINCH,
    Signal::SIGCHLD,
    Signal::SIGALRM,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGIO,
    Signal::SIGPWR,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_sent_while_held_is_read_and_kills_nobody() {
        let signals = Signals::hold().unwrap();
        assert_eq!(signals.next().unwrap(), None);
        // To this thread: the harness has others, which hold nothing back.
        nix::sys::signal::raise(Signal::SIGUSR2).unwrap();
        let received = signals.next().unwrap().unwrap();
        assert_eq!(
            received,
            Received { signal: Signal::SIGUSR2, sender: Sender::Process(std::process::id()) }
        );
        assert_eq!(signals.next().unwrap(), None);
        unblock().unwrap();
    }

    #[test]
    fn faults_and_the_terminals_stop_are_not_held_back() {
        let set = held();
        for signal in [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGABRT, Signal::SIGTSTP, Signal::SIGCONT] {
            assert!(!set.contains(signal), "{signal}");
        }
        assert!(set.contains(Signal::SIGCHLD));
    }

    #[test]
    fn a_signal_is_called_by_its_name() {
        assert_eq!(name(9), "SIGKILL");
        assert_eq!(name(40), "signal 40");
    }
}
