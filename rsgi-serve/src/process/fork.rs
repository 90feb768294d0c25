//! [`Forking`]: the right to fork, held by a process with one thread.
//!
//! Not here: what the child does. It starts with the master's signals still held back and its own default actions, so that it can set its
//! handlers first and then let signals come ([`signals::unblock`]): none is lost, none kills it early.

use std::io;

use rustix::process::Pid;

use super::child::Child;
use super::{alone, signals};
use crate::sys;

/// The right to fork; there is one in the process.
#[derive(Debug)]
pub(crate) struct Forking(());

/// Which side of the fork this is.
#[derive(Debug)]
pub(crate) enum Forked {
    /// The one that forked, with the number of its child.
    Parent(Pid),
    /// The new process.
    Child(Child),
}

#[expect(clippy::unused_self, reason = "the receiver is the right to do it")]
impl Forking {
    /// Begins to be a process that forks. Refused if there is more than one thread already.
    pub(crate) fn begin() -> io::Result<Self> {
        alone::require()?;
        Ok(Self(()))
    }

    /// Forks.
    pub(crate) fn fork(&mut self) -> io::Result<Forked> {
        match sys::fork()? {
            sys::Side::Parent(child) => Ok(Forked::Parent(child)),
            sys::Side::Child => {
                // Fails for no signal that there is; and a child that can't fork again has nobody to tell.
                let _ = signals::stop_ignoring();
                Ok(Forked::Child(Child::new()))
            }
        }
    }

    /// Gives the right up, to serve in this process itself.
    pub(crate) fn give_up(self) -> Child {
        Child::new()
    }
}
