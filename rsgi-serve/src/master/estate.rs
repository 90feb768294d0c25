//! [`Estate`]: what a master leaves to the image that replaces it, or lends to one beside it.
//!
//! Numbers of descriptors and texts, with names and defaults, so that another version of this program can read it.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;

use rsgi_core::server::Bind;
use serde::{Deserialize, Serialize};

use super::Master;
use super::seats::Seat;
use crate::fleet::Legacy;
use crate::process::Parcel;
use crate::sockets::Kept;

/// What is handed over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Estate {
    /// The process number of the master that leaves or lends it.
    pub(super) master: i32,
    pub(super) legacy: Legacy,
    pub(super) listeners: Vec<Kept>,
    /// Who has which of them.
    pub(super) seats: Vec<Seat>,
    /// Of the status address, and its process.
    pub(super) status: Vec<Kept>,
    pub(super) status_pid: Option<u32>,
    /// Listeners that were handed over at the first start, as settings would name them.
    pub(super) handed: Vec<String>,
    /// Names of listeners that the service manager keeps.
    pub(super) stored: BTreeSet<String>,
    pub(super) page: Option<RawFd>,
    pub(super) life_reading: Option<RawFd>,
    pub(super) life_writing: Option<RawFd>,
    pub(super) pidfile: Option<(PathBuf, RawFd)>,
    /// The image that leaves, to go back to.
    pub(super) image: Option<RawFd>,
}

impl Estate {
    /// Reads it.
    pub(super) fn unpack(parcel: OwnedFd) -> Result<Self, String> {
        let bytes =
            Parcel::unpack(parcel).map_err(|error| format!("what was handed over can't be read: {error}"))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| format!("what was handed over has another form: {error}"))
    }

    /// Packs it, to be given over an exec.
    pub(super) fn pack(&self) -> io::Result<Parcel> {
        Parcel::pack(&serde_json::to_vec(self).map_err(io::Error::from)?)
    }

    /// The descriptors' numbers.
    pub(super) fn numbers(&mut self) -> impl Iterator<Item = &mut RawFd> + '_ {
        let sockets = self.listeners.iter_mut().chain(&mut self.status).flat_map(Kept::numbers_mut);
        let others = [&mut self.page, &mut self.life_reading, &mut self.life_writing, &mut self.image];
        let pidfile = self.pidfile.as_mut().map(|(_, number)| number);
        sockets.chain(others.into_iter().flatten()).chain(pidfile)
    }

    /// The listeners of the first start's parent.
    pub(super) fn handed(&self) -> Vec<Bind> {
        self.handed.iter().filter_map(|text| text.parse().ok()).collect()
    }
}

impl Master {
    /// All that the next image must have.
    pub(super) fn estate(&self, legacy: Legacy) -> Estate {
        let path = |file: &crate::pidfile::PidFile| (file.path().to_owned(), file.as_fd().as_raw_fd());
        Estate {
            master: rustix::process::getpid().as_raw_nonzero().get(),
            legacy,
            listeners: self.listeners.kept(),
            seats: self.seats.kept(),
            status: self.status.as_ref().map(|it| it.listeners.kept()).unwrap_or_default(),
            status_pid: self.status.as_ref().and_then(|it| it.keeper.pid()),
            handed: self.handed.iter().map(ToString::to_string).collect(),
            stored: self.stored.clone(),
            page: Some(self.page.as_fd().as_raw_fd()),
            life_reading: Some(self.life.reading.as_raw_fd()),
            life_writing: self.life.writing.as_ref().map(std::os::fd::AsRawFd::as_raw_fd),
            pidfile: self.pidfile.as_ref().map(path),
            image: self.image.as_ref().map(std::os::fd::AsRawFd::as_raw_fd),
        }
    }

    /// The descriptors that the estate names.
    pub(super) fn estates_descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let mut all = self.listeners.descriptors();
        all.extend(self.status.iter().flat_map(|it| it.listeners.descriptors()));
        all.push(self.page.as_fd());
        all.push(self.life.reading.as_fd());
        all.extend(self.life.writing.as_ref().map(std::os::fd::AsFd::as_fd));
        all.extend(self.pidfile.as_ref().map(std::os::fd::AsFd::as_fd));
        all.extend(self.image.as_ref().map(std::os::fd::AsFd::as_fd));
        all
    }
}
