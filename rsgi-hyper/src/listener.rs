//! Listening sockets: opened from a [`Bind`], inherited, or made by the caller; and accepting from them.
//!
//! Opening happens before anything is served, so that an address in use is an error of the start. Not here: how many
//! connections there may be, and what becomes of them (`server.rs`).
//!
//! Invariant: a unix socket's file is removed only if it is a socket that nobody listens at.

use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rsgi_core::server::{Bind, Config, PortSharing, ServeError};
use rsgi_core::{Credentials, Endpoint};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::inherit::inherit;
use crate::socket::Socket;

/// A listening socket, not yet tied to a runtime.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    bind: Bind,
    queue: Queue,
    /// The file to remove when the server ends; `None` for a socket that isn't ours.
    file: Option<OwnedFile>,
}

/// Whose the connections are that the kernel has queued: a server that leaves leaves them there, or serves them first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    Own,
    /// Other processes accept from it, too.
    Shared,
}

#[derive(Debug)]
enum Kind {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
    /// One that the caller's runtime didn't give back.
    Broken(io::ErrorKind),
}

/// A unix socket's file, removed on drop if it is still the one that was made.
#[derive(Debug)]
struct OwnedFile(PathBuf);

/// A listening socket on a runtime; dropping it closes the socket and removes its file.
#[derive(Debug)]
pub(crate) struct Accepting {
    kind: AcceptingKind,
    queue: Queue,
    _file: Option<OwnedFile>,
}

#[derive(Debug)]
enum AcceptingKind {
    Tcp(TcpListener),
    Unix(UnixListener, Endpoint),
}

/// A connection as it was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) socket: Socket,
    pub(crate) peer: Endpoint,
    pub(crate) local: Endpoint,
}

impl Listener {
    /// Opens the listener that `bind` names, with the settings of `config`.
    ///
    /// # Errors
    ///
    /// A [`ServeError`] that names the address, what is wrong and what to do.
    pub fn open(bind: &Bind, config: &Config) -> Result<Self, ServeError> {
        match bind {
            Bind::Tcp { host, port } => open_tcp(bind, host, *port, config),
            Bind::Unix(path) => open_unix(bind, path, config),
            Bind::Fd(number) => Self::inherited(bind, *number, config),
            _ => Err(ServeError::bad_setting(
                "bind",
                bind,
                "this server can't listen there",
                "write host:port",
            )),
        }
    }

    /// Takes a listening socket that the process already has, by its descriptor's number.
    fn inherited(bind: &Bind, number: i32, config: &Config) -> Result<Self, ServeError> {
        let duplicate = || -> io::Result<OwnedFd> {
            let socket = inherit(number)?;
            let listens = sockopt::socket_acceptconn(&socket)?;
            if listens { Ok(socket) } else { Err(rustix::io::Errno::INVAL.into()) }
        };
        let socket = duplicate().map_err(|error| ServeError::opening(bind, error))?;
        let family =
            sockopt::socket_domain(&socket).map_err(|error| ServeError::opening(bind, error.into()))?;
        let kind =
            if family == AddressFamily::UNIX { Kind::Unix(socket.into()) } else { Kind::Tcp(socket.into()) };
        let queue = match config.port_sharing {
            // Each process has a listener of its own then.
            PortSharing::Shared => Queue::Own,
            _ => Queue::Shared,
        };
        Ok(Self { kind, bind: bind.clone(), queue, file: None })
    }

    /// Where it listens; with the port that the system chose where 0 was asked for.
    #[must_use]
    pub fn bind(&self) -> &Bind {
        &self.bind
    }

    /// The TCP address; `None` for a unix socket.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(listener) => listener.local_addr().ok(),
            Kind::Unix(_) | Kind::Broken(_) => None,
        }
    }

    /// The address as core tells it.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match (&self.kind, &self.bind) {
            (Kind::Tcp(listener), _) if let Ok(address) = listener.local_addr() => address.into(),
            (_, Bind::Unix(path)) => Endpoint::unix(Some(path), None),
            (Kind::Unix(listener), _) => {
                let address = listener.local_addr().ok();
                Endpoint::unix(address.as_ref().and_then(|address| address.as_pathname()), None)
            }
            _ => Endpoint::unix(None, None),
        }
    }

    /// Another handle on the same socket, for another runtime.
    pub(crate) fn duplicate(&self) -> io::Result<Self> {
        let kind = match &self.kind {
            Kind::Tcp(listener) => Kind::Tcp(listener.try_clone()?),
            Kind::Unix(listener) => Kind::Unix(listener.try_clone()?),
            Kind::Broken(error) => return Err((*error).into()),
        };
        Ok(Self { kind, bind: self.bind.clone(), queue: self.queue, file: None })
    }

    fn broken(error: &io::Error) -> Self {
        Self { kind: Kind::Broken(error.kind()), bind: Bind::Fd(-1), queue: Queue::Own, file: None }
    }

    /// Ties the listener to the current runtime. Nothing else keeps it open: who drops the result closes it.
    pub(crate) fn accepting(self) -> Result<Accepting, ServeError> {
        let Self { kind, bind, queue, file } = self;
        let kind = match kind {
            Kind::Tcp(listener) => accepting_tcp(listener),
            Kind::Unix(listener) => accepting_unix(listener),
            Kind::Broken(error) => Err(error.into()),
        };
        let kind = kind.map_err(|error| ServeError::opening(&bind, error))?;
        Ok(Accepting { kind, queue, _file: file })
    }
}

