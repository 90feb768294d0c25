//! The pid file: the master's number, for scripts, and the proof that it is alive.
//!
//! The proof is a lock on the file, not the number in it: numbers are used again, in a container at once, so a file that was left behind
//! would name a stranger. The lock is the kernel's and gone with its holder, however that ends. A file nobody has locked is replaced; one
//! that is locked is another master's.
//!
//! Written beside and put in place whole, so nobody reads half a number. Removed only by [`PidFile::remove`], and only while it is still
//! this one; dropping it, as each child does with its copy, leaves it alone.
#![allow(dead_code, unused_imports, reason = "the master, which uses it, is written after it")]

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rsgi_core::server::ServeError;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// A pid file that is ours.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    /// The file at `path`, locked as long as it is open.
    file: File,
}

impl PidFile {
    /// Writes this process's number to `path`.
    pub(crate) fn write(path: &Path) -> Result<Self, ServeError> {
        let failed = |error: io::Error| {
            let without_locks = [Errno::NOLCK, Errno::OPNOTSUPP].map(|errno| Some(errno.raw_os_error()));
            let (problem, remedy) = if without_locks.contains(&error.raw_os_error()) {
                ("files can't be locked there".to_owned(), "choose a folder of this machine, such as /run")
            } else {
                (error.to_string(), "choose a folder that exists and that this user may write to")
            };
            ServeError::bad_setting("pidfile", path.display(), problem, remedy).with_source(error)
        };
        // For the folder may be changed before it is removed.
        let path = std::path::absolute(path).map_err(failed)?;
        // Each turn is lost only to another process that started in this moment.
        for _ in 0..TRIES {
            match open_existing(&path).map_err(failed)? {
                Existing::None => {
                    let file = Written::beside(&path).map_err(failed)?;
                    if let Some(file) = file.put_new(&path).map_err(failed)? {
                        return Ok(Self { path, file });
                    }
                }
                Existing::Abandoned(_locked) => {
                    // Who else wants to replace it waits for the lock that this holds, and then finds another file there.
                    let file = Written::beside(&path).map_err(failed)?.replace(&path).map_err(failed)?;
                    return Ok(Self { path, file });
                }
                Existing::Replaced => {}
                Existing::Alive(holder) => return Err(alive(&path, holder.as_deref())),
                Existing::Other => {
                    let problem = "there is something of this name that is no file";
                    return Err(ServeError::bad_setting(
                        "pidfile",
                        path.display(),
                        problem,
                        "choose another path",
                    ));
                }
            }
        }
        Err(alive(&path, None))
    }

    /// Takes the file that the image before had locked: the lock is the descriptor's.
    pub(crate) fn adopt(path: PathBuf, descriptor: OwnedFd) -> Self {
        Self { path, file: descriptor.into() }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it another name, in place of what has that: the one of the former master.
    pub(crate) fn rename(&mut self, path: &Path) -> io::Result<()> {
        let path = std::path::absolute(path)?;
        fs::rename(&self.path, &path)?;
        self.path = path;
        Ok(())
    }

    /// Removes it if it is still this one; tells whether it did.
    pub(crate) fn remove(self) -> io::Result<bool> {
        if same(&self.file, &self.path)? { fs::remove_file(&self.path).map(|()| true) } else { Ok(false) }
    }
}

impl AsFd for PidFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// What has the name already.
enum Existing {
    None,
    /// Nobody has it; locked by us now.
    Abandoned(File),
    /// It was abandoned, and somebody was quicker.
    Replaced,
    /// Another master has it; with what it says.
    Alive(Option<String>),
    Other,
}

fn open_existing(path: &Path) -> io::Result<Existing> {
    // Not blocking, in case that it is a FIFO.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut file = match File::options().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Existing::None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(Existing::Other);
    }
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) if same(&file, path)? => Ok(Existing::Abandoned(file)),
        Ok(()) => Ok(Existing::Replaced),
        Err(Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let read = (&mut file).take(MOST_DIGITS).read_to_string(&mut text);
            let digits = text.trim_end();
            let is_number =
                read.is_ok() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            Ok(Existing::Alive(is_number.then(|| digits.to_owned())))
        }
        Err(error) => Err(error.into()),
    }
}

/// A locked file with our number under a name of its own, which is removed if it isn't put in place.
struct Written {
    path: PathBuf,
    file: File,
}

impl Written {
    fn beside(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        // Numbers of processes aren't enough: containers that share a folder have the same ones.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let own = path.with_file_name(format!(".{name}.{}.{}", std::process::id(), now.tv_nsec));
        let file = File::options().read(true).write(true).create_new(true).mode(0o644).open(&own)?;
        let mut written = Self { path: own, file };
        rustix::fs::flock(&written.file, FlockOperation::NonBlockingLockExclusive)?;
        writeln!(written.file, "{}", std::process::id())?;
        Ok(written)
    }

    /// Puts it in place unless there is something by now.
    fn put_new(self, path: &Path) -> io::Result<Option<File>> {
        match fs::hard_link(&self.path, path) {
            Ok(()) => self.file.try_clone().map(Some),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts it in the place of what is there.
    fn replace(self, path: &Path) -> io::Result<File> {
        fs::rename(&self.path, path)?;
        self.file.try_clone()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // Renamed, it isn't there any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the open file is the one of this name.
fn same(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn alive(path: &Path, holder: Option<&str>) -> ServeError {
    let problem = match holder {
        Some(number) => format!("already running with pid {number}"),
        None => "already running".to_owned(),
    };
    ServeError::bad_setting("pidfile", path.display(), problem, "stop the other one, or choose another path")
}

const TRIES: u32 = 10;
/// Of a number of a process, with a line's end.
const MOST_DIGITS: u64 = 21;
