//! Opening the control socket: a stale one is replaced, one that answers is left, and nothing else of that name is touched.
//!
//! The file is made under a name of its own, given its mode, and renamed into place only when it listens: nobody gets in by what the umask
//! left, and there is no moment without a socket where one was.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::settings::ControlSettings;
use crate::sockets::knock;

/// The socket's file, which its maker removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Why there is no control socket.
#[derive(Debug)]
pub(crate) struct OpenError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// Another master answers there.
    Alive,
    /// Something has the name that is no socket.
    NoSocket,
    Folder(io::Error),
    Io(io::Error),
}

/// Listens, without ever blocking.
pub(super) fn open(settings: &ControlSettings) -> Result<(UnixListener, File), OpenError> {
    let failed = |why| OpenError { path: settings.path.clone(), why };
    if !settings.path_given {
        make_folder(&settings.path).map_err(|error| failed(Why::Folder(error)))?;
    }
    // Whole, for the folder may be changed before it is removed.
    let path = std::path::absolute(&settings.path).map_err(|error| failed(Why::Io(error)))?;
    if let Some(why) = taken(&path) {
        return Err(failed(why));
    }
    let beside = beside(&path);
    let made = make(&path, &beside, settings.mode);
    if made.is_err() {
        // The error of the making counts.
        let _ = fs::remove_file(&beside);
    }
    made.map_err(|error| failed(Why::Io(error)))
}

impl File {
    /// Removes the file if it is still the one that was made; tells whether it did.
    pub(super) fn remove(&self) -> io::Result<bool> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (self.device, self.inode) => {
                fs::remove_file(&self.path).map(|()| true)
            }
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn make(path: &Path, beside: &Path, mode: u32) -> io::Result<(UnixListener, File)> {
    match fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(beside)?)?;
    fs::set_permissions(beside, fs::Permissions::from_mode(mode & 0o777))?;
    rustix::net::listen(&socket, BACKLOG)?;
    let found = fs::symlink_metadata(beside)?;
    fs::rename(beside, path)?;
    let file = File { path: path.to_owned(), device: found.dev(), inode: found.ino() };
    Ok((UnixListener::from(socket), file))
}

/// Why the name can't be had.
fn taken(path: &Path) -> Option<Why> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Some(Why::NoSocket),
        Ok(_) => match knock(path) {
            Err(Errno::CONNREFUSED | Errno::NOENT) => None,
            // It answers, or can't be asked: it isn't ours to replace.
            Ok(()) | Err(_) => Some(Why::Alive),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(Why::Io(error)),
    }
}

/// The folder of a default path is made for this user alone; the one of a path that somebody chose is theirs to make.
fn make_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// A name in the same folder that no other process has.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    path.with_file_name(name)
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "control_socket {}: ", self.path.display())?;
        match &self.why {
            Why::Alive => f.write_str(
                "another master answers there; give this one another name (proc_name) or path, or --no-control-socket",
            ),
            Why::NoSocket => f.write_str(
                "there is a file of this name that is no socket; choose another path, or remove it yourself",
            ),
            Why::Folder(error) => write!(f, "its folder can't be made: {error}; choose another path"),
            Why::Io(error) => write!(f, "it can't be opened: {error}; choose another path, or --no-control-socket"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            Why::Folder(error) | Why::Io(error) => Some(error),
            Why::Alive | Why::NoSocket => None,
        }
    }
}

/// Clients that come faster than the master looks.
const BACKLOG: i32 = 64;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    /// A path of a test's own, in a folder that isn't there yet.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("rsgi-ctl-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            Self(folder)
        }

        fn settings(&self) -> ControlSettings {
            ControlSettings { path: self.0.join("run/it.ctl"), mode: 0o600, path_given: false }
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_socket_has_its_mode_and_its_folder_is_for_this_user_alone() {
        let place = Place::new("mode");
        let settings = place.settings();
        let (_listener, file) = open(&settings).unwrap();
        assert_eq!((mode(&settings.path), mode(settings.path.parent().unwrap())), (0o600, 0o700));
        UnixStream::connect(&settings.path).unwrap();
        assert_eq!(
            fs::read_dir(settings.path.parent().unwrap()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        assert!(file.remove().unwrap());
        assert!(!file.remove().unwrap());
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_left() {
        let place = Place::new("stale");
        let settings = place.settings();
        let (listener, first) = open(&settings).unwrap();
        let told = open(&settings).unwrap_err().to_string();
        assert!(told.contains("another master answers there") && told.contains("it.ctl"), "{told}");
        drop(listener);
        let (_listener, second) = open(&settings).unwrap();
        assert!(!first.remove().unwrap(), "the file is the second one's");
        assert!(second.remove().unwrap());
    }

    #[test]
    fn a_file_that_is_no_socket_is_left() {
        let place = Place::new("file");
        let settings = place.settings();
        fs::create_dir_all(settings.path.parent().unwrap()).unwrap();
        fs::write(&settings.path, "precious").unwrap();
        let told = open(&settings).unwrap_err().to_string();
        assert!(told.contains("no socket"), "{told}");
        assert_eq!(fs::read_to_string(&settings.path).unwrap(), "precious");
    }

    #[test]
    fn the_folder_of_a_chosen_path_is_not_made() {
        let place = Place::new("given");
        let settings = ControlSettings { path_given: true, ..place.settings() };
        assert!(open(&settings).unwrap_err().to_string().contains("it can't be opened"));
        assert!(!place.0.exists());
    }

    #[test]
    fn the_descriptor_is_closed_by_an_exec() {
        let place = Place::new("exec");
        let (listener, _file) = open(&place.settings()).unwrap();
        assert!(rustix::io::fcntl_getfd(&listener).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }
}
