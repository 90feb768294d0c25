//! How many workers there are: TTIN and TTOU change it, and whoever dies is replaced.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use crate::clients::Kept;
use crate::driving::{PATIENCE, SERVERS, Service, bare, for_both, signal, state, stop, until, workers_of};
use crate::gate::Gate;

/// A service that can be asked how many workers are ready.
struct Counted {
    service: Service,
    socket: PathBuf,
    gate: Gate,
}

impl Counted {
    fn ready(name: &str, server: &str, workers: &str) -> Self {
        let gate = Gate::new(&format!("{name}-{server}"));
        let socket = gate.place.join("control");
        let mut command = bare(&["--server", server, "--bind", "127.0.0.1:0", "-w", workers]);
        command.args(["-e", &gate.variable()]).arg("--control-socket").arg(&socket);
        let mut service = Service::of(&mut command);
        service.said(" ready in ");
        Self { service, socket, gate }
    }

    /// Waits until so many are ready of so many that are wanted, and nobody else is left.
    fn settles(&self, workers: usize) -> Vec<u32> {
        let line = format!("{workers} of {workers} worker");
        let mut found = Vec::new();
        until(&line, || {
            let mut show = bare(&["show", "--control-socket"]);
            let shown = show.arg(&self.socket).stdout(Stdio::piped()).output().unwrap();
            found = workers_of(self.service.pid());
            String::from_utf8_lossy(&shown.stdout).contains(&line) && found.len() == workers
        });
        assert!(found.iter().all(|worker| state(*worker) != Some('Z')), "no zombies");
        found
    }
}

#[test]
fn ttin_adds_a_worker_and_ttou_takes_one_but_never_the_last() {
    for server in SERVERS {
        let mut counted = Counted::ready("count", server, "1");
        for change in ["1 -> 2 workers", "2 -> 3 workers", "3 -> 4 workers"] {
            counted.service.signal("TTIN");
            counted.service.said(change);
        }
        counted.settles(4);
        for change in ["4 -> 3 workers", "3 -> 2 workers", "2 -> 1 worker"] {
            counted.service.signal("TTOU");
            counted.service.said(change);
        }
        let left = counted.settles(1);
        counted.service.signal("TTOU");
        counted.service.said("There is one worker, and it stays");
        assert_eq!(counted.service.get("/"), left[0].to_string());
    }
}

#[test]
fn a_worker_that_ttou_takes_finishes_its_request() {
    for server in SERVERS {
        let mut counted = Counted::ready("finish", server, "2");
        let first = first_booted(&mut counted.service);
        stop(first);
        let mut kept = Kept::open(counted.service.address()).unwrap();
        let worker = kept.ask("/").unwrap().body;
        assert_ne!(worker, first.to_string(), "only the other one runs");
        kept.send("/gate").unwrap();
        counted.service.said(&format!("waiting at the gate in {worker}"));
        signal(first, "CONT");
        counted.service.signal("TTOU");
        counted.service.said("2 -> 1 worker");
        counted.gate.pass(1);
        // That answer is its last, or the one after it.
        let mut last = kept.answer().unwrap();
        until("the last answer", || {
            assert_eq!(last.body, worker);
            last.closes || {
                last = kept.ask("/").unwrap();
                false
            }
        });
        counted.service.said(&format!("Worker exiting (pid: {worker})"));
        assert_eq!(counted.settles(1), [first]);
    }
}

/// The kernel keeps one of a kind that waits: ten of them are between one and ten.
#[test]
fn a_burst_of_ttin_is_at_least_one_and_the_count_is_stable() {
    for server in SERVERS {
        let mut counted = Counted::ready("burst", server, "1");
        for _ in 0..10 {
            counted.service.signal("TTIN");
        }
        // Read after every TTIN that waits, for its number is higher.
        counted.service.signal("WINCH");
        counted.service.said("Ignoring signal: winch");
        let changes = counted.service.heard().iter().filter(|line| line.contains(" -> ")).count();
        assert!((1..=10).contains(&changes));
        let workers = counted.settles(1 + changes);
        assert_eq!(counted.settles(1 + changes), workers, "they stay");
    }
}

#[test]
fn all_workers_killed_at_once_are_replaced() {
    for server in SERVERS {
        let mut counted = Counted::ready("storm", server, "4");
        let before = workers_of(counted.service.pid());
        for worker in &before {
            signal(*worker, "KILL");
        }
        let mut said: Vec<u32> = Vec::new();
        while said.len() < 4 {
            let line = counted.service.said(" was sent SIGKILL!");
            let (_, pid) = line.split_once("(pid:").unwrap();
            said.push(pid.split(')').next().unwrap().parse().unwrap());
        }
        said.sort_unstable();
        assert_eq!(said, before, "each is told once");
        let after = counted.settles(4);
        assert!(after.iter().all(|worker| !before.contains(worker)), "{before:?} {after:?}");
        counted.service.get("/");
    }
}

#[test]
fn a_killed_worker_is_replaced_and_the_log_says_by_what() {
    for server in SERVERS {
        let mut counted = Counted::ready("killed", server, "2");
        let victim = workers_of(counted.service.pid())[0];
        let began = Instant::now();
        signal(victim, "KILL");
        counted.service.said(&format!("Worker (pid:{victim}) was sent SIGKILL! Perhaps out of memory?"));
        counted.service.said("Booting worker with pid");
        assert!(began.elapsed() < PATIENCE / 2);
        assert!(!counted.settles(2).contains(&victim));
    }
}

#[test]
fn a_worker_whose_app_exits_is_replaced_and_the_log_says_so() {
    for server in SERVERS {
        let mut counted = Counted::ready("exits", server, "1");
        let before = workers_of(counted.service.pid())[0];
        assert!(counted.service.ask_aside("/exit").join().unwrap().is_err());
        let line = counted.service.said(&format!("Worker (pid:{before}) exited with code 0."));
        assert!(line.contains("[WARNING]"), "{line}");
        counted.service.said("was answering GET /exit");
        let after: BTreeSet<_> = counted.settles(1).into_iter().collect();
        assert!(!after.contains(&before));
        counted.service.get("/");
    }
}

/// The worker that TTOU takes last.
fn first_booted(service: &mut Service) -> u32 {
    let line = service.heard().iter().find_map(|line| line.split_once("Booting worker with pid: ")).unwrap();
    line.1.parse().unwrap()
}

#[test]
fn while_connections_wait_a_worker_is_added_up_to_the_most() {
    for_both(|server| {
        let arguments = ["-w", "1", "--max-workers", "2", "--threads", "1", "--timeout", "0"];
        let mut service = Service::ready(server, &arguments);
        let first = workers_of(service.pid());
        let _stuck = service.ask_aside("/async/spin");
        service.said("spinning");
        let waiting = service.ask_aside("/");
        service.said("1 connection waits for a worker");
        service.said("1 -> 2 workers");
        let second: u32 = waiting.join().unwrap().unwrap().parse().unwrap();
        assert!(!first.contains(&second) && workers_of(service.pid()).contains(&second));
    });
}
