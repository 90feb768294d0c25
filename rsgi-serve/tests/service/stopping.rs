//! How a service ends: TERM lets everybody finish, INT and QUIT nobody.

use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::clients::Kept;
use crate::driving::{PATIENCE, SERVERS, Service, command, signal, stop, until, workers_of};
use crate::gate::Gate;
use crate::kernel::queued_at;
use crate::load::{Load, Loss, Lost, Target};

#[test]
fn term_ends_an_idle_service_with_code_0_and_leaves_nothing() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        let workers = workers_of(service.pid());
        let mut idle = Kept::open(service.address()).unwrap();
        assert!(!idle.ask("/").unwrap().closes);
        let fresh = Kept::open(service.address()).unwrap();
        let began = Instant::now();
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        assert!(began.elapsed() < PATIENCE / 2, "idle connections don't hold it up");
        for pid in workers {
            assert!(!Path::new(&format!("/proc/{pid}")).exists());
        }
        assert!(TcpStream::connect(service.address()).is_err());
        idle.ended();
        fresh.ended();
        service.silence();
        let exits = service.heard().iter().filter(|line| line.contains("Worker exiting")).count();
        assert_eq!(exits, 2, "{:#?}", service.heard());
    }
}

#[test]
fn after_term_new_connections_are_refused_and_the_old_ones_finish() {
    for server in SERVERS {
        let gate = Gate::new(&format!("finish-{server}"));
        let mut service = Service::ready(server, &["-w", "2", "-e", &gate.variable()]);
        let mut kept = Kept::open(service.address()).unwrap();
        let worker = kept.ask("/").unwrap().body;
        kept.send("/gate").unwrap();
        service.said("waiting at the gate");
        service.signal("TERM");
        until("refused", || TcpStream::connect(service.address()).is_err());
        // Twice is once.
        service.signal("TERM");
        service.said("Handling signal: term");
        service.said("Handling signal: term");
        gate.pass(1);
        let last = kept.answer().unwrap();
        assert_eq!((last.body, last.closes), (worker, true));
        assert_eq!(service.code(), Some(0));
        kept.ended();
    }
}

#[test]
fn what_the_kernel_had_queued_at_term_is_served() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1"]);
        let worker = workers_of(service.pid())[0];
        stop(worker);
        let queued: Vec<_> = (0..20)
            .map(|_| {
                let mut kept = Kept::open(service.address()).unwrap();
                kept.send("/").unwrap();
                kept
            })
            .collect();
        service.signal("TERM");
        service.said("Shutting down: Master");
        signal(worker, "CONT");
        for mut kept in queued {
            assert_eq!(kept.answer().unwrap().body, worker.to_string());
            kept.ended();
        }
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn a_connection_that_was_just_accepted_may_still_ask() {
    for server in SERVERS {
        until("clients that ask in time", || ask_once_accepted(server));
    }
}

/// Has clients connect, their server end, and then ask; tells whether they asked within [`HASTE`], as on a machine that is busy with
/// other things they may not.
fn ask_once_accepted(server: &str) -> bool {
    let mut service = Service::ready(server, &["-w", "1"]);
    let worker = workers_of(service.pid())[0];
    let port = service.address().rsplit_once(':').unwrap().1.parse().unwrap();
    stop(worker);
    let mut fresh: Vec<_> = (0..20).map(|_| Kept::open(service.address()).unwrap()).collect();
    service.signal("TERM");
    service.said("Shutting down: Master");
    let resumed = Instant::now();
    signal(worker, "CONT");
    until("all are accepted", || queued_at(port) == 0);
    let sent: Vec<_> = fresh.iter_mut().map(|kept| kept.send("/")).collect();
    let in_time = resumed.elapsed() < HASTE;
    if in_time {
        for (mut kept, sent) in fresh.into_iter().zip(sent) {
            sent.unwrap();
            assert_eq!(kept.answer().unwrap().body, worker.to_string());
            kept.ended();
        }
    }
    assert_eq!(service.code(), Some(0));
    in_time
}

