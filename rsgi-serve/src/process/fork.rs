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
pub(crate) struct Forking {
    /// Told of each fork.
    told: Box<dyn Fn(Turn)>,
}

/// A moment of a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing is done yet.
    Before,
    /// In the process that forked, or that couldn't.
    Parent,
    /// In the new process, before anything else is done in it.
    Child,
}

/// Which side of the fork this is.
#[derive(Debug)]
pub(crate) enum Forked {
    /// The one that forked, with the number of its child.
    Parent(Pid),
    /// The new process.
    Child(Child),
}

impl Forking {
    /// Begins to be a process that forks. Refused if there is more than one thread already.
    pub(crate) fn begin() -> io::Result<Self> {
        alone::require()?;
        Ok(Self { told: Box::new(|_| {}) })
    }

    /// Has somebody told of each fork.
    pub(crate) fn telling(mut self, told: impl Fn(Turn) + 'static) -> Self {
        self.told = Box::new(told);
        self
    }

    /// Forks.
    pub(crate) fn fork(&mut self) -> io::Result<Forked> {
        (self.told)(Turn::Before);
        match sys::fork().inspect_err(|_| (self.told)(Turn::Parent))? {
            sys::Side::Parent(child) => {
                (self.told)(Turn::Parent);
                Ok(Forked::Parent(child))
            }
            sys::Side::Child => {
                (self.told)(Turn::Child);
                // Fails for no signal that there is; and a child that can't fork again has nobody to tell.
                let _ = signals::stop_ignoring();
                Ok(Forked::Child(Child::new()))
            }
        }
    }

    /// Gives the right up, to serve in this process itself.
    #[expect(clippy::unused_self, reason = "the receiver is the right to do it, and is over then")]
    pub(crate) fn give_up(self) -> Child {
        Child::new()
    }
}

impl std::fmt::Debug for Forking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forking").finish_non_exhaustive()
    }
}
