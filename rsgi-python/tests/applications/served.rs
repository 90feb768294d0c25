//! An application that is served, by Gunicorn or by `rsgi-python`, and what clients see of it.
//!
//! Invariant: what was started ends with its value, by its process id. The port is the system's choice, read from the log.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rsgi_test::{Answer, Client, Request};
use rsgi_tests::driving::{Log, Running, Scratch};
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};

/// Who serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Gunicorn,
    Std,
    Hyper,
}

/// Ours.
pub(crate) const OURS: [Host; 2] = [Host::Std, Host::Hyper];

/// An application of `tests/python`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Application {
    /// The module that it can't do without.
    pub(crate) needs: &'static str,
    /// Its folder.
    pub(crate) folder: &'static str,
    /// What is served, as Gunicorn spells it.
    pub(crate) name: &'static str,
}

/// An application that runs.
#[derive(Debug)]
pub(crate) struct Served {
    front: Option<Running>,
    running: Running,
    pub(crate) host: Host,
    /// Host and port.
    pub(crate) address: String,
    pub(crate) client: Client,
    seen: RefCell<Vec<String>>,
    // Last: what runs ends before it goes.
    pub(crate) place: Scratch,
}

impl Application {
    /// Whether it can run; says so if not.
    pub(crate) fn is_here(&self) -> bool {
        has(self.needs)
    }

    /// Has it served, with these arguments.
    pub(crate) fn on(&self, host: Host, arguments: &[&str]) -> Served {
        self.with(host, arguments, |_, _| ())
    }

    /// The same, by a command that is prepared further, and given a folder of its own.
    pub(crate) fn with(
        &self,
        host: Host,
        arguments: &[&str],
        prepare: impl FnOnce(&mut Command, &Path),
    ) -> Served {
        let place = Scratch::new("python");
        let mut command = host.command();
        command.current_dir(sources().join(self.folder)).arg(self.name);
        command.args(["--bind", "127.0.0.1:0"]).args(arguments);
        prepare(&mut command, &place);
        let mut running = Running::start(command, &place.join("log"));
        let line = running.log.said("Listening at: ");
        let (_, rest) = line.split_once("://").unwrap();
        let address = rest.split_whitespace().next().unwrap().to_owned();
        let client = Client::live(&format!("http://{address}")).unwrap();
        Served { front: None, running, host, address, client, seen: RefCell::default(), place }
    }

    /// Has each server, with four threads for requests, asked the same, Gunicorn first; what was [seen](Served::see) must be the same, too.
    pub(crate) fn alike(&self, ask: impl Fn(&mut Served)) {
        self.alike_with(|_, _| (), ask);
    }

    /// The same, each in a command that is prepared further.
    pub(crate) fn alike_with(&self, prepare: impl Fn(&mut Command, &Path), ask: impl Fn(&mut Served)) {
        if !self.is_here() {
            return;
        }
        let mut first: Option<(Host, Vec<String>)> = None;
        for host in [Host::Gunicorn, Host::Std, Host::Hyper] {
            if host == Host::Gunicorn && !has("gunicorn") {
                continue;
            }
            let mut served = self.with(host, &["--threads", "4"], &prepare);
            ask(&mut served);
            let seen = served.seen();
            served.end();
            match &first {
                None => first = Some((host, seen)),
                Some((other, expected)) => {
                    for (expected, seen) in expected.iter().zip(&seen) {
                        // Where Gunicorn doesn't know a length, we may: PEP 3333 lets a server tell that of the only piece.
                        let seen =
                            if expected.contains(LENGTH) { seen.clone() } else { without_length(seen) };
                        assert_eq!(seen, *expected, "{host:?} and {other:?} answer differently");
                    }
                    assert_eq!(seen.len(), expected.len());
                }
            }
        }
    }
}

impl Host {
    fn command(self) -> Command {
        let mut command = match self {
            Self::Gunicorn => Command::new(environment().join("bin/gunicorn")),
            Self::Std | Self::Hyper => Command::new(env!("CARGO_BIN_EXE_rsgi-python")),
        };
        if let Self::Std | Self::Hyper = self {
            command.args(["--server", if self == Self::Std { "std" } else { "hyper" }]);
        }
        command.arg("--no-control-socket");
        in_environment(&mut command);
        command
    }
}

