//! What a new image of the master is told of the listeners that stay open over its exec.
//!
//! Texts and numbers only, with names, so that another version of this program can read it.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use rsgi_core::server::{Bind, ServeError};
use serde::{Deserialize, Serialize};

use super::inherit::checked;
use super::unix::SocketFile;
use super::{Listener, Listeners};
use crate::sys;

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    bind: String,
    /// The descriptors' numbers.
    sockets: Vec<RawFd>,
    /// The file, if the service made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<SocketFile>,
}

impl Kept {
    /// The descriptors' numbers.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = RawFd> + '_ {
        self.sockets.iter().copied()
    }

    /// The same, to be changed.
    pub(crate) fn numbers_mut(&mut self) -> impl Iterator<Item = &mut RawFd> + '_ {
        self.sockets.iter_mut()
    }
}

impl Listeners {
    /// What the new image is told.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        let kept = |listener: &Listener| Kept {
            bind: listener.bind.to_string(),
            sockets: listener.sockets.iter().map(AsRawFd::as_raw_fd).collect(),
            file: listener.file.clone(),
        };
        self.iter().map(kept).collect()
    }

    /// Takes the sockets in the new image. All or none: an upgrade that lost one has failed.
    pub(crate) fn restore(kept: Vec<Kept>) -> Result<Self, ServeError> {
        let all: Result<Vec<_>, _> = kept.into_iter().map(Listener::restore).collect();
        all.map(Self::from)
    }
}

impl Listener {
    fn restore(kept: Kept) -> Result<Self, ServeError> {
        let bind: Bind = kept.bind.parse()?;
        let sockets: io::Result<Vec<_>> =
            kept.sockets.iter().map(|number| sys::inherited(*number).and_then(checked)).collect();
        let listener = sockets.and_then(|sockets| Self::new(bind.clone(), sockets, kept.file));
        listener.map_err(|error| ServeError::opening(&bind, error))
    }
}
