//! Opening the listeners that the settings name; an address that another socket has is tried again a few times.
//!
//! [`Opening`] is one address and its tries, and waits for nothing: the start sleeps between them ([`open_all`] is given how), a reload
//! comes back to it when the time has come.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rsgi_core::server::{Bind, ServeError, ServeErrorKind};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::{Listener, Place, inherit, unix};
use crate::process::privileges::Identity;

/// How listeners are opened.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How many connections may wait to be accepted.
    pub(crate) backlog: u32,
    pub(crate) sharing: Sharing,
    /// The mode of a unix socket's file; by default what the umask leaves.
    pub(crate) unix_mode: Option<u32>,
    /// The owner of a unix socket's file.
    pub(crate) unix_owner: Identity,
}

/// Whether workers share one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// All accept from the same one.
    One,
    /// So many sockets with `SO_REUSEPORT`, one a worker, among which the kernel shares out connections. For TCP only.
    Each(usize),
}

/// One address that is being opened.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    bind: &'a Bind,
    options: &'a Options,
    /// Whether an IPv6 socket leaves IPv4 to another one.
    family: Family,
    tries: u32,
}

/// What came of a try.
#[derive(Debug)]
pub(crate) enum Attempt {
    Open(Listener),
    /// Another socket has the address; it may be given up soon.
    Again {
        after: Duration,
        error: ServeError,
    },
    Failed(ServeError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    AsTheSystemHasIt,
    OnlyV6,
}

impl<'a> Opening<'a> {
    /// Of `bind`, which is one of `all`: where both `0.0.0.0` and `[::]` are listened at, each is its own family's.
    pub(crate) fn new(bind: &'a Bind, all: &[Bind], options: &'a Options) -> Self {
        let beside = |host: &str, port: u16| {
            all.iter().any(
                |it| matches!(it, Bind::Tcp { host: h, port: p } if h == host && *p == port && port != 0),
            )
        };
        let family = match bind {
            Bind::Tcp { host, port } if host == "::" && beside("0.0.0.0", *port) => Family::OnlyV6,
            _ => Family::AsTheSystemHasIt,
        };
        Self { bind, options, family, tries: 0 }
    }

    /// Tries once.
    pub(crate) fn attempt(&mut self) -> Attempt {
        self.tries += 1;
        match self.open() {
            Ok(listener) => Attempt::Open(listener),
            Err(error) if error.kind() == ServeErrorKind::AddressInUse && self.tries < TRIES => {
                Attempt::Again { after: PAUSE, error }
            }
            Err(error) => Attempt::Failed(error),
        }
    }

    fn open(&self) -> Result<Listener, ServeError> {
        let failed = |error: io::Error| ServeError::opening(self.bind, error);
        match self.bind {
            Bind::Tcp { host, port } => {
                let sockets = self.open_tcp(host, *port)?;
                Listener::new(self.bind.clone(), sockets, None).map_err(failed)
            }
            Bind::Unix(path) => {
                let (socket, file) = unix::open(self.bind, path, self.options)?;
                Listener::new(self.bind.clone(), vec![socket], Some(file)).map_err(failed)
            }
            Bind::Fd(number) => inherit::adopt(*number),
            _ => {
                let problem = "the master can't listen there";
                Err(ServeError::bad_setting(
                    "bind",
                    self.bind,
                    problem,
                    "write host:port, unix:PATH or fd://N",
                ))
            }
        }
    }

    /// Listens at the first of the host's addresses that can be had.
    fn open_tcp(&self, host: &str, port: u16) -> Result<Vec<OwnedFd>, ServeError> {
        let addresses: Vec<SocketAddr> = if let Ok(address) = host.parse::<IpAddr>() {
            // Needs no resolver, which a static binary in an empty folder doesn't have.
            vec![SocketAddr::new(address, port)]
        } else {
            let found = (host, port).to_socket_addrs();
            found.map_err(|error| ServeError::unresolved(self.bind, error))?.collect()
        };
        let mut refused = None;
        for address in addresses {
            match self.listen_all(address) {
                Ok(sockets) => return Ok(sockets),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        let error = refused.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
        Err(ServeError::opening(self.bind, error))
    }

    fn listen_all(&self, address: SocketAddr) -> io::Result<Vec<OwnedFd>> {
        let first = self.listen(address)?;
        let Sharing::Each(copies) = self.options.sharing else { return Ok(vec![first]) };
        // The others have the port that the system chose for the first.
        let Place::Tcp(address) = super::place(&first)? else { return Ok(vec![first]) };
        let others = (1..copies).map(|_| self.listen(address));
        std::iter::once(Ok(first)).chain(others).collect()
    }

    fn listen(&self, address: SocketAddr) -> io::Result<OwnedFd> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        if self.family == Family::OnlyV6 {
            sockopt::set_ipv6_v6only(&socket, true)?;
        }
        if let Sharing::Each(_) = self.options.sharing {
            sockopt::set_socket_reuseport(&socket, true)?;
        }
        rustix::net::bind(&socket, &address)?;
        rustix::net::listen(&socket, self.options.backlog())?;
        Ok(socket)
    }
}

impl Options {
    pub(super) fn backlog(&self) -> i32 {
        i32::try_from(self.backlog).unwrap_or(i32::MAX)
    }
}

/// Opens all of them. `wait` is told that an address is in use and waits before the next try.
pub(crate) fn open_all(
    binds: &[Bind],
    options: &Options,
    mut wait: impl FnMut(&ServeError, Duration),
) -> Result<Vec<Listener>, ServeError> {
    // Inherited ones first: what this program opens itself must not have their numbers yet.
    let mut order: Vec<usize> = (0..binds.len()).collect();
    order.sort_by_key(|at| !matches!(binds[*at], Bind::Fd(_)));
    let mut opened: Vec<(usize, Listener)> = Vec::new();
    for at in order {
        let mut opening = Opening::new(&binds[at], binds, options);
        let listener = loop {
            match opening.attempt() {
                Attempt::Open(listener) => break listener,
                Attempt::Again { after, error } => wait(&error, after),
                Attempt::Failed(error) => {
                    // Files of those that could be opened would stay behind; the error is the first one's.
                    for (_, listener) in &opened {
                        let _ = listener.remove_file();
                    }
                    return Err(error);
                }
            }
        };
        opened.push((at, listener));
    }
    opened.sort_by_key(|(at, _)| *at);
    Ok(opened.into_iter().map(|(_, listener)| listener).collect())
}

/// As Gunicorn has it.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
