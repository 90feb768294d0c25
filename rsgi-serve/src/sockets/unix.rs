//! Unix sockets: their file's mode and owner, and what may be replaced.
//!
//! A socket's file outlives the server that made it. One that nobody listens at any more is replaced; one where a server answers is left
//! and its address is in use; anything else is left, for it isn't ours. A file is told from a later one of the same name by its inode, so
//! that a server which ends doesn't remove its successor's.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rsgi_core::server::{Bind, ServeError};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::umask;
use serde::{Deserialize, Serialize};

use super::open::Options;

/// A socket's file that this service made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        // Whole, for the folder may be changed before it is removed.
        let path = std::path::absolute(path)?;
        let found = fs::symlink_metadata(&path)?;
        Ok(Self { device: found.dev(), inode: found.ino(), path })
    }

    /// The file at a path where a server, or its queue, answers.
    pub(super) fn answering(path: &Path) -> io::Result<Option<Self>> {
        match standing(path)? {
            Standing::Alive => Self::of(path).map(Some),
            Standing::Nothing | Standing::Abandoned | Standing::Other(_) => Ok(None),
        }
    }

    /// Removes the file if it is still the one that was made; tells whether it did.
    pub(super) fn remove(&self) -> io::Result<bool> {
        match Self::of(&self.path) {
            Ok(found) if found == *self => fs::remove_file(&self.path).map(|()| true),
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Listens at `path`.
pub(super) fn open(bind: &Bind, path: &Path, options: &Options) -> Result<(OwnedFd, SocketFile), ServeError> {
    let failed = |error: io::Error| ServeError::opening(bind, error);
    match standing(path).map_err(failed)? {
        Standing::Nothing => {}
        Standing::Abandoned => fs::remove_file(path).map_err(failed)?,
        Standing::Alive => return Err(failed(io::ErrorKind::AddrInUse.into())),
        Standing::Other(what) => {
            let problem = format!("there is {what} of this name, no socket");
            return Err(ServeError::bad_setting(
                "bind",
                bind,
                problem,
                "choose another path, or remove it yourself",
            ));
        }
    }
    let made = || -> io::Result<(OwnedFd, SocketFile)> {
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        bind_with(&socket, path, options.unix_mode)?;
        Ok((socket, SocketFile::of(path)?))
    };
    let (socket, file) = made().map_err(failed)?;
    // Before it listens, so that nobody gets in by what the umask left.
    if let Err(error) =
        give_away(path, options).and_then(|()| Ok(rustix::net::listen(&socket, options.backlog())?))
    {
        // The error of the opening counts.
        let _ = file.remove();
        let remedy = "start as root, or leave mode and owner of the socket out";
        return Err(match error.kind() {
            io::ErrorKind::PermissionDenied => {
                let problem = format!("mode or owner can't be set: {error}");
                ServeError::bad_setting("bind", bind, problem, remedy).with_source(error)
            }
            _ => failed(error),
        });
    }
    Ok((socket, file))
}

/// What has the name already.
enum Standing {
    Nothing,
    /// A socket that nobody listens at.
    Abandoned,
    /// A socket where a server answers, or one that can't be asked.
    Alive,
    Other(&'static str),
}

fn standing(path: &Path) -> io::Result<Standing> {
    let kind = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Nothing),
        Err(error) => return Err(error),
    };
    if !kind.is_socket() {
        return Ok(Standing::Other(if kind.is_file() {
            "a regular file"
        } else if kind.is_dir() {
            "a folder"
        } else if kind.is_symlink() {
            "a symbolic link"
        } else {
            "something"
        }));
    }
    match knock(path) {
        Err(Errno::CONNREFUSED) => Ok(Standing::Abandoned),
        Err(Errno::NOENT) => Ok(Standing::Nothing),
        Ok(()) | Err(_) => Ok(Standing::Alive),
    }
}

/// Connects, without waiting for a server whose queue is full.
pub(crate) fn knock(path: &Path) -> rustix::io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)
}

/// Makes the file, with its mode from the first moment on: the name may stand for something else a moment later.
fn bind_with(socket: &OwnedFd, path: &Path, mode: Option<u32>) -> io::Result<()> {
    let address = SocketAddrUnix::new(path)?;
    let before = mode.map(|mode| umask(Mode::from_bits_truncate(!mode & 0o777)));
    let bound = rustix::net::bind(socket, &address);
    if let Some(before) = before {
        umask(before);
    }
    Ok(bound?)
}

/// Gives the file to its owner: the socket that has the name, and never what a link of that name leads to.
pub(super) fn give_away(path: &Path, options: &Options) -> io::Result<()> {
    let (user, group) = options.unix_owner.numbers();
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    let file = rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    if !FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode).is_socket() {
        return Err(io::Error::other("another process has put something else in the socket's place"));
    }
    let (user, group) = (user.map(Uid::from_raw), group.map(Gid::from_raw));
    Ok(rustix::fs::chownat(&file, "", user, group, AtFlags::EMPTY_PATH)?)
}
