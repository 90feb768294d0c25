//! A host that runs, on a port of its own in a folder of the test's.
//!
//! Invariant: it ends with the value, by its process id.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rsgi_tests::driving::{Log, Running, Scratch, free_port, until};
use rustix::process::Signal;

use crate::module::library;
use crate::servers::command;
use crate::table::{Between, Host};

/// What a host is told.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    /// The test's folder, where the module is.
    pub(crate) place: &'a Path,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The callable, as `module:attribute`.
    pub(crate) callable: String,
}

/// A host that runs.
#[derive(Debug)]
pub(crate) struct Standing {
    server: Running,
    pub(crate) address: SocketAddr,
    // Last: the host ends before it goes.
    pub(crate) place: Scratch,
}

impl Standing {
    /// A host with a module; `None`, and a word, if it can't be had here.
    pub(crate) fn of(host: &Host, example: &str) -> Option<Self> {
        let (place, address, command) = prepared(host, example)?;
        let server = Running::start(command, &place.join("host.log"));
        until("host", || TcpStream::connect(address).ok());
        Some(Self { server, address, place })
    }

    /// What a host says that ends, as the probe can't keep its notes there.
    pub(crate) fn failing(host: &Host, example: &str, notes: &Path) -> Option<String> {
        let (place, _, mut command) = prepared(host, example)?;
        command.env("RSGI_PROBE_NOTES", notes);
        let mut server = Running::start(command, &place.join("host.log"));
        assert!(!server.ended().success());
        Some(server.log.text())
    }

    /// Ends the host as a supervisor does; gives what it said.
    pub(crate) fn end(&mut self) -> String {
        self.server.signal(Signal::TERM);
        self.server.ended();
        self.said()
    }

    /// What the host and our app said.
    pub(crate) fn said(&self) -> String {
        self.server.log.text() + &Log::of(&self.place.join("error.log")).text()
    }
}

/// The folder of a host, where it will listen, and what starts it.
fn prepared(host: &Host, example: &str) -> Option<(Scratch, SocketAddr, Command)> {
    let place = Scratch::new(host.name);
    // Apache has another user.
    fs::set_permissions(&*place, fs::Permissions::from_mode(0o777)).unwrap();
    fs::copy(library(example), place.join(format!("{example}.so"))).unwrap();
    let callable = match host.between {
        Between::Nothing => format!("{example}:app"),
        Between::Validator => {
            fs::write(place.join("validated.py"), VALIDATED.replace("MODULE", example)).unwrap();
            "validated:app".to_owned()
        }
    };
    let address = ([127, 0, 0, 1], free_port()).into();
    let command = command(host.server, &Site { place: &place, address, callable });
    if command.is_none() {
        println!("{}: {} is not in tests/.venv: left out", host.name, host.server.package());
    }
    Some((place, address, command?))
}

/// The validator wants a `Content-Type` from each app, which HTTP doesn't (RFC 9110 section 8.3), and none with 204 and 304, as the apps of
/// some cases have. That is theirs; all else it looks at is ours.
const VALIDATED: &str = "\
import wsgiref.validate
import MODULE
wsgiref.validate.check_content_type = lambda status, headers: None
app = wsgiref.validate.validator(MODULE.app)
";
