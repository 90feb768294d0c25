//! Opening listeners, TCP and unix, with the settings that std's own functions don't take.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rsgi_core::server::{Bind, Config, PortSharing, ServeError};
use rsgi_core::{Credentials, Endpoint};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// A socket that listens; it doesn't block.
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// Its file goes with it, if it was made here.
    Unix(UnixListener, Option<PathBuf>),
}

impl Listener {
    pub(crate) fn open(bind: &Bind, config: &Config) -> Result<Self, ServeError> {
        let opened = match bind {
            Bind::Tcp { host, port } => match (host.as_str(), *port).to_socket_addrs() {
                Ok(addresses) => tcp(addresses, config),
                Err(error) => return Err(ServeError::unresolved(bind, error)),
            },
            Bind::Unix(path) => unix(path, config),
            Bind::Fd(number) => inherited(*number, config),
            _ => {
                let (problem, remedy) =
                    ("this server doesn't know the form", "name HOST:PORT, unix:PATH or fd://N");
                return Err(ServeError::bad_setting("bind", bind, problem, remedy));
            }
        };
        opened.map_err(|error| ServeError::opening(bind, error))
    }

    pub(crate) fn endpoint(&self) -> io::Result<Endpoint> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Endpoint::from),
            Self::Unix(listener, _) => unix_end(listener),
        }
    }

    /// Takes a connection with both of its ends, peer first; `WouldBlock` if none is there.
    pub(crate) fn accept(&self) -> io::Result<(TcpStream, Endpoint, Endpoint)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                let _only_slower_without = stream.set_nodelay(true);
                let local = stream.local_addr()?;
                Ok((stream, peer.into(), local.into()))
            }
            Self::Unix(listener, _) => {
                let (stream, peer) = listener.accept()?;
                let credentials = sockopt::socket_peercred(&stream).ok().map(|found| {
                    let pid = found.pid.as_raw_nonzero().get();
                    Credentials::new(found.uid.as_raw(), found.gid.as_raw(), Some(pid))
                });
                let peer = Endpoint::unix(peer.as_pathname(), credentials);
                Ok((TcpStream::from(OwnedFd::from(stream)), peer, unix_end(listener)?))
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener, _) => listener.as_fd(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, Some(path)) = self {
            let _may_be_gone = std::fs::remove_file(path);
        }
    }
}

fn unix_end(listener: &UnixListener) -> io::Result<Endpoint> {
    Ok(Endpoint::unix(listener.local_addr()?.as_pathname(), None))
}

/// Listens at the first of a name's addresses that it can.
fn tcp(addresses: impl Iterator<Item = SocketAddr>, config: &Config) -> io::Result<Listener> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match tcp_at(address, config) {
            Ok(listener) => return Ok(Listener::Tcp(listener)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn tcp_at(address: SocketAddr, config: &Config) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, config.port_sharing == PortSharing::Shared)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, backlog(config))?;
    Ok(socket.into())
}

fn unix(path: &Path, config: &Config) -> io::Result<Listener> {
    let listener = match UnixListener::bind(path) {
        // A socket that nobody listens at is left over from a server that was killed; another file is somebody's.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        opened => opened?,
    };
    let listener = Listener::Unix(listener, Some(path.to_owned()));
    if let Some(mode) = config.unix_mode {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    if let Listener::Unix(socket, _) = &listener {
        socket.set_nonblocking(true)?;
        rustix::net::listen(socket, backlog(config))?;
    }
    Ok(listener)
}

fn is_stale(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).is_err_and(refused)
}

/// Takes a listening socket that the process has, by a copy of its descriptor: std's own way to it isn't safe code.
fn inherited(number: i32, config: &Config) -> io::Result<Listener> {
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let socket = pidfd_getfd(own, number, PidfdGetfdFlags::empty())?;
    if !sockopt::socket_acceptconn(&socket)? {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    rustix::net::listen(&socket, backlog(config))?;
    if sockopt::socket_domain(&socket)? == AddressFamily::UNIX {
        let listener = UnixListener::from(socket);
        listener.set_nonblocking(true)?;
        return Ok(Listener::Unix(listener, None));
    }
    let listener = TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(Listener::Tcp(listener))
}

fn backlog(config: &Config) -> i32 {
    i32::try_from(config.backlog.0).unwrap_or(i32::MAX)
}
