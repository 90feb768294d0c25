//! A service that a test watches and steers from outside: by its control socket and its status address.

use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use crate::driving::{PATIENCE, Service, bare, scratch, workers_of};

/// A service with both.
pub(crate) struct Watched {
    pub(crate) service: Service,
    /// A folder of its own.
    pub(crate) place: PathBuf,
    /// Where the status is: an address, or a file.
    pub(crate) status: String,
}

/// What a command of the command line came to.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) errors: String,
}

/// An answer of the status address.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Watched {
    /// Starts it in a folder of this name, with a status address of the system's choice.
    pub(crate) fn start(server: &str, name: &str, arguments: &[&str]) -> Self {
        let mut watched =
            Self::start_at(server, name, &[&["--status-bind", "127.0.0.1:0"], arguments].concat());
        watched.hear_status();
        watched
    }

    /// The same with a status address of the test's choice, or none.
    pub(crate) fn start_at(server: &str, name: &str, arguments: &[&str]) -> Self {
        let place = scratch(&format!("{name}-{server}"));
        let mut command = bare(&["--server", server, "--bind", "127.0.0.1:0", "--control-socket"]);
        command.arg(place.join("ctl")).args(arguments);
        Self { service: Service::of(&mut command), place, status: String::new() }
    }

    /// Starts it and waits until all workers are ready.
    pub(crate) fn ready(server: &str, name: &str, arguments: &[&str]) -> Self {
        let mut watched = Self::start(server, name, arguments);
        watched.service.said(" ready in ");
        watched
    }

    /// Waits until the master says where the status is.
    pub(crate) fn hear_status(&mut self) {
        let line = self.service.said("Status at: ");
        let (_, at) = line.split_once("Status at: ").unwrap();
        let at = at.split(' ').next().unwrap();
        at.trim_start_matches("http://").trim_start_matches("unix:").clone_into(&mut self.status);
    }

    /// Does what this command line asks of the running master.
    pub(crate) fn tell(&self, words: &[&str]) -> Came {
        let mut command = bare(words);
        command.arg("--control-socket").arg(self.place.join("ctl")).stdout(std::process::Stdio::piped());
        let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Came { code: output.status.code(), out: text(output.stdout), errors: text(output.stderr) }
    }

    /// What a command answers that is done.
    pub(crate) fn done(&self, words: &[&str]) -> String {
        let came = self.tell(words);
        assert_eq!(came.code, Some(0), "{words:?} {came:?}");
        came.out
    }

    /// All facts, by the control socket.
    pub(crate) fn facts(&self) -> Value {
        serde_json::from_str(&self.done(&["show", "--json"])).unwrap()
    }

    /// The workers' processes, by the control socket.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let facts = self.facts();
        let pids = facts["workers"].as_array().unwrap().iter();
        pids.map(|worker| u32::try_from(worker["pid"].as_u64().unwrap()).unwrap()).collect()
    }

    /// The status process: the child that is no worker.
    pub(crate) fn status_process(&self) -> Option<u32> {
        let workers = self.workers();
        workers_of(self.service.pid()).into_iter().find(|pid| !workers.contains(pid))
    }

    /// Asks the status address once.
    pub(crate) fn try_page(&self, method: &str, path: &str) -> io::Result<Page> {
        ask(&self.status, method, path)
    }

    /// Asks the status address, until its process is there.
    pub(crate) fn page(&self, path: &str) -> Page {
        self.page_when(path, |_| true)
    }

    /// Asks until the answer is as it has to become.
    pub(crate) fn page_when(&self, path: &str, is: impl Fn(&Page) -> bool) -> Page {
        let end = Instant::now() + PATIENCE;
        loop {
            let page = self.try_page("GET", path);
            match page {
                Ok(page) if is(&page) => return page,
                other => assert!(Instant::now() < end, "{path}: {other:?}"),
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // The next test of the name makes it anew.
        let _ = std::fs::remove_dir_all(&self.place);
    }
}

/// Waits until it is so.
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < end, "it never was: {what}");
        std::thread::yield_now();
    }
}

/// Asks an address, or a unix socket by its path.
fn ask(at: &str, method: &str, path: &str) -> io::Result<Page> {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: status\r\nconnection: close\r\n\r\n");
    let answer = if Path::new(at).is_absolute() {
        let stream = UnixStream::connect(at)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        exchange(stream, &request)?
    } else {
        let stream = TcpStream::connect(at)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        exchange(stream, &request)?
    };
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Page { status: status.unwrap(), head: head.to_ascii_lowercase(), body: body.to_owned() })
}

fn exchange(mut stream: impl io::Read + io::Write, request: &str) -> io::Result<String> {
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
