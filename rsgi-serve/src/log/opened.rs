//! One opened output: how it is opened, how long a line on it may be, and one line's way out.
//!
//! A line is one write. In a file that is open for appending the kernel keeps writes of any length apart, so lines of
//! many processes never mix. Pipes, terminals and sockets promise it for [`PIECE`] bytes only (POSIX, `PIPE_BUF`), so
//! there longer lines are made shorter in their values. A lock in place of that would let one stopped process stop all.

use std::fmt;
use std::io::{self, IsTerminal, Stderr, Stdout};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Gid, Mode, OFlags, Uid, fchown, fcntl_getfl, fcntl_setfl, fstat, lstat, open};
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::stdio::{dup2_stderr, dup2_stdout};

use super::colour::Place;
use super::peer::Peer;

/// Whose a log file is to be, so that a worker who gave up its privileges can open it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// An output that can be written to.
#[derive(Debug)]
pub(super) struct Opened {
    descriptor: Descriptor,
    kind: Kind,
}

#[derive(Debug)]
enum Descriptor {
    Stderr(Stderr),
    Stdout(Stdout),
    Own(OwnedFd),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A file: writes don't wait for anybody, and are never mixed.
    File,
    /// A pipe, a terminal, a device: somebody else may have to read first.
    Stream,
    /// Messages of at most so many bytes.
    Datagrams(usize),
}

/// Why a line did not go out.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: io::Error,
    /// Whether a part of it did.
    pub(super) torn: bool,
}

impl Opened {
    pub(super) fn stderr() -> Self {
        Self::standard(Descriptor::Stderr(io::stderr()))
    }

    pub(super) fn stdout() -> Self {
        Self::standard(Descriptor::Stdout(io::stdout()))
    }

    fn standard(descriptor: Descriptor) -> Self {
        let kind = kind_of(descriptor.as_fd());
        Self { descriptor, kind }
    }

    /// Opens a file to append to it, and gives it to its owner where this process may.
    pub(super) fn file(path: &Path, owner: Option<Owner>) -> io::Result<Self> {
        // Not blocking: opening a FIFO that nobody reads is an error, and no wait.
        let flags = OFlags::WRONLY
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::CLOEXEC
            | OFlags::NONBLOCK
            | OFlags::NOCTTY;
        let owner = owner.filter(|_| geteuid().is_root());
        let (file, reached) = match owner {
            None => (open(path, flags, MODE)?, Reached::ByLink),
            Some(owner) => open_for(path, flags, owner)?,
        };
        // For whoever prints into it; what is written here waits before, and not for ever.
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        let kind = kind_of(file.as_fd());
        if let (Some(owner), Reached::ByName, Kind::File) = (owner, reached, kind) {
            fchown(&file, Some(Uid::from_raw(owner.user)), Some(Gid::from_raw(owner.group)))?;
        }
        Ok(Self { descriptor: Descriptor::Own(file), kind })
    }

    pub(super) fn syslog(peer: &Peer) -> io::Result<Self> {
        let most = match peer {
            Peer::Unix(_) => MOST_LOCAL,
            Peer::Udp(_) => MOST_REMOTE,
        };
        Ok(Self { descriptor: Descriptor::Own(peer.connect()?), kind: Kind::Datagrams(most) })
    }

    /// The longest line that keeps whole.
    pub(super) fn room(&self) -> usize {
        match self.kind {
            Kind::File => usize::MAX,
            Kind::Stream => PIECE,
            Kind::Datagrams(most) => most,
        }
    }

    pub(super) fn place(&self) -> Place {
        if self.descriptor.as_fd().is_terminal() { Place::Terminal } else { Place::Elsewhere }
    }

