//! [`Listener`]: a listening stream socket: TCP, unix, or one that was inherited.
//!
//! It only listens; accepting is `accept.rs`'s work.
//!
//! Invariant: the socket is non-blocking and closed on exec, TCP connections get `TCP_NODELAY`, and a unix socket's
//! file that this process made is removed when the listener is dropped (unless somebody replaced it).
//! Read on in `accept.rs`.

use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketType, sockopt};

use crate::{Address, Error, Stream, os};

/// A listening stream socket. Dropping it stops listening.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    address: Address,
    queue: Queue,
    /// Removed along with the listener.
    _file: Option<SocketFile>,
}

impl Listener {
    /// Listens on a TCP address; port 0 lets the system choose one, told by [`address`](Self::address).
    ///
    /// Of several addresses (a name with IPv4 and IPv6) the first that works is taken.
    ///
    /// # Errors
    ///
    /// The name can't be resolved, or the address is in use, unknown to this machine, or forbidden.
    pub fn tcp(address: impl ToSocketAddrs + std::fmt::Display) -> Result<Self, Error> {
        Self::tcp_with(address, Sharing::Alone)
    }

    /// Listens on a TCP address that other listeners, also of other processes, share (`SO_REUSEPORT`): the kernel
    /// spreads new connections over them.
    ///
    /// # Errors
    ///
    /// As [`tcp`](Self::tcp).
    pub fn tcp_shared(address: impl ToSocketAddrs + std::fmt::Display) -> Result<Self, Error> {
        Self::tcp_with(address, Sharing::Port)
    }

    /// Listens on a unix socket, making its file. A file left over by a process that is gone is replaced.
    ///
    /// # Errors
    ///
    /// The path is too long, in use, or may not be written.
    pub fn unix(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::unix_with_mode(path, None)
    }

    /// Listens like [`unix`](Self::unix), with these permissions on its file (`0o660`, say) in the place of what the
    /// umask leaves. They are set before anybody can connect.
    ///
    /// # Errors
    ///
    /// As [`unix`](Self::unix).
    pub fn unix_with_mode(path: impl AsRef<Path>, mode: Option<u32>) -> Result<Self, Error> {
        let path = path.as_ref();
        let named = || format!("listening on unix:{}", path.display());
        let address = SocketAddrUnix::new(path).map_err(|errno| Error::system(named(), errno))?;
        let fd = os::socket(AddressFamily::UNIX).map_err(|errno| Error::system(named(), errno))?;
        let mut bound = net::bind(&fd, &address);
        if bound == Err(Errno::ADDRINUSE) && is_stale(path) {
            bound =
                fs::remove_file(path).map_err(|_| Errno::ADDRINUSE).and_then(|()| net::bind(&fd, &address));
        }
        bound.map_err(|errno| Error::system(named(), errno))?;
        let file = SocketFile::at(path);
        if let Some(mode) = mode {
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(path, permissions).map_err(|error| Error::system(named(), error))?;
        }
        net::listen(&fd, BACKLOG).map_err(|errno| Error::system(named(), errno))?;
        Ok(Self { fd, address: Address::Unix(path.to_owned()), queue: Queue::Own, _file: file })
    }

    /// Takes a socket that somebody else made listen: systemd, a parent process, a test.
    ///
    /// # Errors
    ///
    /// It is not a listening stream socket.
    pub fn inherited(fd: OwnedFd) -> Result<Self, Error> {
        let refused = |errno: Errno| Error::system("taking over an inherited listener", errno);
        let listens = sockopt::socket_type(&fd).is_ok_and(|kind| kind == SocketType::STREAM)
            && sockopt::socket_acceptconn(&fd).unwrap_or(false);
        if !listens {
            return Err(Error::not_a_listener(
                "inherited descriptor: not a listening stream socket; listen first",
            ));
        }
        fcntl_setfl(&fd, fcntl_getfl(&fd).map_err(refused)? | OFlags::NONBLOCK).map_err(refused)?;
        fcntl_setfd(&fd, FdFlags::CLOEXEC).map_err(refused)?;
        let address = Address::from_any(Some(net::getsockname(&fd).map_err(refused)?));
        if !address.is_unix() {
            sockopt::set_tcp_nodelay(&fd, true).map_err(refused)?;
        }
        Ok(Self { fd, address, queue: Queue::Own, _file: None })
    }

