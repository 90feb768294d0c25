//! What the service manager is told, and what it keeps: READY, RELOADING, STOPPING, MAINPID, WATCHDOG and the descriptor store.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::driving::{SERVERS, Service, signal, until, workers_of};
use crate::notices::{Manager, texts};

#[test]
fn the_manager_hears_of_readiness_once_of_each_change_and_of_the_stop() {
    for server in SERVERS {
        let manager = Manager::new(&format!("notify-{server}"));
        let settings = manager.place.join("settings.toml");
        let broken = manager.place.join("broken");
        std::fs::write(&settings, format!("[app]\nfails_if = {broken:?}\n")).unwrap();
        let mut arguments = arguments(server, "2");
        arguments.extend(["-c", settings.to_str().unwrap()]);
        let mut service = Service::of(&mut manager.command(":", &arguments));
        service.said("Booting worker");
        assert_eq!(texts(&manager.hear_until("READY=1")), ["READY=1"]);
        service.said("2 workers ready");
        service.get("/");
        assert_eq!(service.get("/env/NOTIFY_SOCKET"), "none");

        let before = microseconds();
        service.signal("HUP");
        let words = manager.hear_until("READY=1");
        assert_eq!(texts(&words), ["RELOADING=1", "READY=1"]);
        let time = words[0].text.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
        assert!((before..=microseconds()).contains(&time.parse().unwrap()), "{time}");
        service.said("Reloaded: 2 workers ready");

        // One that is undone is over, too.
        std::fs::write(&broken, "").unwrap();
        service.signal("HUP");
        assert_eq!(texts(&manager.hear_until("READY=1")), ["RELOADING=1", "READY=1"]);
        std::fs::remove_file(&broken).unwrap();

        service.signal("USR2");
        let main = format!("MAINPID={}", service.pid());
        assert_eq!(texts(&manager.hear_until("READY=1")), ["RELOADING=1", &main, "READY=1"]);
        assert_eq!(service.get("/env/NOTIFY_SOCKET"), "none");
        service.signal("TERM");
        assert_eq!(texts(&manager.hear_until("STOPPING=1")), ["STOPPING=1"]);
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn a_process_without_workers_tells_the_same() {
    for server in SERVERS {
        let manager = Manager::new(&format!("notify-alone-{server}"));
        let first = "export WATCHDOG_PID=$$ WATCHDOG_USEC=200000";
        let mut service = Service::of(&mut manager.command(first, &arguments(server, "0")));
        assert_eq!(texts(&manager.hear_until("READY=1")), ["READY=1"]);
        manager.hear_until("WATCHDOG=1");
        manager.hear_until("WATCHDOG=1");
        service.signal("TERM");
        manager.hear_until("STOPPING=1");
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn signs_of_life_come_at_half_the_period_and_only_for_whom_they_are_wanted() {
    for server in SERVERS {
        let manager = Manager::new(&format!("watchdog-{server}"));
        let first = "export WATCHDOG_PID=$$ WATCHDOG_USEC=400000";
        let mut service = Service::of(&mut manager.command(first, &arguments(server, "1")));
        manager.hear_until("READY=1");
        manager.hear_until("WATCHDOG=1");
        let began = Instant::now();
        for _ in 0..6 {
            manager.hear_until("WATCHDOG=1");
        }
        // Six times 200 ms; ten times as much is a machine that is busy.
        let took = began.elapsed();
        assert!((Duration::from_millis(1100)..Duration::from_secs(12)).contains(&took), "{took:?}");
        service.said("1 worker ready");
        assert_eq!(service.get("/env/WATCHDOG_USEC"), "none");
        // The next image goes on with it.
        service.signal("USR2");
        service.said("Upgraded: 1 worker ready");
        manager.hear_until("READY=1");
        manager.hear_until("WATCHDOG=1");
        manager.hear_until("WATCHDOG=1");

        let manager = Manager::new(&format!("watchdog-other-{server}"));
        let first = "export WATCHDOG_PID=1 WATCHDOG_USEC=2000";
        let mut service = Service::of(&mut manager.command(first, &arguments(server, "1")));
        service.said("1 worker ready");
        service.get("/sleep/50");
        service.signal("TERM");
        assert_eq!(texts(&manager.hear_until("STOPPING=1")), ["READY=1", "STOPPING=1"]);
    }
}

#[test]
fn a_second_master_becomes_the_main_process_before_the_first_one_ends() {
    for server in SERVERS {
        let manager = Manager::new(&format!("two-{server}"));
        let pidfile = manager.place.join("pid");
        let mut arguments = arguments(server, "1");
        arguments.extend(["--upgrade-mode", "two-masters", "--pid", pidfile.to_str().unwrap()]);
        let first = "export WATCHDOG_PID=$$ WATCHDOG_USEC=400000";
        let mut service = Service::of(&mut manager.command(first, &arguments));
        service.said("1 worker ready");
        let first = service.pid();
        service.signal("USR2");
        service.said("1 worker ready");
        let worker = |pid: &u32| title(*pid).starts_with("rsgi: worker");
        let second = workers_of(first).into_iter().find(|pid| !worker(pid)).unwrap();
        service.signal("TERM");
        let words = manager.hear_until("MAINPID=");
        assert_eq!(texts(&words).last(), Some(&&*format!("MAINPID={second}")));
        assert!(!texts(&words).contains(&"STOPPING=1"), "the service doesn't stop: {words:?}");
        assert_eq!(service.code(), Some(0));
        until("the pid file is the second one's", || {
            std::fs::read_to_string(&pidfile).is_ok_and(|text| text.trim_end() == second.to_string())
        });
        let words = manager.hear_until("WATCHDOG=1");
        assert!(!texts(&words).contains(&"STOPPING=1"), "{words:?}");
        manager.hear_until("WATCHDOG=1");
        service.get("/");
        signal(second, "TERM");
        manager.hear_until("STOPPING=1");
        service.silence();
    }
}

#[test]
fn listeners_that_the_manager_keeps_refuse_nobody_over_a_crash_and_a_restart() {
    for server in SERVERS {
        let manager = Manager::new(&format!("store-{server}"));
        let socket = manager.place.join("app.sock");
        let unix = format!("unix:{}", socket.display());
        let settings = manager.place.join("settings.toml");
        let write = |binds: &str| std::fs::write(&settings, format!("[serve]\nbind = [{binds}]\n")).unwrap();
        let both = format!("'127.0.0.1:0', '{unix}'");
        write(&both);
        let arguments =
            ["--server", server, "-w", "1", "--no-control-socket", "-c", settings.to_str().unwrap()];
        let mut service = Service::of(&mut manager.command("export FDSTORE=8", &arguments));
        let mut words = manager.hear_until("READY=1");
        words.pop();
        assert_eq!(texts(&words), ["FDSTORE=1"; 2], "before it is ready: {words:?}");
        let mut stored: Vec<_> = words
            .into_iter()
            .map(|mut word| {
                let name = word.text.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap();
                (name.to_owned(), word.descriptors.pop().unwrap())
            })
            .collect();
        stored.sort_by(|one, other| one.0.cmp(&other.0));
        service.said("1 worker ready");
        assert_eq!(service.get("/env/FDSTORE"), "none");
        let address = service.address().to_owned();

        for end in ["KILL", "TERM"] {
            service.signal(end);
            service.silence();
            // Nobody is there; the connections wait all the same.
            let waiting = (TcpStream::connect(&address).unwrap(), UnixStream::connect(&socket).unwrap());
            let file = socket.metadata().unwrap();
            service = Service::of(&mut restarted(&manager, &stored, &arguments));
            service.said(&format!("Listening at: http://{address} "));
            service.said("1 worker ready");
            assert!(answered(waiting.0) && answered(waiting.1));
            assert_eq!(socket.metadata().unwrap().ino(), file.ino(), "it is the same file");
            manager.hear_until("READY=1");
        }

        // What a reload closes is given back.
        write("'127.0.0.1:0'");
        service.signal("HUP");
        let words = manager.hear_until("READY=1");
        let forgotten = words.iter().find(|word| word.text.starts_with("FDSTOREREMOVE=1")).unwrap();
        assert!(forgotten.text.ends_with(&format!("FDNAME={}", stored[1].0)), "{words:?}");
        service.said("Reloaded");
        until("its file is gone", || !socket.exists());
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));

        // What comes back though nobody wants it is given back, too.
        let mut service = Service::of(&mut restarted(&manager, &stored, &arguments));
        service.said("1 worker ready");
        let words = manager.hear_until("READY=1");
        assert!(words.iter().any(|word| word.text.starts_with("FDSTOREREMOVE=1")), "{words:?}");
        drop(stored);
        until("nobody listens there", || UnixStream::connect(&socket).is_err());
    }
}

/// The program, given two stored descriptors as systemd does.
fn restarted(manager: &Manager, stored: &[(String, OwnedFd)], arguments: &[&str]) -> Command {
    let first = "exec 3<&0 4<&1 </dev/null >/dev/null; export FDSTORE=8 LISTEN_PID=$$ LISTEN_FDS=2";
    let mut command = manager.command(first, arguments);
    command.env("LISTEN_FDNAMES", [&*stored[0].0, &*stored[1].0].join(":"));
    command.stdin(stored[0].1.try_clone().unwrap()).stdout(stored[1].1.try_clone().unwrap());
    command
}

/// Whether a connection that has waited is answered.
fn answered(mut stream: impl Read + Write) -> bool {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.starts_with("HTTP/1.1 200 ")
}

fn arguments<'a>(server: &'a str, workers: &'a str) -> Vec<&'a str> {
    vec!["--server", server, "-w", workers, "-b", "127.0.0.1:0", "--no-control-socket"]
}

fn title(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).into_owned()
}

/// Of the clock that systemd compares with its own.
fn microseconds() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}
