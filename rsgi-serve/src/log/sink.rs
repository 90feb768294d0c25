//! An output at work: a line goes out in one write, or is counted as lost; never a panic, never a loop.
//!
//! While an output is broken each line tries it once, without waiting. The first failure and the return are told to the
//! caller, who says them where they can be read. A file is opened anew on order, and kept where that fails.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::colour::Place;
use super::level::Level;
use super::open_error::OpenError;
use super::opened::{Failure, Opened, Owner};
use super::output::Output;
use super::peer::Peer;
use super::syslog::{Header, SyslogAddress};

/// An output that is open.
#[derive(Debug)]
pub(crate) struct Sink {
    way: Way,
    opened: RwLock<Opened>,
    /// The longest line, as `opened` says.
    room: AtomicUsize,
    /// Whether the last line was lost, so that a sound output asks no lock.
    troubled: AtomicBool,
    trouble: Mutex<Trouble>,
    /// Whether the standard streams lead here.
    captures: AtomicBool,
}

#[derive(Debug)]
enum Way {
    Stderr,
    Stdout,
    /// Absolute, whatever the working directory becomes.
    File(PathBuf, Option<Owner>),
    Syslog(Peer, Header),
}

#[derive(Debug, Default)]
struct Trouble {
    lines: u64,
    error: String,
    torn: bool,
}

/// What became of a line.
#[derive(Debug)]
#[must_use = "somebody has to say what was lost"]
pub(crate) enum Written {
    Well,
    /// Written, the first after others were lost.
    Mended(Loss),
    /// Lost, the first of a row.
    Broken(io::Error),
    /// Lost, as those before it.
    Lost,
}

/// Lines that were lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) lines: u64,
    /// Why the first of them was.
    pub(crate) error: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = if self.lines == 1 { "line was" } else { "lines were" };
        write!(formatter, "{} {lines} lost: {}", self.lines, self.error)
    }
}

impl Sink {
    /// Opens an output. `part`, `error` or `access`, is what a syslog's tag ends in; a new file is given to `owner`.
    ///
    /// # Errors
    ///
    /// It can't be opened.
    pub(crate) fn open(output: &Output, part: &str, owner: Option<Owner>) -> Result<Self, OpenError> {
        let fail = |error| OpenError::new(output, error);
        let way = match output {
            Output::Stderr => Way::Stderr,
            Output::Stdout => Way::Stdout,
            Output::File(path) => Way::File(std::path::absolute(path).map_err(fail)?, owner),
            Output::Syslog(syslog) => {
                let peer = match &syslog.to {
                    SyslogAddress::Unix(path) => Ok(Peer::unix(path)),
                    SyslogAddress::Udp(host, number) => Peer::udp(host, *number),
                };
                Way::Syslog(peer.map_err(fail)?, Header::new(syslog, part))
            }
        };
        let opened = way.open().map_err(fail)?;
        Ok(Self {
            room: AtomicUsize::new(opened.room()),
            way,
            opened: RwLock::new(opened),
            troubled: AtomicBool::new(false),
            trouble: Mutex::default(),
            captures: AtomicBool::new(false),
        })
    }

    /// Opens a file again, by its name, and a syslog's socket; the standard streams stay.
    ///
    /// # Errors
    ///
    /// It can't be opened: what was open before is used on.
    pub(crate) fn reopen(&self) -> Result<(), OpenError> {
        if matches!(self.way, Way::Stderr | Way::Stdout) {
            return Ok(());
        }
        match self.way.open() {
            Ok(opened) => self.put_in_place(opened),
            Err(error) => return Err(OpenError::new(&self.way, error)),
        }
        if self.captures.load(Ordering::Relaxed) { self.capture() } else { Ok(()) }
    }