    /// Says that other processes accept from this very socket: who [leaves](crate::Handle::leave) leaves what the
    /// kernel has queued there to them. An [inherited](Self::inherited) listener usually is; without this it isn't
    /// taken to be, nor is one of several with the same address ([`tcp_shared`](Self::tcp_shared)), each of which has a
    /// queue of its own.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.queue = Queue::Shared;
        self
    }

    /// Whether other processes accept from it.
    pub fn is_shared(&self) -> bool {
        self.queue == Queue::Shared
    }

    /// Where it listens, with the port that the system chose.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Takes one connection that waits in the kernel, with who connected: for who serves without an
    /// [`Engine`](crate::Engine), which does it itself.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none waits; else what the operating system says.
    pub fn take(&self) -> io::Result<(Stream, Address)> {
        let (fd, peer) = self.accept()?;
        Ok((Stream::new(fd), peer))
    }

    /// Accepts one connection, if one waits.
    pub(crate) fn accept(&self) -> Result<(OwnedFd, Address), Errno> {
        let (fd, peer) = os::accept(self.fd.as_fd())?;
        Ok((fd, Address::from_any(peer)))
    }

    fn tcp_with(address: impl ToSocketAddrs + std::fmt::Display, sharing: Sharing) -> Result<Self, Error> {
        let named = |error: io::Error| Error::system(format!("listening on {address}"), error);
        let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
        for candidate in address.to_socket_addrs().map_err(named)? {
            match listen_tcp(candidate, sharing) {
                Ok(listener) => return Ok(listener),
                Err(errno) => last = errno.into(),
            }
        }
        Err(named(last))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whose the connections are that the kernel holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    Own,
    Shared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Alone,
    Port,
}

fn listen_tcp(address: SocketAddr, sharing: Sharing) -> Result<Listener, Errno> {
    let fd = os::socket(if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 })?;
    // So that a restart need not wait for the old connections' last packets.
    sockopt::set_socket_reuseaddr(&fd, true)?;
    if sharing == Sharing::Port {
        sockopt::set_socket_reuseport(&fd, true)?;
    }
    sockopt::set_tcp_nodelay(&fd, true)?;
    net::bind(&fd, &address)?;
    net::listen(&fd, BACKLOG)?;
    let address = Address::from_any(Some(net::getsockname(&fd)?));
    Ok(Listener { fd, address, queue: Queue::Own, _file: None })
}

/// A unix socket's file, as it was made: removed only while it still is that one.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> Option<Self> {
        Some(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path) == Some(self.identity) {
            // Gone already, or the directory is: nothing is left to do.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Device and inode of what is there.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// Tells whether a unix socket's file is there but nobody listens. Another file refuses a connection, too.
fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    is_socket
        && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// How many connections the kernel may hold for us; it cuts this down to its own limit (`somaxconn`).
const BACKLOG: i32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_tcp_address_in_use_is_told_as_such() {
        let first = Listener::tcp("127.0.0.1:0").unwrap();
        let error = Listener::tcp(first.address().to_string()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressInUse);
        assert!(error.to_string().contains(&first.address().to_string()), "{error}");
    }

    #[test]
    fn a_shared_port_can_be_listened_on_twice() {
        let first = Listener::tcp_shared("127.0.0.1:0").unwrap();
        Listener::tcp_shared(first.address().to_string()).unwrap();
    }

    #[test]
    fn a_foreign_address_is_told_as_such() {
        let error = Listener::tcp("192.0.2.1:0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressNotAvailable);
    }

    #[test]
    fn a_unix_file_is_refused_while_used_replaced_when_stale_and_removed_at_the_end() {
        let path = std::env::temp_dir().join(format!("rsgi-threads-{}.sock", std::process::id()));
        let first = Listener::unix(&path).unwrap();
        assert_eq!(Listener::unix(&path).unwrap_err().kind(), ErrorKind::AddressInUse);
        drop(first);
        assert!(!path.exists());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "std leaves the file behind");
        let second = Listener::unix(&path).unwrap();
        assert_eq!(second.address(), &Address::Unix(path.clone()));
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn a_unix_file_gets_the_mode_asked_for() {
        let path = std::env::temp_dir().join(format!("rsgi-threads-mode-{}.sock", std::process::id()));
        let _listener = Listener::unix_with_mode(&path, Some(0o600)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn only_listening_stream_sockets_are_inherited() {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        assert_eq!(Listener::inherited(tcp.into()).unwrap().address(), &Address::Ip(address));
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(Listener::inherited(udp.into()).unwrap_err().kind(), ErrorKind::NotAListener);
        let (pair, _other) = UnixStream::pair().unwrap();
        assert_eq!(Listener::inherited(pair.into()).unwrap_err().kind(), ErrorKind::NotAListener);
    }
}