    /// Has the standard output and error streams of this process lead here.
    pub(super) fn capture(&self) -> io::Result<()> {
        if let Kind::Datagrams(_) = self.kind {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "a syslog can't take what is printed"));
        }
        dup2_stdout(&self.descriptor)?;
        dup2_stderr(&self.descriptor)?;
        Ok(())
    }

    /// Writes a line, waiting at most so long for each reader that takes nothing.
    pub(super) fn send(&self, line: &[u8], patience: Duration) -> Result<(), Failure> {
        let mut rest = line;
        let fail = |error: io::Error, rest: &[u8]| Failure { error, torn: rest.len() < line.len() };
        for _ in 0..TURNS {
            if self.kind != Kind::File {
                self.wait(patience).map_err(|error| fail(error, rest))?;
            }
            match rustix::io::write(self.descriptor.as_fd(), rest) {
                Ok(written) if written >= rest.len() => return Ok(()),
                Ok(0) => return Err(fail(io::ErrorKind::WriteZero.into(), rest)),
                Ok(written) => rest = &rest[written..],
                // A file gives this never; a wait, which is bounded, comes before the next turn of all others.
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(fail(error.into(), rest)),
            }
        }
        Err(fail(io::ErrorKind::WouldBlock.into(), rest))
    }

    /// Waits until somebody makes room. What is broken is ready, too: the write tells.
    fn wait(&self, patience: Duration) -> io::Result<()> {
        let mut polled = [PollFd::new(&self.descriptor, PollFlags::OUT)];
        let timeout = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        match poll(&mut polled, Some(&timeout)) {
            Ok(0) => Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads it")),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stderr(stream) => stream.as_fd(),
            Self::Stdout(stream) => stream.as_fd(),
            Self::Own(descriptor) => descriptor.as_fd(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

/// How a file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// The name is the file's own, and its only one.
    ByName,
    /// It may be anybody's.
    ByLink,
}

/// Opens, as root, a file that is to be another user's. Where that user can write to its folder, the name may have become a link to a
/// file of root's: that is neither given away nor written to.
fn open_for(path: &Path, flags: OFlags, owner: Owner) -> io::Result<(OwnedFd, Reached)> {
    match open(path, flags | OFlags::NOFOLLOW, MODE) {
        Ok(file) => {
            let only_name = fstat(&file)?.st_nlink == 1;
            return Ok((file, if only_name { Reached::ByName } else { Reached::ByLink }));
        }
        Err(Errno::LOOP) => {}
        Err(error) => return Err(error.into()),
    }
    if lstat(path)?.st_uid == 0 {
        return Ok((open(path, flags, MODE)?, Reached::ByLink));
    }
    let file = open(path, flags - OFlags::CREATE, MODE)?;
    if kind_of(file.as_fd()) == Kind::File && fstat(&file)?.st_uid != owner.user {
        let problem =
            "it is a symbolic link that isn't root's, to a file of yet another user; name the file itself";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    Ok((file, Reached::ByLink))
}

fn kind_of(descriptor: BorrowedFd<'_>) -> Kind {
    match fstat(descriptor) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Kind::File,
        _ => Kind::Stream,
    }
}

const MODE: Mode = Mode::from_raw_mode(0o644);
/// What a pipe keeps together: `PIPE_BUF` of Linux.
pub(super) const PIECE: usize = 4096;
/// What the usual receivers of this machine take: rsyslog's `maxMessageSize`.
const MOST_LOCAL: usize = 8192;
/// What a receiver should take by RFC 5424 section 6.1.
const MOST_REMOTE: usize = 2048;
/// Writes and waits that one line may need; signals interrupt either.
const TURNS: usize = 64;

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use super::*;

    #[test]
    fn a_full_device_is_an_error_and_no_loop() {
        let full = Opened::file(Path::new("/dev/full"), None).unwrap();
        let failure = full.send(b"line\n", Duration::ZERO).unwrap_err();
        assert_eq!(failure.error.raw_os_error(), Some(Errno::NOSPC.raw_os_error()));
        assert!(!failure.torn);
        assert_eq!(full.room(), PIECE);
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_given_up_and_one_that_ended_is_an_error() {
        let (reader, writer) = io::pipe().unwrap();
        let opened = Opened { kind: kind_of(writer.as_fd()), descriptor: Descriptor::Own(writer.into()) };
        let line = [b'x'; PIECE];
        let mut sent = 0;
        let failure = loop {
            match opened.send(&line, Duration::ZERO) {
                Ok(()) => sent += 1,
                Err(failure) => break failure,
            }
        };
        assert!(sent >= 1);
        assert_eq!((failure.error.kind(), failure.torn), (io::ErrorKind::TimedOut, false));
        drop(reader);
        let failure = opened.send(b"x\n", Duration::ZERO).unwrap_err();
        assert_eq!(failure.error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_file_is_appended_to_and_takes_lines_of_any_length() {
        let path = super::super::scratch("append");
        std::fs::write(&path, "before\n").unwrap();
        let opened = Opened::file(&path, None).unwrap();
        assert_eq!(opened.room(), usize::MAX);
        let line = vec![b'x'; 100_000];
        opened.send(&line, Duration::ZERO).unwrap();
        let mut text = String::new();
        File::open(&path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text.len(), "before\n".len() + line.len());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_of_roots_is_not_given_to_who_put_a_link_in_its_place() {
        use std::os::unix::fs::{MetadataExt as _, chown, lchown, symlink};
        if !geteuid().is_root() {
            eprintln!("skipped: only root can give files away");
            return;
        }
        let owner = Some(Owner { user: 54321, group: 54321 });
        // A folder of its own: in a shared one the kernel doesn't follow links of others.
        let place = super::super::scratch("given");
        std::fs::create_dir_all(&place).unwrap();
        let (log, secret) = (place.join("log"), place.join("secret"));
        let user = |path: &Path| std::fs::metadata(path).unwrap().uid();
        std::fs::write(&secret, "secret\n").unwrap();

        symlink(&secret, &log).unwrap();
        Opened::file(&log, owner).unwrap();
        assert_eq!(user(&secret), 0, "root's own link is followed");
        lchown(&log, Some(54321), None).unwrap();
        let error = Opened::file(&log, owner).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        chown(&secret, Some(54321), None).unwrap();
        Opened::file(&log, owner).unwrap();

        std::fs::remove_file(&log).unwrap();
        chown(&secret, Some(0), None).unwrap();
        std::fs::hard_link(&secret, &log).unwrap();
        Opened::file(&log, owner).unwrap();
        assert_eq!(user(&secret), 0, "a file of two names stays whose it is");

        std::fs::remove_file(&log).unwrap();
        Opened::file(&log, owner).unwrap();
        assert_eq!(user(&log), 54321);
        std::fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn a_fifo_without_a_reader_is_an_error_at_once() {
        let path = super::super::scratch("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = Opened::file(&path, None).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::NXIO.raw_os_error()));
        std::fs::remove_file(path).unwrap();
    }
}
