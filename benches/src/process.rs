//! A server or a load maker as a child: in a process group of its own, on a core, and ended for certain.
//!
//! Everything a child starts shares its group, so that one signal ends them all and one look into `/proc` finds them.
//! When the runner itself is killed, `setpriv` has the system end the child. What it wrote to stderr is kept for the
//! reason why it isn't there.

use std::fs;
use std::io::Seek;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rsgi_core::Error;

/// Where a child may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    /// On the first core: servers.
    Server,
    /// On the second: load makers.
    Load,
    /// On any.
    Any,
}

/// A child with its process group, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Group {
    child: Child,
    said: fs::File,
}

/// A command that runs on a core and dies with the runner.
pub(crate) fn on(core: Core, program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]);
    match core {
        Core::Server => _ = command.args(["taskset", "-c", "0"]),
        Core::Load => _ = command.args(["taskset", "-c", "1"]),
        Core::Any => {}
    }
    command.arg(program).process_group(0);
    command
}

/// Raises the limit of descriptors as far as it goes; children have it too.
pub(crate) fn raise_descriptors() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _left = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// A port that nothing listens on.
///
/// # Errors
///
/// When none can be had.
pub(crate) fn free_port() -> Result<SocketAddr, Error> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

impl Group {
    /// Starts a command whose stderr is kept.
    ///
    /// # Errors
    ///
    /// When it can't be started.
    pub(crate) fn start(mut command: Command) -> Result<Self, Error> {
        let said = tempfile::tempfile()?;
        command.stderr(said.try_clone()?);
        let child = command.spawn().map_err(|error| format!("{}: {error}", command_line(&command)))?;
        Ok(Self { child, said })
    }

    /// The group's number, which is its first process'.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child's streams.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits until somebody listens there.
    ///
    /// # Errors
    ///
    /// When the child ends, or nobody listens for ten seconds.
    pub(crate) fn listens(&mut self, address: SocketAddr) -> Result<(), Error> {
        self.answers(|| TcpStream::connect(address).is_ok())
    }

    /// Waits until somebody listens at a unix socket.
    ///
    /// # Errors
    ///
    /// When the child ends, or nobody listens for ten seconds.
    pub(crate) fn listens_at(&mut self, socket: &Path) -> Result<(), Error> {
        self.answers(|| UnixStream::connect(socket).is_ok())
    }

    fn answers(&mut self, knock: impl Fn() -> bool) -> Result<(), Error> {
        let start = Instant::now();
        while !knock() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended with {status}: {}", self.last_words()).into());
            }
            if start.elapsed() > Duration::from_secs(10) {
                return Err(format!("it doesn't listen: {}", self.last_words()).into());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The last line of its stderr that isn't empty.
    pub(crate) fn last_words(&mut self) -> String {
        let _start = self.said.rewind();
        let text = std::io::read_to_string(&self.said).unwrap_or_default();
        text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_string()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _gone = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
        let _reaped = self.child.wait();
    }
}

/// Runs a command to its end and gives what it printed.
///
/// # Errors
///
/// When it can't be started or fails.
pub(crate) fn output(mut command: Command) -> Result<String, Error> {
    let line = command_line(&command);
    let made = command.stdin(Stdio::null()).output().map_err(|error| format!("{line}: {error}"))?;
    if made.status.success() {
        return Ok(String::from_utf8_lossy(&made.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&made.stderr).into_owned() + &String::from_utf8_lossy(&made.stdout);
    let last = said.lines().rfind(|it| !it.trim().is_empty()).unwrap_or_default().to_string();
    Err(format!("{line}: {}: {last}", made.status).into())
}

fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
