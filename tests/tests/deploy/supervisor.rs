//! `deploy/supervisor/app.conf` and `fcgi.conf` under a real supervisord.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use rustix::process::Signal;

use crate::{PROGRAM, SERVERS};
use rsgi_tests::driving::{
    Log, Running, Scratch, answered_by_others, ask, children_of, free_port, lives, printed, send, tool, until,
};
use rsgi_tests::shipped;

/// A supervisord with the app.
struct Supervised {
    _daemon: Running,
    address: String,
    log: Log,
    // Last: the daemon ends before it goes.
    place: Scratch,
}

impl Supervised {
    fn start(name: &str, server: &str, more: &str) -> Self {
        Self::start_by(program, name, &format!("--server {server} {more}"))
    }

    /// Starts it by a section that is made of its folder, its address and its arguments.
    fn start_by(section: fn(&Path, &str, &str) -> String, name: &str, arguments: &str) -> Self {
        // The path of a unix socket is short.
        let place = Scratch::new(name);
        let address = format!("127.0.0.1:{}", free_port());
        let app = place.join("app.log");
        fs::write(place.join("app.conf"), section(&place, &address, arguments)).unwrap();
        let settings = SETTINGS.replace("PLACE", place.to_str().unwrap());
        fs::write(place.join("supervisord.conf"), settings).unwrap();
        let mut command = tool("supervisord");
        command.arg("--configuration").arg(place.join("supervisord.conf"));
        let mut daemon = Running::start(command, &place.join("said.log"));
        daemon.log.said("spawned: 'app'");
        Self { _daemon: daemon, address, log: Log::of(&app), place }
    }

    /// What supervisorctl answers; its code says how the program is, too.
    fn control(&self, words: &[&str]) -> String {
        let mut command = tool("supervisorctl");
        command.arg("--configuration").arg(self.place.join("supervisord.conf")).args(words);
        printed(&mut command).unwrap_or_else(|said| said)
    }

    /// Waits for a state, and gives the line that tells it.
    fn is(&self, state: &str) -> String {
        until(state, || Some(self.control(&["status", "app"])).filter(|line| line.contains(state)))
    }

    /// The master, as supervisord has it.
    fn master(&self) -> u32 {
        let said = self.control(&["pid", "app"]);
        said.trim().parse().unwrap_or_else(|_| panic!("{said}"))
    }
}

/// The shipped section with this machine's paths, and shorter times where they only wait.
fn program(place: &Path, address: &str, arguments: &str) -> String {
    let user = printed(tool("id").arg("-un")).unwrap();
    let place = place.to_str().unwrap();
    shipped::adapted(
        "supervisor/app.conf",
        &[
            ("/usr/local/bin/app", &format!("{PROGRAM} {arguments}")),
            ("--workers 4", "--workers 2"),
            ("127.0.0.1:8000", address),
            ("/srv/app", place),
            ("user=app", &format!("user={}", user.trim())),
            ("/var/log/supervisor", place),
            ("startsecs=3", "startsecs=1"),
            ("startretries=3", "startretries=1"),
        ],
    )
}

/// The same of the section for FastCGI.
fn fcgi_program(place: &Path, address: &str, arguments: &str) -> String {
    let user = printed(tool("id").arg("-un")).unwrap();
    let place = place.to_str().unwrap();
    shipped::adapted(
        "supervisor/fcgi.conf",
        &[
            ("/usr/local/bin/app", &format!("{PROGRAM} {arguments}")),
            ("--workers 4", "--workers 2"),
            ("127.0.0.1:9000", address),
            ("/srv/app", place),
            ("user=app", &format!("user={}", user.trim())),
            ("/var/log/supervisor", place),
            ("startsecs=3", "startsecs=1"),
        ],
    )
}

/// Asks by FastCGI for `/`, which the worker answers with its process id.
fn ask_fastcgi(address: &str) -> u32 {
    let pairs = [("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/"), ("SERVER_PROTOCOL", "HTTP/1.1")];
    let sized = |text: &str| u8::try_from(text.len()).unwrap();
    let params: Vec<u8> = pairs
        .iter()
        .flat_map(|(name, value)| [&[sized(name), sized(value)], name.as_bytes(), value.as_bytes()].concat())
        .collect();
    let record = |kind: u8, content: &[u8]| {
        [&[1, kind, 0, 1, 0, u8::try_from(content.len()).unwrap(), 0, 0], content].concat()
    };
    let begin = record(1, &[0, 1, 0, 0, 0, 0, 0, 0]);
    let request = [begin, record(4, &params), record(4, &[]), record(5, &[])].concat();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // Of the answer's records only the digits of the body are a number by themselves.
    let text = String::from_utf8_lossy(&answer);
    let body = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}")).1;
    let digits: String =
        body.chars().skip_while(|it| !it.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{text:?}"))
}

