//! [`Child`]: the proof that this process won't fork any more, so that it may start threads.
//!
//! Starting a runtime, a server or a resolver takes a `&Child`. The master has none.

use std::io;

use rustix::process::{Pid, Signal};

/// Held by the child's side of a fork, and by a launcher that gave up forking.
#[derive(Debug)]
pub(crate) struct Child(());

#[expect(clippy::unused_self, reason = "the receiver is the proof that it may be done")]
impl Child {
    pub(super) fn new() -> Self {
        Self(())
    }

    /// The same proof, for a thread of this process.
    pub(crate) fn again(&self) -> Self {
        Self(())
    }

    /// Has the kernel send `signal` when the master is gone, even if it was killed. Tells whether it is still there: it may have gone
    /// before. Changing the user takes the wish back (prctl(2)), so this comes after that.
    pub(crate) fn end_with(&self, master: Pid, signal: Signal) -> io::Result<Master> {
        rustix::process::set_parent_process_death_signal(Some(signal))?;
        Ok(if rustix::process::getppid() == Some(master) { Master::Alive } else { Master::Gone })
    }
}

/// Whether the process that forked this one is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Master {
    Alive,
    Gone,
}
