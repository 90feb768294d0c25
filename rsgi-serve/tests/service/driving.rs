//! Starting, asking and ending a service in a test.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

pub(crate) const SERVERS: [&str; 2] = ["std", "hyper"];

/// Runs a test for both servers at the same time: one that has to let time pass.
pub(crate) fn for_both(test: impl Fn(&str) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        for server in SERVERS {
            scope.spawn(move || test(server));
        }
    });
}

/// A service that a test started.
pub(crate) struct Service {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
    address: String,
}

impl Service {
    /// Starts it at a port of the system's choice.
    pub(crate) fn start(server: &str, arguments: &[&str]) -> Self {
        Self::of(&mut command(server, arguments))
    }

    /// Starts what a test prepared.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, heard: Vec::new(), address: String::new() }
    }

    /// Starts it and waits until all workers are ready.
    pub(crate) fn ready(server: &str, arguments: &[&str]) -> Self {
        let mut service = Self::start(server, arguments);
        service.said(" ready in ");
        service
    }

    /// What `check` says with its exit code.
    pub(crate) fn check(server: &str, arguments: &[&str]) -> Option<i32> {
        command(server, arguments).arg("check").stderr(Stdio::null()).status().unwrap().code()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Waits for a line that holds this text; lines are heard once.
    pub(crate) fn said(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("nobody said {text:?} after:\n{}", self.heard.join("\n"));
            };
            let listens = line.split_once("Listening at: ").and_then(|(_, url)| url.split_once("://"));
            if let Some((_, address)) = listens {
                address.split(' ').next().unwrap().clone_into(&mut self.address);
            }
            self.heard.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// All lines that were heard so far, and those that wait to be heard.
    pub(crate) fn heard(&mut self) -> &[String] {
        self.heard.extend(self.lines.try_iter());
        &self.heard
    }

    /// Waits until nobody can say anything any more.
    pub(crate) fn silence(&mut self) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.heard.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
        panic!("somebody still holds the log");
    }

    pub(crate) fn get(&self, path: &str) -> String {
        ask(&self.address, path).unwrap()
    }

    /// Asks until it is answered: for a service that doesn't say when it is ready.
    pub(crate) fn patient(&self, path: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match ask(&self.address, path) {
                Ok(body) => return body,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
        }
    }

    /// Asks on a thread of its own, for the answer as it comes, whatever it is.
    pub(crate) fn answer_aside(&self, path: &'static str) -> JoinHandle<io::Result<String>> {
        let address = self.address.clone();
        thread::spawn(move || answer(&address, path))
    }

    /// Asks on a thread of its own.
    pub(crate) fn ask_aside(&self, path: &'static str) -> JoinHandle<io::Result<String>> {
        let address = self.address.clone();
        thread::spawn(move || ask(&address, path))
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for its end, and gives its code with all that it said and nobody has heard yet.
    pub(crate) fn ended(&mut self) -> (Option<i32>, String) {
        let code = self.code();
        let mut said = String::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            said += &line;
            said.push('\n');
        }
        (code, said)
    }

    /// Waits for its end, which must be a clean one, and for its last line; nobody may ever have said that.
    #[track_caller]
    pub(crate) fn ends_without(&mut self, text: &str) {
        let (code, rest) = self.ended();
        let said = self.heard.join("\n") + "\n" + &rest;
        assert!(code == Some(0) && !said.contains(text), "{code:?}, {text:?}:\n{said}");
    }

    /// Waits for its end.
    pub(crate) fn code(&mut self) -> Option<i32> {
        let pid = Pid::from_child(&self.child);
        let end = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let limit = Timespec::try_from(PATIENCE).unwrap();
        let ended = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&limit)).unwrap();
        assert!(ended == 1, "it doesn't end after:\n{}", self.heard().join("\n"));
        self.child.wait().unwrap().code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The workers of a killed master leave by themselves; those that are stuck are ended here.
        let workers = workers_of(self.child.id());
        let _ = self.child.kill();
        let _ = self.child.wait();
        for worker in workers {
            if let Some(pid) = i32::try_from(worker).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// Sends a process a signal.
pub(crate) fn signal(pid: u32, name: &str) {
    let signal = match name {
        "ABRT" => Signal::ABORT,
        "ALRM" => Signal::ALARM,
        "CONT" => Signal::CONT,
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "IO" => Signal::IO,
        "KILL" => Signal::KILL,
        "PIPE" => Signal::PIPE,
        "PROF" => Signal::PROF,
        "PWR" => Signal::POWER,
        "QUIT" => Signal::QUIT,
        "SEGV" => Signal::SEGV,
        "STOP" => Signal::STOP,
        "TERM" => Signal::TERM,
        "TTIN" => Signal::TTIN,
        "TTOU" => Signal::TTOU,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "VTALRM" => Signal::VTALARM,
        "WINCH" => Signal::WINCH,
        other => panic!("no signal {other}"),
    };
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// The children of a master, as the kernel has them.
pub(crate) fn workers_of(master: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap_or_default();
    let mut workers: Vec<u32> = children.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    workers.sort_unstable();
    workers
}

/// Stops a process, each thread of it, until it gets CONT.
pub(crate) fn stop(pid: u32) {
    signal(pid, "STOP");
    until("all stopped", || {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        threads.map(|thread| thread.unwrap().path().join("stat")).all(|stat| letter(stat) == Some('T'))
    });
}

/// The letter of a process's state.
pub(crate) fn state(pid: u32) -> Option<char> {
    letter(format!("/proc/{pid}/stat"))
}

fn letter(stat: impl AsRef<Path>) -> Option<char> {
    let status = fs::read_to_string(stat).ok()?;
    status.rsplit_once(") ")?.1.chars().next()
}

/// The parent of a process, as the kernel has it.
pub(crate) fn parent_of(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
    parent.trim().parse().unwrap()
}

/// Asks for a path, on a connection of its own, for the whole answer as it comes.
pub(crate) fn answer(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Waits until a master has so many workers, and none of these.
pub(crate) fn replaced(master: u32, before: &[u32], workers: usize) {
    until("the old workers are gone", || {
        let now = workers_of(master);
        now.len() == workers && now.iter().all(|pid| !before.contains(pid))
    });
}

/// Asks for a path, on a connection of its own.
pub(crate) fn ask(address: &str, path: &str) -> io::Result<String> {
    let answer = answer(address, path)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    Ok(body.to_owned())
}

/// A folder of a test's own.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let place = std::env::temp_dir().join(format!("rsgi-serve-{}-{name}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    place
}

/// The program of a test: beside it, as `debug/deps/service-…` and `debug/examples/trouble`.
pub(crate) fn program() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    here.parent().and_then(|deps| deps.parent()).unwrap().join("examples/trouble")
}

/// The program with these arguments and nothing of the test's surroundings that it would take as a setting.
pub(crate) fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    bare_of_settings(&mut command).args(arguments).stdout(Stdio::null());
    command
}

/// Without anything of the test's surroundings that the launcher would take as a setting.
pub(crate) fn bare_of_settings(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("RSGI_") || OTHER_VARIABLES.contains(&&*name) {
            command.env_remove(&*name);
        }
    }
    command.stdin(Stdio::null())
}

/// The same with a server, and a port of the system's choice.
pub(crate) fn command(server: &str, arguments: &[&str]) -> Command {
    let mut command = bare(&["--server", server, "--bind", "127.0.0.1:0", "--no-control-socket"]);
    command.args(arguments);
    command
}

/// Looks until it is so.
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "never: {what}");
        thread::yield_now();
    }
}

/// Ten times what anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Variables that aren't named after us and yet mean something to the launcher.
const OTHER_VARIABLES: &[&str] =
    &["PORT", "WEB_CONCURRENCY", "NOTIFY_SOCKET", "FORWARDED_ALLOW_IPS", "NO_COLOR"];