#[test]
fn supervisord_starts_reloads_upgrades_restarts_and_stops_it() {
    for server in SERVERS {
        let mut app = Supervised::start("life", server, "");
        app.log.said("2 workers ready");
        app.is("RUNNING");
        let master = app.master();
        let before = children_of(master);
        assert!(before.contains(&ask(&app.address, "/").parse().unwrap()));

        assert!(app.control(&["signal", "HUP", "app"]).contains("signalled"));
        app.log.said("Reloaded: 2 workers ready");
        answered_by_others(&before, || ask(&app.address, "/"));
        app.control(&["signal", "USR2", "app"]);
        app.log.said("Upgraded: 2 workers ready");
        app.is("RUNNING");
        assert_eq!(app.master(), master);

        // A request that runs is answered before the end.
        let address = app.address.clone();
        let running = std::thread::spawn(move || ask(&address, "/sleep/500"));
        until("request", || (app.log.text().contains("sleeping")).then_some(()));
        assert!(app.control(&["restart", "app"]).contains("started"));
        assert!(running.join().unwrap().parse::<u32>().is_ok());
        app.log.said("2 workers ready");
        app.is("RUNNING");
        assert_ne!(app.master(), master);

        let workers = children_of(app.master());
        assert!(app.control(&["stop", "app"]).contains("stopped"));
        app.log.said("Shutting down: Master");
        assert!(app.control(&["status", "app"]).contains("STOPPED"));
        assert!(!workers.into_iter().any(lives));
        // Not by force, which supervisord would have told.
        assert!(!app.daemon_log().contains("SIGKILL"), "{}", app.daemon_log());
    }
}

#[test]
fn supervisord_gives_fastcgi_its_socket_and_keeps_it_over_a_restart() {
    for server in SERVERS {
        let mut app = Supervised::start_by(fcgi_program, "fcgi", &format!("--server {server}"));
        app.log.said(&format!("Listening at: fastcgi://{}", app.address));
        app.log.said("2 workers ready");
        app.is("RUNNING");
        let before = children_of(app.master());
        assert!(before.contains(&ask_fastcgi(&app.address)));
        for (signal, done) in [("HUP", "Reloaded: 2 workers ready"), ("USR2", "Upgraded: 2 workers ready")] {
            app.control(&["signal", signal, "app"]);
            app.log.said(done);
            ask_fastcgi(&app.address);
        }
        assert!(app.control(&["restart", "app"]).contains("started"));
        // Nobody is refused: the socket is supervisord's.
        ask_fastcgi(&app.address);
        app.log.said("2 workers ready");
        assert!(!app.daemon_log().contains("SIGKILL"), "{}", app.daemon_log());
    }
}

#[test]
fn after_a_crash_it_is_started_again_and_no_worker_stays_behind() {
    for server in SERVERS {
        let mut app = Supervised::start("crash", server, "");
        app.log.said("2 workers ready");
        app.is("RUNNING");
        let master = app.master();

        // The master replaces a worker; supervisord needn't know.
        send(children_of(master)[0], Signal::ABORT);
        app.log.said("SIGABRT");
        app.log.said("Booting worker with pid");
        until("second worker", || (children_of(master).len() == 2).then_some(()));

        let orphans = children_of(master);
        send(master, Signal::KILL);
        app.log.said("2 workers ready");
        assert!(!orphans.into_iter().any(lives), "the port could be bound again, so they were gone");
        app.is("RUNNING");
        assert_ne!(app.master(), master);
        assert!(children_of(app.master()).contains(&ask(&app.address, "/").parse().unwrap()));
    }
}

#[test]
fn a_boot_that_fails_is_fatal_and_the_log_says_why() {
    for server in SERVERS {
        let place = Scratch::new("settings");
        let settings = place.join("settings.toml");
        let broken = place.join("broken");
        fs::write(&broken, "").unwrap();
        fs::write(&settings, format!("[app]\nfails_if = {:?}\n", broken.display().to_string())).unwrap();
        let mut app = Supervised::start("fatal", server, &format!("--config {}", settings.display()));
        app.log.said("broken is there");
        app.is("FATAL");
        assert!(app.daemon_log().contains("exit status 4"), "{}", app.daemon_log());
        fs::remove_file(&broken).unwrap();
        app.control(&["start", "app"]);
        app.is("RUNNING");
        ask(&app.address, "/");
    }
}

impl Supervised {
    fn daemon_log(&self) -> String {
        fs::read_to_string(self.place.join("said.log")).unwrap()
    }
}

/// The supervisord around the section: in the foreground, for this test alone.
const SETTINGS: &str = "\
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=PLACE/supervisord.pid
childlogdir=PLACE

[unix_http_server]
file=PLACE/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://PLACE/supervisor.sock

[include]
files=PLACE/app.conf
";
