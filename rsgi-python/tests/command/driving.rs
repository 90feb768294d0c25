//! Starting, asking and ending the program in a test.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A folder of a test's own, with modules in it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str, modules: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("rsgi-python-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let folder = Self(path);
        for (file, source) in modules {
            folder.write(file, source);
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file. Its bytecode would be taken for it if both were written within a second.
    pub(crate) fn write(&self, file: &str, content: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_dir_all(path.parent().unwrap().join("__pycache__"));
        fs::write(path, content).unwrap();
    }

    /// The program in this folder, with nothing of the test's surroundings that it would take as a setting.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rsgi-python"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let python = name.starts_with("PYTHON") || *name == *"VIRTUAL_ENV";
            if python || name.starts_with("RSGI_") || ["PORT", "WEB_CONCURRENCY"].contains(&&*name) {
                command.env_remove(&*name);
            }
        }
        command.args(arguments).current_dir(&self.0).stdin(Stdio::null());
        command
    }

    /// The same, to serve at a port of the system's choice.
    pub(crate) fn server(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(arguments);
        command.args(["--bind", "127.0.0.1:0", "--no-control-socket"]);
        command
    }

    /// Starts it, and waits until all workers are ready.
    pub(crate) fn served(&self, arguments: &[&str]) -> Service {
        let mut service = Service::of(&mut self.server(arguments));
        service.said(" ready in ");
        service
    }

    /// What `check` says, and its exit code.
    pub(crate) fn check(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.program(&["check"]).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program at work. What it logs and what the application prints are heard as they come, line by line.
pub(crate) struct Service {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
    address: String,
}

impl Service {
    pub(crate) fn of(command: &mut Command) -> Self {
        let (reader, writer) = io::pipe().unwrap();
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let child = command.spawn().unwrap();
        // The writing ends that are left would keep the pipe open.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        Self { child, lines, heard: Vec::new(), address: String::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that holds this text; lines are heard once.
    #[track_caller]
    pub(crate) fn said(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("nobody said {text:?} after:\n{}", self.heard.join("\n"));
            };
            if let Some((_, address)) = line.split_once("Listening at: http://") {
                address.split(' ').next().unwrap().clone_into(&mut self.address);
            }
            self.heard.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Asks for a path, whose answer must be 200, and gives its content.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> String {
        let answer = self.answer(path).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        body.to_owned()
    }

    /// Asks for a path, for the whole answer as it comes; empty if the connection ended without one.
    pub(crate) fn answer(&self, path: &str) -> io::Result<String> {
        answer(&self.address, path)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end, and gives its code with all that was ever said.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> (Option<i32>, String) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.heard.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("it doesn't end after:\n{}", self.heard.join("\n"))
                }
            }
        }
        (self.child.wait().unwrap().code(), self.heard.join("\n"))
    }

    /// Ends it as a service manager does, which must go well, and gives all that was ever said.
    #[track_caller]
    pub(crate) fn stopped(&mut self) -> String {
        self.signal(Signal::TERM);
        let (code, said) = self.ended();
        assert_eq!(code, Some(0), "{said}");
        said
    }

    /// The workers, as the kernel has them.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let master = self.pid();
        let path = format!("/proc/{master}/task/{master}/children");
        let children = fs::read_to_string(path).unwrap_or_default();
        children.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The workers of a killed master leave by themselves; those that are stuck are ended here.
        let workers = self.workers();
        let _ = self.child.kill();
        let _ = self.child.wait();
        for worker in workers {
            if let Some(pid) = i32::try_from(worker).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn answer(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        // A worker that dies resets what it hasn't read.
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(answer),
    }
}

/// Looks until it is so.
#[track_caller]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "never: {what}");
        thread::yield_now();
    }
}

/// Runs a program, which must go well, and gives what it printed.
#[track_caller]
pub(crate) fn run(program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
    let output = Command::new(&program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}: {said}", program.as_ref().display());
    String::from_utf8(output.stdout).unwrap()
}

/// Ten times what anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
