//! `deploy/systemd/` by systemd's own tools: the units are right, and the service lives by the protocol that they name.
//!
//! No systemd runs here, so the real `systemd-socket-activate` opens the sockets and starts the service, and the test's own socket takes its
//! messages.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::{PROGRAM, SERVERS};
use rsgi_tests::driving::{
    PATIENCE, Running, Scratch, answered_by_others, ask, ask_unix, children_of, free_port, printed, tool,
};
use rsgi_tests::shipped;

/// Puts the units into a folder, with a program that exists.
fn units(place: &Path, change: impl Fn(String) -> String) -> [PathBuf; 2] {
    ["app.service", "app.socket"].map(|name| {
        let text = change(shipped::text(&format!("systemd/{name}"))).replace("/usr/local/bin/app", PROGRAM);
        let file = place.join(name);
        fs::write(&file, text).unwrap();
        file
    })
}

#[test]
fn the_units_pass_systemds_own_check_and_expose_little() {
    let place = Scratch::new("units");
    let verify =
        |units: &[PathBuf]| printed(tool("systemd-analyze").args(["verify", "--man=no"]).args(units));
    let said = verify(&units(&place, |text| text)).unwrap();
    assert!(!said.contains("/app."), "{said}");
    // It is a check that finds something.
    let said = verify(&units(&place, |text| text.replace("WatchdogSec=", "WatchdogSecs=")));
    assert!(said.as_ref().map_or_else(Clone::clone, Clone::clone).contains("WatchdogSecs"), "{said:?}");

    let [service, _] = units(&place, |text| text);
    let mut security = tool("systemd-analyze");
    // An exposure of 2.0, where 10 is a service that is held back by nothing.
    security.args(["security", "--no-pager", "--offline=true", "--threshold=20"]).arg(service);
    printed(&mut security).unwrap();
}

/// The service as its unit has it, on sockets that systemd's tool opened.
struct Activated {
    running: Running,
    address: String,
    socket: PathBuf,
    manager: UnixDatagram,
    // Last: the service ends before it goes.
    place: Scratch,
}

impl Activated {
    fn start(server: &str) -> Self {
        let place = Scratch::new(server);
        let (address, socket) = (format!("127.0.0.1:{}", free_port()), place.join("app.sock"));
        let notify = place.join("notify");
        let manager = UnixDatagram::bind(&notify).unwrap();
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = tool("systemd-socket-activate");
        for listen in shipped::values(&shipped::text("systemd/app.socket"), "ListenStream") {
            let here = listen.replace("127.0.0.1:8000", &address);
            command.arg("--listen").arg(here.replace("/run/app.sock", socket.to_str().unwrap()));
        }
        command.arg(format!("--setenv=NOTIFY_SOCKET={}", notify.display()));
        // Half of it is the period of the signs of life.
        command.arg("--setenv=WATCHDOG_USEC=200000");
        command.args(words("ExecStart", &place)).args(["--server", server]);
        let mut running = Running::start(command, &place.join("app.log"));
        running.log.said("Listening on");
        Self { running, address, socket, manager, place }
    }

    /// Waits for a message that holds this line; gives all of it.
    fn told(&self, line: &str) -> String {
        let mut seen = Vec::new();
        loop {
            let mut bytes = [0; 4096];
            let length = self.manager.recv(&mut bytes).unwrap_or_else(|_| panic!("no {line} after {seen:?}"));
            let message = String::from_utf8(bytes[..length].to_vec()).unwrap();
            if message.lines().any(|found| found.starts_with(line)) {
                return message;
            }
            seen.push(message);
        }
    }
}

/// The words of a command of the service's unit, with this machine's paths.
fn words(key: &str, place: &Path) -> Vec<String> {
    let unit = shipped::text("systemd/app.service");
    let line = shipped::values(&unit, key).remove(0);
    let line = line.replace("/usr/local/bin/app", PROGRAM).replace("/run/app", place.to_str().unwrap());
    line.replace("--workers 4", "--workers 2").split(' ').map(str::to_owned).collect()
}

#[test]
fn the_service_is_started_by_a_connection_and_tells_its_manager_all_it_does() {
    for server in SERVERS {
        let mut app = Activated::start(server);
        let (address, socket) = (app.address.clone(), app.socket.clone());
        // The first connection starts it, and waits in systemd's queue for its answer.
        let first: u32 = ask(&address, "/").parse().unwrap();
        assert!(app.told("READY=1").contains("STATUS="));
        let master = app.running.pid();
        let before = children_of(master);
        assert!(before.contains(&first), "it has the number of what systemd started");
        assert!(before.contains(&ask_unix(&socket, "/").parse().unwrap()));
        app.told("WATCHDOG=1");

        // As `systemctl reload` does it.
        let reload = words("ExecReload", &app.place);
        printed(Command::new(&reload[0]).args(&reload[1..])).unwrap();
        let reloading = app.told("RELOADING=1");
        let began = shipped::values(&reloading, "MONOTONIC_USEC").remove(0);
        assert!(began.parse::<u64>().unwrap() > 0, "{reloading}");
        app.told("READY=1");
        answered_by_others(&before, || ask(&address, "/"));
        answered_by_others(&before, || ask_unix(&socket, "/"));

        app.running.signal(Signal::USR2);
        app.running.log.said("Upgraded: 2 workers ready");
        ask(&address, "/");
        app.told("WATCHDOG=1");

        app.running.signal(Signal::TERM);
        app.told("STOPPING=1");
        assert_eq!(app.running.ended().code(), Some(0));
        assert!(app.socket.exists(), "the socket's file is systemd's");
    }
}