    /// Has the standard output and error streams of this process lead here, after each reopening, too.
    ///
    /// # Errors
    ///
    /// A syslog can't take them.
    pub(crate) fn capture(&self) -> Result<(), OpenError> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.capture().map_err(|error| OpenError::new(&self.way, error))?;
        self.captures.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Writes a line of `level`, which `fill` puts behind what is there; it is given how many bytes it may add.
    pub(crate) fn put(&self, level: Level, fill: impl FnOnce(&mut Vec<u8>, usize)) -> Written {
        let mut line = LINE.try_with(Cell::take).unwrap_or_default();
        line.clear();
        let is_message = matches!(self.way, Way::Syslog(..));
        if let Way::Syslog(_, header) = &self.way {
            header.write(&mut line, level);
        }
        // One byte for the line's end.
        let room = self.room.load(Ordering::Relaxed) - 1;
        let left = room.saturating_sub(line.len());
        fill(&mut line, left);
        if line.len() > room {
            cut(&mut line, room);
        }
        if !is_message {
            line.push(b'\n');
        }
        let written = self.write(&line);
        if line.capacity() <= KEPT {
            // During a thread's end there is no place for it.
            let _ended = LINE.try_with(|kept| kept.set(line));
        }
        written
    }

    /// The longest line that goes out whole, with what the output puts around it.
    pub(crate) fn room(&self) -> usize {
        self.room.load(Ordering::Relaxed)
    }

    /// Puts lines back on the account that were reported in a line that was lost itself.
    pub(crate) fn owe(&self, loss: &Loss) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.lines += loss.lines;
        if trouble.error.is_empty() {
            trouble.error.clone_from(&loss.error);
        }
        self.troubled.store(true, Ordering::Release);
    }

    pub(crate) fn place(&self) -> Place {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).place()
    }

    fn put_in_place(&self, opened: Opened) {
        self.room.store(opened.room(), Ordering::Relaxed);
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = opened;
    }

    fn write(&self, line: &[u8]) -> Written {
        let troubled = self.troubled.load(Ordering::Acquire);
        let mut sent = self.send(line, troubled);
        if let (Err(failure), Way::Syslog(..)) = (&sent, &self.way)
            && failure.error.kind() != io::ErrorKind::TimedOut
            && let Ok(opened) = self.way.open()
        {
            // The system's log was started anew: its old socket is nobody's.
            self.put_in_place(opened);
            sent = self.send(line, troubled);
        }
        match sent {
            Ok(()) if !troubled => Written::Well,
            Ok(()) => self.mended(),
            Err(failure) => self.failed(failure),
        }
    }

    fn send(&self, line: &[u8], troubled: bool) -> Result<(), Failure> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        if !troubled {
            return opened.send(line, PATIENCE);
        }
        // Who waited in vain once doesn't wait for the next line.
        if self.trouble.lock().unwrap_or_else(PoisonError::into_inner).torn {
            return opened.send(&[b"\n", line].concat(), Duration::ZERO);
        }
        opened.send(line, Duration::ZERO)
    }

    #[cold]
    fn mended(&self) -> Written {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        self.troubled.store(false, Ordering::Release);
        let Trouble { lines, error, .. } = std::mem::take(&mut *trouble);
        // Another thread may have told it already.
        if lines == 0 { Written::Well } else { Written::Mended(Loss { lines, error }) }
    }

    #[cold]
    fn failed(&self, failure: Failure) -> Written {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let first = trouble.lines == 0;
        trouble.lines += 1;
        trouble.torn |= failure.torn;
        self.troubled.store(true, Ordering::Release);
        if first {
            trouble.error = failure.to_string();
            return Written::Broken(failure.error);
        }
        Written::Lost
    }
}

impl Way {
    fn open(&self) -> io::Result<Opened> {
        match self {
            Self::Stderr => Ok(Opened::stderr()),
            Self::Stdout => Ok(Opened::stdout()),
            Self::File(path, owner) => Opened::file(path, *owner),
            Self::Syslog(peer, _) => Opened::syslog(peer),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stderr => formatter.write_str("stderr"),
            Self::Stdout => formatter.write_str("stdout"),
            Self::File(path, _) => path.display().fmt(formatter),
            Self::Syslog(peer, _) => write!(formatter, "syslog:{peer}"),
        }
    }
}

/// Cuts a line that could not be made shorter in its values, at a letter's end.
fn cut(line: &mut Vec<u8>, room: usize) {
    let mut end = room.saturating_sub(CUT.len());
    while end > 0 && line[end] & 0b1100_0000 == 0b1000_0000 {
        end -= 1;
    }
    line.truncate(end);
    line.extend_from_slice(CUT);
}

thread_local! {
    /// The memory of this thread's lines. Taken while it is in use, so that a line within a line finds none.
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

const CUT: &[u8] = b"...";
/// Memory that a thread keeps for its next line.
const KEPT: usize = 64 * 1024;
/// How long the first line waits for a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(1);
