//! The listening sockets: opened by the master before it forks, or handed over to it, and kept by it as long as the service goes on.
//!
//! Workers inherit them by the fork and are told their descriptors' numbers. Not here: accepting, which is the adapters'; and resolving
//! names after the start, which the master never does.
//!
//! Invariant: a socket's file is removed only by [`Listener::remove_file`], only if this service made it, and only while it is still the
//! same file: dropping a listener, as each child does with its copy, removes nothing.
//!
//! Next: `open.rs`; `inherit.rs` and `keep.rs` for sockets that come from elsewhere.
#![allow(
    dead_code,
    unused_imports,
    reason = "the master and the workers, which use it, are written after it"
)]

pub(crate) mod inherit;
mod keep;
mod open;
pub(crate) mod stored;
#[cfg(test)]
mod tests;
mod unix;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rsgi_core::server::Bind;
use rustix::net::{AddressFamily, sockopt};
use serde::{Deserialize, Serialize};

use self::unix::SocketFile;

pub(crate) use self::keep::Kept;
pub(crate) use self::open::{Attempt, Opening, Options, Sharing, open_all};
pub(crate) use self::unix::knock;

/// A place where the service listens.
#[derive(Debug)]
pub(crate) struct Listener {
    /// As the settings name it.
    bind: Bind,
    place: Place,
    /// At least one; several where each worker has its own.
    sockets: Vec<OwnedFd>,
    /// The file, if this service made it.
    file: Option<SocketFile>,
}

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    /// A unix socket, with its file if it has one.
    Unix(Option<PathBuf>),
}

/// Which worker of how many: what its share of the sockets depends on, where there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Worker {
    /// From 0.
    pub(crate) number: usize,
    pub(crate) of: usize,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
    /// A web server's own protocol, by its name.
    Gateway(&'static str),
}

impl Listener {
    /// As the settings name it.
    pub(crate) fn bind(&self) -> &Bind {
        &self.bind
    }

    /// Where it listens, with the port that the system chose.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// As the log names it: `http://127.0.0.1:8000`, `fastcgi://127.0.0.1:9000`, `unix:/run/app.sock`.
    pub(crate) fn url(&self, scheme: Scheme) -> String {
        match (&self.place, scheme) {
            (Place::Tcp(address), Scheme::Http) => format!("http://{address}"),
            (Place::Tcp(address), Scheme::Https) => format!("https://{address}"),
            (Place::Tcp(address), Scheme::Gateway(protocol)) => format!("{protocol}://{address}"),
            (Place::Unix(Some(path)), _) => format!("unix:{}", path.display()),
            (Place::Unix(None), _) => self.bind.to_string(),
        }
    }

    /// The sockets of one worker of several. Each has at least one, and each socket a worker: one without would let the connections
    /// wait that the kernel shares out to it.
    pub(crate) fn share(&self, worker: Worker) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.shared(worker).filter_map(move |at| self.sockets.get(at)).map(AsFd::as_fd)
    }

    fn shared(&self, worker: Worker) -> impl Iterator<Item = usize> + use<> {
        let (sockets, of) = (self.sockets.len().max(1), worker.of.max(1));
        let own = move |at: &usize| {
            if sockets <= of { *at == worker.number % sockets } else { *at % of == worker.number % of }
        };
        (0..sockets).filter(own)
    }

    /// Its sockets.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.iter().map(AsFd::as_fd)
    }

    /// Removes the socket's file if this service made it and it is still the same one; tells whether it did.
    pub(crate) fn remove_file(&self) -> io::Result<bool> {
        self.file.as_ref().map_or(Ok(false), SocketFile::remove)
    }

    /// Of sockets that are open and listen.
    fn new(bind: Bind, sockets: Vec<OwnedFd>, file: Option<SocketFile>) -> io::Result<Self> {
        let first = sockets.first().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { place: place(first)?, bind, sockets, file })
    }
}

/// All listeners of the service.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: Vec<Listener>,
}

