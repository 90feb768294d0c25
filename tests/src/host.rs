//! The other process: starts `src/bin/host.rs` and looks at it from outside, by what the system tells of it.
//!
//! For cases about a whole process: how many descriptors and threads it has, and how often it wakes up.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rsgi_test::suite::Ground;
use rsgi_test::wire::RawClient;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A server in a process of its own; ended when dropped.
#[derive(Debug)]
pub struct Host {
    child: Child,
    address: SocketAddr,
}

impl Host {
    /// Starts the program `host` (its path is `env!("CARGO_BIN_EXE_host")` in a test) with so many threads and, if it
    /// is said, at most so many descriptors.
    pub fn start(program: &str, ground: &Ground, threads: usize, descriptors: Option<usize>) -> Self {
        let descriptors = descriptors.map(|most| ("descriptors", most));
        Self::start_with(program, ground, threads, descriptors.as_slice(), |command| command)
    }

    /// Starts it with what else `src/bin/host.rs` can be told, and as `prepare` wants its process.
    pub fn start_with(
        program: &str,
        ground: &Ground,
        threads: usize,
        settings: &[(&str, usize)],
        prepare: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let mut command = Command::new(program);
        command.arg(ground.name()).arg(threads.to_string());
        command.args(settings.iter().map(|(name, value)| format!("{name}={value}")));
        let command = prepare(&mut command);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.expect("the program starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it writes its address");
        let address = line.trim().parse().expect("an address");
        Self { child, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects to it.
    pub fn client(&self) -> RawClient {
        RawClient::tcp(self.address)
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        self.tasks().count()
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd")).expect("it runs").count()
    }

    /// How often its threads have begun to wait since they began: each wake-up ends in another wait.
    pub fn waits(&self) -> u64 {
        let of_task = |task: fs::DirEntry| {
            let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        self.tasks().map(of_task).sum()
    }

    /// How much time of a processor it has used, in user space and in the kernel.
    pub fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(self.proc("stat")).expect("it runs");
        // Behind the name, which may hold anything, stand the fields from the third on; these are the 14th and 15th.
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).flat_map(str::parse::<u64>).sum();
        // The kernel shows them in hundredths on every architecture.
        Duration::from_millis(ticks * 10)
    }

    fn tasks(&self) -> impl Iterator<Item = fs::DirEntry> {
        fs::read_dir(self.proc("task")).expect("it runs").flatten()
    }

    fn proc(&self, name: &str) -> std::path::PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(name)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended_already = self.child.wait();
    }
}

/// Lets this process have as many descriptors as it may, and gives how many that are.
pub fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("up to the maximum anybody may");
    limit.maximum.unwrap_or(u64::MAX)
}
