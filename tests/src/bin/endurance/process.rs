//! The server's process, seen from outside: its memory, descriptors and threads by what the system tells, and its end.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A server that runs; killed when dropped before its end.
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
}

/// What the system tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// KiB of memory, what it shares with others divided among them.
    pub(crate) memory: u64,
    /// Open descriptors.
    pub(crate) descriptors: usize,
    /// Threads.
    pub(crate) threads: usize,
}

impl Process {
    /// Starts this program's `serve`.
    pub(crate) fn start(adapter: &str, sabotage: &str) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(["serve", adapter, sabotage]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let address =
            line.trim().parse().map_err(|_| io::Error::other("the server doesn't say where it is"))?;
        Ok(Self { child, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Looks at it.
    pub(crate) fn sample(&self) -> io::Result<Sample> {
        let rollup = fs::read_to_string(self.proc("smaps_rollup"))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let memory = line.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        Ok(Sample {
            memory: memory.ok_or_else(|| io::Error::other("the system doesn't tell its memory"))?,
            descriptors: fs::read_dir(self.proc("fd"))?.count(),
            threads: fs::read_dir(self.proc("task"))?.count(),
        })
    }

    /// Asks it to end, and waits for that, but not for ever.
    pub(crate) fn end(&mut self, most: Duration) -> io::Result<Option<ExitStatus>> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let begun = Instant::now();
        while begun.elapsed() < most {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            thread::park_timeout(Duration::from_millis(10));
        }
        Ok(None)
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ended_meanwhile = self.child.kill();
            let _no_zombie = self.child.wait();
        }
    }
}