impl Listeners {
    /// In the order of the settings.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter()
    }

    /// Adds what a reload opened.
    pub(crate) fn add(&mut self, opened: Vec<Listener>) {
        self.all.extend(opened);
    }

    /// What a worker gives its adapter: descriptors by their numbers, which it duplicates. The worker drops its copy of this afterwards,
    /// so that closing the adapter's closes them.
    pub(crate) fn binds(&self, worker: Worker) -> Vec<Bind> {
        self.sockets_of(worker).map(|socket| Bind::Fd(socket.as_raw_fd())).collect()
    }

    /// The share of one more of so many workers: of what the others have least.
    pub(crate) fn least_served(&self, of: usize, others: &[Worker]) -> Worker {
        let served = |number: &usize| -> usize {
            let serving = |listener: &Listener, socket: usize| {
                others.iter().filter(|other| listener.shared(**other).any(|it| it == socket)).count()
            };
            let of_one = |listener: &Listener| -> usize {
                let share = listener.shared(Worker { number: *number, of });
                share.map(|socket| serving(listener, socket)).sum()
            };
            self.all.iter().map(of_one).sum()
        };
        let number = (0..of.max(1)).min_by_key(served).unwrap_or(0);
        Worker { number, of }
    }

    /// Whether some socket is in nobody's share.
    pub(crate) fn is_any_vacant(&self, workers: &[Worker]) -> bool {
        let shared = |listener: &Listener, socket: usize| {
            workers.iter().any(|worker| listener.shared(*worker).any(|it| it == socket))
        };
        self.all.iter().any(|listener| (0..listener.sockets.len()).any(|socket| !shared(listener, socket)))
    }

    /// Duplicates of a worker's sockets, for an adapter that takes sockets and not numbers.
    pub(crate) fn duplicates(&self, worker: Worker) -> io::Result<Vec<OwnedFd>> {
        self.sockets_of(worker).map(|socket| socket.try_clone_to_owned()).collect()
    }

    /// All sockets, to be kept open over an exec.
    pub(crate) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.all.iter().flat_map(|listener| &listener.sockets).map(AsFd::as_fd).collect()
    }

    /// The addresses among `wanted` that aren't open yet.
    pub(crate) fn missing(&self, wanted: &[Bind]) -> Vec<Bind> {
        wanted.iter().filter(|bind| !self.all.iter().any(|it| it.bind == **bind)).cloned().collect()
    }

    /// Takes out the listeners that aren't wanted any more. Dropping them closes the master's side; their files are removed by then.
    pub(crate) fn take_unwanted(&mut self, wanted: &[Bind]) -> Vec<Listener> {
        self.all.extract_if(.., |listener| !wanted.contains(&listener.bind)).collect()
    }

    /// Removes the files that this service made, at its end. Tells what couldn't be.
    pub(crate) fn remove_files(&self) -> Vec<(Bind, io::Error)> {
        let refused = |listener: &Listener| Some((listener.bind.clone(), listener.remove_file().err()?));
        self.all.iter().filter_map(refused).collect()
    }

    /// Puts them into the order of the settings.
    pub(crate) fn sort_by(&mut self, binds: &[Bind]) {
        self.all.sort_by_key(|listener| binds.iter().position(|bind| *bind == listener.bind));
    }

    /// Takes out the listeners with one of these names, which somebody else keeps.
    pub(crate) fn take_stored(&mut self, names: &BTreeSet<String>) -> Vec<Listener> {
        self.all.extract_if(.., |listener| names.contains(&stored::name(&listener.bind))).collect()
    }

    /// The files that this service made, to be removed when the sockets are somebody else's or closed.
    pub(crate) fn files(&self) -> Files {
        let made = |listener: &Listener| Some((listener.bind.clone(), listener.file.clone()?));
        Files(self.all.iter().filter_map(made).collect())
    }

    fn sockets_of(&self, worker: Worker) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.all.iter().flat_map(move |listener| listener.share(worker))
    }
}

/// Files of unix sockets that this service made.
#[derive(Debug)]
pub(crate) struct Files(Vec<(Bind, SocketFile)>);

impl Files {
    /// Removes those that are still the same. Tells what couldn't be.
    pub(crate) fn remove(self) -> Vec<(Bind, io::Error)> {
        self.0.into_iter().filter_map(|(bind, file)| Some((bind, file.remove().err()?))).collect()
    }
}

impl From<Vec<Listener>> for Listeners {
    fn from(all: Vec<Listener>) -> Self {
        Self { all }
    }
}

/// Where an open socket listens.
fn place(socket: &OwnedFd) -> io::Result<Place> {
    let duplicate = socket.try_clone()?;
    if sockopt::socket_domain(socket)? == AddressFamily::UNIX {
        let address = std::os::unix::net::UnixListener::from(duplicate).local_addr()?;
        return Ok(Place::Unix(address.as_pathname().map(PathBuf::from)));
    }
    Ok(Place::Tcp(std::net::TcpListener::from(duplicate).local_addr()?))
}
