//! Processes of a test: started, watched by their log, asked, ended.
//!
//! Invariant: what was started ends with its value, by its process id. Next: `shipped.rs`, the files that they are started with.
#![allow(clippy::unwrap_used, reason = "a test stops where it can't go on")]

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process that a test started, and what it says.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// What it says.
    pub log: Log,
}

/// A file that others write, read as it grows.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    read: usize,
}

impl Running {
    /// Starts a command; what it says goes to this file.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        // The launcher's settings are those of the test alone.
        command.env_remove("PORT").env_remove("WEB_CONCURRENCY").env_remove("NOTIFY_SOCKET");
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log: Log::of(log) }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        until("its end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Whoever watches others ends them first; who doesn't listen is killed with what it has started.
            send(self.child.id(), Signal::TERM);
            let end = Instant::now() + PATIENCE;
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
                thread::yield_now();
            }
        }
        let children = children_of(self.child.id());
        let _ = self.child.kill();
        let _ = self.child.wait();
        for child in children.into_iter().filter_map(number) {
            let _ = kill_process(child, Signal::KILL);
        }
    }
}

impl Log {
    /// The file at this path, which may still come.
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0 }
    }

    /// Waits for a line that holds this text; lines are heard once.
    pub fn said(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let all = fs::read_to_string(&self.path).unwrap_or_default();
            for line in all[self.read..].split_inclusive('\n').filter(|line| line.ends_with('\n')) {
                self.read += line.len();
                if line.contains(text) {
                    return line.to_owned();
                }
            }
            assert!(Instant::now() < end, "nobody said {text:?} in {}:\n{all}", self.path.display());
            thread::yield_now();
        }
    }

    /// What is there, heard or not.
    pub fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap_or_default()
    }
}

/// Waits until there is an answer to a question about the world.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "no {what}");
        thread::yield_now();
    }
}

/// Waits until somebody else than these workers answers: they may still accept until they have read that they shall leave.
pub fn answered_by_others(workers: &[u32], ask: impl Fn() -> String) {
    until("new worker", || (!workers.contains(&ask().parse().unwrap())).then_some(()));
}

/// Sends a process a signal, if it is there.
pub fn send(pid: u32, signal: Signal) {
    let _ = kill_process(number(pid).unwrap(), signal);
}

fn number(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// The children of a process, as the kernel has them.
pub fn children_of(parent: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    children.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Whether a process is there, and not only its entry.
pub fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// A port of this machine that nobody listens on, below those that the system gives to clients: theirs come and go.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    // Tests may run as processes of their own, at the same time.
    let start = u16::try_from(std::process::id() % 1000).unwrap() * 20;
    let mut ports =
        std::iter::repeat_with(|| 10_000 + (start + TAKEN.fetch_add(1, Ordering::Relaxed)) % 20_000);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// The body of an answer to GET, asked for until somebody accepts.
pub fn ask(address: &str, path: &str) -> String {
    let mut stream = until(&format!("listener at {address}"), || TcpStream::connect(address).ok());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    exchange(&mut stream, path, "").unwrap()
}

/// The same over a unix socket.
pub fn ask_unix(socket: &Path, path: &str) -> String {
    let name = format!("listener at {}", socket.display());
    let mut stream = until(&name, || UnixStream::connect(socket).ok());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    exchange(&mut stream, path, "").unwrap()
}

/// Asks on a connection of the caller's, with more fields.
///
/// # Errors
///
/// Those of the connection, and of an answer that ends too early.
pub fn exchange(stream: &mut (impl io::Read + io::Write), path: &str, fields: &str) -> io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n{fields}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}\n{body}");
    Ok(body.to_owned())
}

/// A program that the tests need, by its name or its whole path.
pub fn tool(name: &str) -> Command {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    // nginx lives in a folder that not everyone's path has.
    let folders = std::env::split_paths(&folders).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    Command::new(found.unwrap_or_else(|| panic!("{name} is missing: ./check tools installs it")))
}

/// What a command prints when it succeeds; both streams, as it says why it doesn't.
///
/// # Errors
///
/// What it printed, if it failed.
pub fn printed(command: &mut Command) -> Result<String, String> {
    let made = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8([made.stdout, made.stderr].concat()).unwrap();
    if made.status.success() { Ok(text) } else { Err(text) }
}

/// A folder of a test's own, which goes when this is dropped; after a failure it stays, to be looked at.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Under a short path: a unix socket's has few bytes.
    pub fn new(name: &str) -> Self {
        static MADE: AtomicU16 = AtomicU16::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let place = std::env::temp_dir().join(format!("rsgi-{name}-{}-{number}", std::process::id()));
        // A failed test of a process of the same number leaves it.
        let _none = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).unwrap();
        Self(place)
    }
}

impl Deref for Scratch {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !thread::panicking() {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }
}

/// Ten times what anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(30);