/// Has a command know its virtual environment, and change nothing where the sources are.
pub(crate) fn in_environment(command: &mut Command) -> &mut Command {
    command.env("VIRTUAL_ENV", environment()).env("PYTHONDONTWRITEBYTECODE", "1");
    // The order of sets, such as Flask's of methods.
    command.env("PYTHONHASHSEED", "0")
}

impl Served {
    /// Notes an answer, to be compared with that of the other servers.
    pub(crate) fn see(&self, answer: Answer) -> Answer {
        self.seen.borrow_mut().push(outline(&answer));
        answer
    }

    /// Asks, and notes the answer.
    pub(crate) fn ask(&self, request: Request<'_>) -> Answer {
        self.see(request.answer())
    }

    /// GET, noted.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask(self.client.get(target))
    }

    /// Asks on a connection of its own, while another request is under way; not noted.
    pub(crate) fn ask_on_another_connection(&self, method: &str, target: &str) -> Answer {
        let client = Client::live(&format!("http://{}", self.address)).unwrap();
        client.request(method, target).answer()
    }

    /// What a web server in front of it answers, instead of the server itself.
    pub(crate) fn behind(mut self, front: Running, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self.client = Client::live(&format!("http://{address}")).unwrap();
        self.front = Some(front);
        self
    }

    /// What was noted.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.take()
    }

    /// What the servers and the application say.
    pub(crate) fn log(&mut self) -> &mut Log {
        &mut self.running.log
    }

    /// Sends the master a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// The master.
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Ends it as supervisors do; it must say that all went well.
    pub(crate) fn end(mut self) {
        self.signal(Signal::TERM);
        let status = self.running.ended();
        assert!(status.success(), "{:?}: {status}\n{}", self.host, self.running.log.text());
    }
}

/// The applications.
pub(crate) fn sources() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python"))
}

/// The virtual environment that `tests/install` makes.
pub(crate) fn environment() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.venv")
}

/// Whether a module is there; says so if not.
pub(crate) fn has(module: &str) -> bool {
    let folders = std::fs::read_dir(environment().join("lib")).into_iter().flatten().flatten();
    let found =
        folders.map(|folder| folder.path().join("site-packages").join(module)).any(|path| path.is_dir());
    if !found {
        println!("skipped: no {module} here; rsgi-python/tests/install installs it");
    }
    found
}

/// What must be the same everywhere of an answer: not what is the server's own, nor what changes with the time.
fn outline(answer: &Answer) -> String {
    let mut text = format!("{}\n", answer.status());
    let mut fields: Vec<_> =
        answer.headers().iter().filter(|(name, _)| !OWN.contains(&name.as_str())).collect();
    fields.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in fields {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = if name == "set-cookie" { attributes(&value) } else { value.into_owned() };
        let _infallible = writeln!(text, "{name}: {value}");
    }
    text + "\n" + &String::from_utf8_lossy(answer.body())
}

/// A cookie without its value: what is signed is signed with the time.
fn attributes(cookie: &str) -> String {
    let (first, rest) = cookie.split_once(';').unwrap_or((cookie, ""));
    let (name, _) = first.split_once('=').unwrap();
    let rest = rest.split(';').filter(|part| !part.trim_start().starts_with("Expires"));
    format!("{name}=...;{}", rest.collect::<Vec<_>>().join(";"))
}

/// Bytes without an order, always the same.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    rsgi_test::wire::bytes::noise(length)
}

/// SHA-256, as Python's `hexdigest` writes it.
pub(crate) fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// The server's own fields.
const OWN: [&str; 5] = ["date", "server", "connection", "keep-alive", "transfer-encoding"];

/// What was seen of an answer, but for its length.
fn without_length(seen: &str) -> String {
    seen.split_inclusive('\n').filter(|line| !line.starts_with(LENGTH)).collect()
}

/// Begins the line of an answer's length.
const LENGTH: &str = "content-length: ";
