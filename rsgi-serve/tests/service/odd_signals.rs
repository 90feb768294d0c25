//! Signals that mean little, come early, or go to the wrong process.

use std::process::Command;

use crate::clients::Kept;
use crate::driving::{SERVERS, Service, command, signal, state, until, workers_of};
use crate::gate::Gate;

#[test]
fn a_resized_terminal_and_signals_without_a_meaning_change_nothing() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1"]);
        let workers = workers_of(service.pid());
        for name in ["PIPE", "ALRM", "VTALRM", "PROF", "IO", "PWR", "WINCH"] {
            service.signal(name);
        }
        service.said("Ignoring signal: winch");
        service.get("/");
        assert_eq!(workers_of(service.pid()), workers);
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn in_the_background_winch_sends_the_workers_away_until_a_reload() {
    for server in SERVERS {
        let gate = Gate::new(&format!("winch-{server}"));
        let pidfile = gate.place.join("pid");
        let mut service =
            Service::start(server, &["-w", "2", "--daemon", "-R", "-p", pidfile.to_str().unwrap()]);
        assert_eq!(service.code(), Some(0), "the command returns");
        service.said("2 workers ready");
        let daemon = Daemon(std::fs::read_to_string(&pidfile).unwrap().trim().parse().unwrap());
        let before = workers_of(daemon.0);
        assert_eq!(before.len(), 2);
        signal(daemon.0, "WINCH");
        service.said("The workers leave and the master stays");
        service.said("Worker exiting");
        service.said("Worker exiting");
        assert!(workers_of(daemon.0).is_empty());
        let waiting = service.ask_aside("/");
        signal(daemon.0, "HUP");
        service.said("Reloaded: 2 workers ready");
        let after = workers_of(daemon.0);
        assert!(after.len() == 2 && after.iter().all(|worker| !before.contains(worker)));
        assert!(after.contains(&waiting.join().unwrap().unwrap().parse().unwrap()));
        signal(daemon.0, "TERM");
        service.silence();
        assert!(!pidfile.exists());
    }
}

/// A master that is not the child of this process.
struct Daemon(u32);

impl Drop for Daemon {
    fn drop(&mut self) {
        if state(self.0).is_some_and(|state| state != 'Z') {
            let workers = workers_of(self.0);
            for pid in std::iter::once(self.0).chain(workers) {
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            }
        }
    }
}

#[test]
fn a_worker_obeys_who_signals_it_and_is_replaced() {
    for server in SERVERS {
        let gate = Gate::new(&format!("direct-{server}"));
        let access = gate.place.join("access");
        let arguments = ["-w", "1", "-e", &gate.variable(), "--access-logfile", access.to_str().unwrap()];
        let mut service = Service::ready(server, &arguments);
        let mut kept = Kept::open(service.address()).unwrap();
        let worker: u32 = kept.ask("/").unwrap().body.parse().unwrap();
        for name in ["TTIN", "TTOU", "HUP", "USR2", "WINCH"] {
            signal(worker, name);
        }
        std::fs::rename(&access, gate.place.join("old")).unwrap();
        signal(worker, "USR1");
        until("opened again", || access.exists());
        assert_eq!(kept.ask("/").unwrap().body, worker.to_string(), "none of them harms it");
        until("written", || std::fs::read_to_string(&access).unwrap().contains("GET / "));

        let mut idle = Kept::open(service.address()).unwrap();
        idle.ask("/").unwrap();
        kept.send("/gate").unwrap();
        service.said("waiting at the gate");
        signal(worker, "TERM");
        idle.ended();
        gate.pass(1);
        let last = kept.answer().unwrap();
        assert_eq!((last.body, last.closes), (worker.to_string(), true), "it finishes");
        service.said(&format!("Worker (pid:{worker}) exited with code 0."));

        let worker: u32 = service.get("/").parse().unwrap();
        let cut = service.ask_aside("/gate");
        service.said("waiting at the gate");
        signal(worker, "QUIT");
        service.said("hook: worker 0 is interrupted");
        service.said(&format!("Worker (pid:{worker}) exited with code 0."));
        assert!(cut.join().unwrap().is_err(), "it finishes nothing");
        service.get("/");
    }
}

#[test]
fn signals_before_the_first_worker_is_ready_are_neither_lost_nor_deadly() {
    for server in SERVERS {
        let gate = Gate::new(&format!("early-{server}"));
        let settings = gate.place.join("settings.toml");
        std::fs::write(&settings, format!("[app]\nboots_behind = {:?}\n", gate.path())).unwrap();
        let settings = settings.to_str().unwrap();
        let mut service = Service::start(server, &["-w", "1", "-c", settings]);
        service.said("booting behind the gate");
        for (name, said) in [
            ("USR1", "Handling signal: usr1"),
            ("USR2", "Upgrade refused"),
            ("WINCH", "Ignoring signal: winch"),
            ("TTIN", "1 -> 2 workers"),
            ("HUP", "A reload is remembered"),
        ] {
            service.signal(name);
            service.said(said);
        }
        gate.pass(2);
        service.said("2 workers ready");
        service.said("Hang up: Master");
        gate.pass(1);
        service.said("Reloaded: 1 worker ready");
        service.get("/");

        let mut service = Service::start(server, &["-w", "1", "-c", settings]);
        service.said("booting behind the gate");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0), "a stop that was asked for");
    }
}

#[test]
fn a_signal_in_the_first_moment_is_obeyed() {
    for server in SERVERS {
        let mut service = Service::start(server, &["-w", "1"]);
        service.said("Starting ");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn what_the_app_starts_has_no_signal_held_back_or_ignored() {
    for server in SERVERS {
        let mut service = Service::of(&mut command(server, &["-w", "1"]));
        service.said(" ready in ");
        let answer = service.ask_aside("/child");
        let line = service.said("the child is ");
        let child: u32 = line.rsplit(' ').next().unwrap().parse().unwrap();
        let mut status = String::new();
        until("it is another program", || {
            status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap();
            status.contains("Name:\tsleep")
        });
        for field in ["SigBlk:", "SigIgn:", "SigCgt:"] {
            let bits = status.lines().find_map(|line| line.strip_prefix(field)).unwrap().trim();
            // The upper half are the real-time signals, of which the C library keeps some; they are left as they were.
            let bits = u64::from_str_radix(bits, 16).unwrap() & 0x7fff_ffff;
            assert_eq!(bits, 0, "{status}");
        }
        signal(child, "TERM");
        assert_eq!(answer.join().unwrap().unwrap(), "signal: 15 (SIGTERM)");
    }
}
