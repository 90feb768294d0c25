//! Workers that die, hang or lose their master.

use crate::driving::{SERVERS, Service, ask, signal, workers_of};

#[test]
fn a_killed_worker_is_replaced_and_the_log_says_by_what() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        let victim = workers_of(service.pid())[0];
        signal(victim, "KILL");
        service.said(&format!("Worker (pid:{victim}) was sent SIGKILL! Perhaps out of memory?"));
        service.said("Booting worker with pid");
        service.get("/");
    }
}

#[test]
fn what_a_worker_was_doing_when_it_aborted_is_said() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1"]);
        let _lost = service.ask_aside("/abort");
        service.said("SIGABRT");
        service.said("/abort");
        service.said("Booting worker with pid");
    }
}

#[test]
fn a_silent_worker_is_replaced() {
    let mut service = Service::ready("std", &["-w", "1", "--threads", "1", "--timeout", "1"]);
    let _stuck = service.ask_aside("/spin");
    service.said("spinning");
    service.said("WORKER TIMEOUT");
    service.said("hook: worker 0 was silent");
    service.said("Booting worker with pid");
    service.get("/");
}

#[test]
fn workers_leave_when_their_master_was_killed() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        service.signal("KILL");
        service.said("Parent changed, shutting down: Worker");
        service.said("Parent changed, shutting down: Worker");
        // The log's pipe ends with the last of them.
        service.silence();
        assert!(ask(service.address(), "/").is_err());
    }
}
