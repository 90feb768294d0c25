//! When the system is out of something: processes for the master, descriptors for a worker.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::clients::Kept;
use crate::driving::{Service, command, for_both, workers_of};
use crate::kernel::processor_time;

#[test]
fn a_fork_that_fails_is_said_and_tried_again_and_the_master_lives() {
    for_both(|server| {
        // The limit is no limit to root; and nobody else's processes are to count.
        let other = 61_000 + 2 * (std::process::id() % 1000) + u32::from(server == "hyper");
        let user = rustix::process::geteuid().is_root().then_some(other);
        let mut service = Service::of(&mut run_as(user, &command(server, &["-w", "1"])));
        service.said("1 worker ready in ");
        let master = service.pid();
        let limit_to = |processes: u32| {
            let mut limit = Command::new("prlimit");
            limit.args([format!("--pid={master}"), format!("--nproc={processes}:")]);
            assert!(run_as(user, &limit).status().unwrap().success());
        };
        limit_to(1);
        service.signal("TTIN");
        service.said("Can't fork a worker: Resource temporarily unavailable (os error 11). Retrying in 1 s.");
        service.said("Can't fork a worker: Resource temporarily unavailable (os error 11). Retrying in 2 s.");
        service.get("/");
        limit_to(1000);
        service.said("Booting worker with pid");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    });
}

#[test]
fn a_worker_without_descriptors_pauses_and_serves_what_it_has_and_recovers() {
    for_both(|server| {
        let mut service = Service::ready(server, &["-w", "1"]);
        let worker = workers_of(service.pid())[0];
        let mut kept = Kept::open(service.address()).unwrap();
        // Everything is open that it ever opens: one thread of the app, too.
        kept.ask("/sleep/1").unwrap();
        let open = fs::read_dir(format!("/proc/{worker}/fd")).unwrap().count() as u64;
        let before = limit(worker, Resource::Nofile, open);
        let mut waiting: Vec<Kept> = (0..3).map(|_| Kept::open(service.address()).unwrap()).collect();
        for client in &mut waiting {
            client.send("/").unwrap();
        }
        service.said("Too many open files");
        let began = processor_time(worker);
        kept.ask("/sleep/1000").unwrap();
        let took = processor_time(worker).saturating_sub(began);
        assert!(took < Duration::from_millis(300), "it was busy for {took:?} of a second");
        prlimit(pid(worker), Resource::Nofile, before).unwrap();
        for mut client in waiting {
            assert_eq!(client.answer().unwrap().body, worker.to_string());
        }
    });
}

/// The same program, run by another user.
fn run_as(user: Option<u32>, program: &Command) -> Command {
    let mut prepared = match user {
        Some(user) => {
            let mut other = Command::new("setpriv");
            other.args([format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".to_owned()]);
            other.arg(program.get_program());
            other
        }
        None => Command::new(program.get_program()),
    };
    prepared.args(program.get_args()).stdin(Stdio::null()).stdout(Stdio::null());
    prepared
}

/// Sets a process's limit, and gives it as it was.
fn limit(process: u32, resource: Resource, most: u64) -> Rlimit {
    let new = Rlimit { current: Some(most), maximum: getrlimit(resource).maximum };
    prlimit(pid(process), resource, new).unwrap()
}

fn pid(process: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(process).unwrap())
}
