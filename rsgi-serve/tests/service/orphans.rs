//! Processes without their parents: workers whose master was killed, and what the app leaves behind where the master is process 1.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::driving::{Service, ask, command, for_both, signal, workers_of};
use crate::kernel::program_of;
use crate::watched::until;

#[test]
fn workers_whose_master_was_killed_finish_their_requests_and_free_the_port() {
    for_both(|server| {
        let mut service = Service::ready(server, &["-w", "2"]);
        let running = service.ask_aside("/sleep/700");
        service.said("sleeping");
        service.signal("KILL");
        service.said("Parent changed, shutting down: Worker");
        service.said("Parent changed, shutting down: Worker");
        assert!(running.join().unwrap().is_ok());
        // The log's pipe ends with the last of them.
        service.silence();
        assert!(ask(service.address(), "/").is_err());
        TcpListener::bind(service.address()).unwrap();
    });
}

#[test]
fn orphans_of_the_app_are_reaped_by_a_master_that_is_process_1() {
    let allowed = Command::new("unshare").args(["--pid", "--fork", "true"]).stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        println!("skipped: no namespace of processes can be made here");
        return;
    }
    for_both(|server| {
        let plain = command(server, &["-w", "2"]);
        let mut prepared = Command::new("unshare");
        prepared.args(["--pid", "--fork", "--kill-child"]).arg(plain.get_program()).args(plain.get_args());
        prepared.stdin(Stdio::null()).stdout(Stdio::null());
        let mut service = Service::of(&mut prepared);
        let ready = service.said(" ready in ");
        assert!(ready.contains(" [1] "), "{ready}");
        let master = workers_of(service.pid())[0];
        let workers = workers_of(master);
        service.get("/orphan");
        let orphan = || workers_of(master).into_iter().find(|child| program_of(*child) == "sleep");
        until("process 1 has the orphan", || orphan().is_some());
        let orphan = orphan().unwrap();
        signal(orphan, "KILL");
        until("the orphan is reaped", || workers_of(master) == workers);
        // As from outside of a container.
        signal(master, "TERM");
        let (code, said) = service.ended();
        assert_eq!(code, Some(0));
        assert!(!said.contains("SIGKILL"), "it is no worker: {said}");
    });
}