#[test]
fn a_request_over_the_graceful_limit_is_killed_and_named() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1", "--graceful-timeout", "1"]);
        let stuck = service.ask_aside("/spin");
        service.said("spinning");
        service.signal("TERM");
        let killed = service.said("has not left in 1 s: killed");
        assert!(killed.contains("[ERROR]") || killed.contains("[WARNING]"), "{killed}");
        service.said("was answering GET /spin of 127.0.0.1");
        service.said("was sent SIGKILL!");
        assert_eq!(service.code(), Some(0), "a stop that was asked for and done");
        assert!(stuck.join().unwrap().is_err());
    }
}

#[test]
fn under_load_term_loses_no_connection_that_was_accepted() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        let load = Load::begin(&Target::Tcp(service.address().to_owned()), 6);
        load.goes_on(200);
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        let tally = load.end();
        // On a kept connection the end may cross the next request: HTTP has the client ask again, RFC 9112 section 9.3.1. And one that
        // the kernel completes between the last accept and the close of the listener, it resets: of the one that each client may be opening, few.
        let crossed = |lost: &&Lost| lost.kept_by.is_some() && lost.read == 0;
        let reset = |lost: &&Lost| lost.loss == Loss::Reset && lost.read == 0 && lost.kept_by.is_none();
        let lost = tally.lost.iter().filter(|lost| lost.loss != Loss::Refused && !crossed(lost));
        let (resets, others): (Vec<_>, Vec<_>) = lost.partition(reset);
        assert!(others.is_empty() && resets.len() <= RESETS, "{tally}");
    }
}

#[test]
fn int_and_quit_end_at_once_even_with_a_stuck_request() {
    for server in SERVERS {
        for name in ["INT", "QUIT"] {
            let mut service = Service::ready(server, &["-w", "1"]);
            let stuck = service.ask_aside("/spin");
            service.said("spinning");
            let began = Instant::now();
            service.signal(name);
            assert_eq!(service.code(), Some(0));
            assert!(began.elapsed() < PATIENCE);
            service.said("hook: the end");
            assert!(stuck.join().unwrap().is_err());
        }
    }
}

#[test]
fn int_after_term_makes_it_quick() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1"]);
        let _stuck = service.ask_aside("/spin");
        service.said("spinning");
        service.signal("TERM");
        service.said("Shutting down: Master");
        service.signal("INT");
        service.said("Quick shutdown requested");
        assert_eq!(service.code(), Some(0));
    }
}

/// As a terminal does it: every process of the group gets it.
#[test]
fn int_for_the_whole_group_ends_everybody_once_and_without_a_fuss() {
    for server in SERVERS {
        let mut starting = command(server, &["-w", "3"]);
        starting.process_group(0);
        let mut service = Service::of(&mut starting);
        service.said("3 workers ready");
        let group = Pid::from_raw(i32::try_from(service.pid()).unwrap()).unwrap();
        kill_process_group(group, Signal::INT).unwrap();
        assert_eq!(service.code(), Some(0));
        service.silence();
        let count = |text: &str, heard: &[String]| heard.iter().filter(|line| line.contains(text)).count();
        let heard = service.heard();
        for (text, times) in [
            ("Handling signal: int", 1),
            ("is interrupted", 3),
            ("Worker exiting", 3),
            ("Booting worker", 3),
            ("hook: the end", 1),
            ("panicked", 0),
            ("WARN", 0),
            ("ERROR", 0),
        ] {
            assert_eq!(count(text, heard), times, "{text}: {heard:#?}");
        }
    }
}

/// Half the time that a client has for its first request when the server that accepted it ends.
const HASTE: Duration = Duration::from_millis(250);

/// How many of six clients may open a connection in the moment before the listener is closed.
const RESETS: usize = 2;