fn accepting_tcp(listener: std::net::TcpListener) -> io::Result<AcceptingKind> {
    listener.set_nonblocking(true)?;
    Ok(AcceptingKind::Tcp(TcpListener::from_std(listener)?))
}

fn accepting_unix(listener: std::os::unix::net::UnixListener) -> io::Result<AcceptingKind> {
    listener.set_nonblocking(true)?;
    let local = Endpoint::unix(listener.local_addr()?.as_pathname(), None);
    Ok(AcceptingKind::Unix(UnixListener::from_std(listener)?, local))
}

impl From<std::net::TcpListener> for Listener {
    fn from(listener: std::net::TcpListener) -> Self {
        let bind = listener.local_addr().map_or_else(|_| Bind::Fd(-1), Bind::from);
        Self { kind: Kind::Tcp(listener), bind, queue: Queue::Own, file: None }
    }
}

impl From<std::os::unix::net::UnixListener> for Listener {
    fn from(listener: std::os::unix::net::UnixListener) -> Self {
        let path = listener.local_addr().ok().and_then(|address| address.as_pathname().map(Path::to_owned));
        let bind = Bind::Unix(path.unwrap_or_default());
        Self { kind: Kind::Unix(listener), bind, queue: Queue::Own, file: None }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        let taken = listener.into_std();
        taken.map_or_else(|error| Self::broken(&error), Self::from)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        let taken = listener.into_std();
        taken.map_or_else(|error| Self::broken(&error), Self::from)
    }
}

impl Drop for OwnedFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(target: "rsgi", %error, path = %self.0.display(), "a socket's file stays");
        }
    }
}

impl Accepting {
    /// Whether other processes accept here, too.
    pub(crate) fn is_shared(&self) -> bool {
        self.queue == Queue::Shared
    }

    /// Waits for the next connection. Cancel safety: dropping the future loses none.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match &self.kind {
            AcceptingKind::Tcp(listener) => accepted_tcp(listener.accept().await?.0),
            AcceptingKind::Unix(listener, local) => Ok(accepted_unix(listener.accept().await?.0, local)),
        }
    }

    /// Takes a connection that the kernel has queued, if there is one, whatever the reactor knows of it.
    pub(crate) fn accept_queued(&self) -> io::Result<Option<Accepted>> {
        let listener = match &self.kind {
            AcceptingKind::Tcp(listener) => listener.as_fd(),
            AcceptingKind::Unix(listener, _) => listener.as_fd(),
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = match rustix::net::accept_with(listener, flags) {
            Ok(socket) => socket,
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match &self.kind {
            AcceptingKind::Tcp(_) => accepted_tcp(TcpStream::from_std(socket.into())?).map(Some),
            AcceptingKind::Unix(_, local) => {
                Ok(Some(accepted_unix(UnixStream::from_std(socket.into())?, local)))
            }
        }
    }
}

fn accepted_tcp(stream: TcpStream) -> io::Result<Accepted> {
    // Answers are written whole, so waiting for more to send would only delay them.
    stream.set_nodelay(true)?;
    let (peer, local) = (stream.peer_addr()?, stream.local_addr()?);
    Ok(Accepted { socket: Socket::tcp(stream), peer: peer.into(), local: local.into() })
}

fn accepted_unix(stream: UnixStream, local: &Endpoint) -> Accepted {
    let process = stream.peer_cred().ok();
    let credentials = process.map(|process| Credentials::new(process.uid(), process.gid(), process.pid()));
    let address = stream.peer_addr().ok();
    let peer = Endpoint::unix(address.as_ref().and_then(|address| address.as_pathname()), credentials);
    Accepted { socket: Socket::unix(stream), peer, local: local.clone() }
}

fn open_tcp(bind: &Bind, host: &str, port: u16, config: &Config) -> Result<Listener, ServeError> {
    let addresses = (host, port).to_socket_addrs().map_err(|error| ServeError::unresolved(bind, error))?;
    let mut refused = None;
    for address in addresses {
        match listen_tcp(address, config) {
            Ok(listener) => {
                let bind = listener.local_addr().map_or_else(|_| bind.clone(), Bind::from);
                return Ok(Listener { kind: Kind::Tcp(listener), bind, queue: Queue::Own, file: None });
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    let error = refused.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
    Err(ServeError::opening(bind, error))
}

fn listen_tcp(address: SocketAddr, config: &Config) -> io::Result<std::net::TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if config.port_sharing == PortSharing::Shared {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, backlog(config))?;
    Ok(socket.into())
}

fn open_unix(bind: &Bind, path: &Path, config: &Config) -> Result<Listener, ServeError> {
    let failed = |error: io::Error| ServeError::opening(bind, error);
    remove_abandoned(path).map_err(failed)?;
    let listen = || -> io::Result<OwnedFd> {
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        rustix::net::bind(&socket, &rustix::net::SocketAddrUnix::new(path)?)?;
        Ok(socket)
    };
    let socket = listen().map_err(failed)?;
    let file = OwnedFile(path.to_owned());
    if let Some(mode) = config.unix_mode {
        // Before `listen`, so that nobody gets in by the mode that the umask left.
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    rustix::net::listen(socket.as_fd(), backlog(config)).map_err(|error| failed(error.into()))?;
    let kind = Kind::Unix(socket.into());
    Ok(Listener { kind, bind: bind.clone(), queue: Queue::Own, file: Some(file) })
}

/// Removes a socket file that a server which is no longer there has left behind.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket {
        match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    Ok(())
}

fn backlog(config: &Config) -> i32 {
    i32::try_from(config.backlog.0).unwrap_or(i32::MAX)
}
