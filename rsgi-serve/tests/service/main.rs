//! The whole launcher, with real processes and signals: the example `trouble` is started, asked, signalled and ended.
//!
//! Each test runs for both servers. Nothing sleeps: a test waits for a line of the log, an answer or an end.
#![allow(clippy::unwrap_used, reason = "all of it is tests")]

mod driving;

use driving::{SERVERS, Service, ask, scratch, workers_of};

#[test]
fn the_talks_log_is_printed_and_all_workers_are_children_of_the_master() {
    for server in SERVERS {
        let mut service = Service::start(server, &["-w", "3"]);
        for line in ["Starting rsgi ", "Listening at: http://127.0.0.1:", &format!("Using worker: {server}")]
        {
            service.said(line);
        }
        service.said("3 workers ready");
        assert_eq!(workers_of(service.pid()).len(), 3);
        let answered: u32 = service.get("/").parse().unwrap();
        assert!(workers_of(service.pid()).contains(&answered));
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        assert!(ask(service.address(), "/").is_err(), "the port is closed");
    }
}

#[test]
fn ttin_adds_a_worker_and_ttou_takes_one_but_never_the_last() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1"]);
        service.signal("TTIN");
        service.said("1 -> 2 workers");
        service.said("Booting worker with pid");
        service.signal("TTOU");
        service.said("2 -> 1 worker");
        service.said("Worker exiting");
        service.signal("TTOU");
        service.said("There is one worker, and it stays");
        service.get("/");
    }
}

#[test]
fn hup_replaces_all_workers_under_the_same_master() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        let before = workers_of(service.pid());
        service.signal("HUP");
        service.said("Reloaded: 2 workers ready");
        service.said("Worker exiting");
        service.said("Worker exiting");
        let after = workers_of(service.pid());
        assert!(after.len() == 2 && after.iter().all(|pid| !before.contains(pid)), "{before:?} {after:?}");
        service.get("/");
    }
}

#[test]
fn a_reload_whose_app_fails_is_undone_and_the_old_workers_serve() {
    for server in SERVERS {
        let place = scratch(&format!("undone-{server}"));
        let (file, settings) = (place.join("broken"), place.join("settings.toml"));
        std::fs::write(&settings, format!("[app]\nfails_if = {:?}\n", file.display().to_string())).unwrap();
        let mut service = Service::ready(server, &["-w", "2", "-c", settings.to_str().unwrap()]);
        let before = workers_of(service.pid());
        std::fs::write(&file, "").unwrap();
        service.signal("HUP");
        service.said("is there");
        service.said("ndone");
        service.get("/");
        assert_eq!(workers_of(service.pid()), before);
        std::fs::remove_file(&file).unwrap();
        service.signal("HUP");
        service.said("Reloaded: 2 workers ready");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_first_start_whose_app_fails_ends_with_code_4_and_says_why() {
    for server in SERVERS {
        let place = scratch(&format!("fails-{server}"));
        let settings = place.join("settings.toml");
        let name = settings.display().to_string();
        std::fs::write(&settings, format!("[app]\nfails_if = {name:?}\n")).unwrap();
        let mut service = Service::start(server, &["-w", "2", "-c", &name]);
        service.said("settings.toml is there");
        assert_eq!(service.code(), Some(4));
        assert_eq!(Service::check(server, &["-c", &name]), Some(4));
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn check_makes_the_app_and_wrong_settings_are_code_1() {
    for server in SERVERS {
        assert_eq!(Service::check(server, &[]), Some(0));
        assert_eq!(Service::check(server, &["--workers", "many"]), Some(1));
    }
}

#[test]
fn term_lets_a_running_request_finish() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1"]);
        let running = service.ask_aside("/sleep/400");
        service.said("sleeping");
        service.signal("TERM");
        assert!(running.join().unwrap().unwrap().parse::<u32>().is_ok());
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn quit_ends_at_once_even_with_a_stuck_request() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1"]);
        let _stuck = service.ask_aside("/spin");
        service.said("spinning");
        service.signal("QUIT");
        assert_eq!(service.code(), Some(0));
        service.said("hook: the end");
    }
}

#[test]
fn a_killed_worker_is_replaced_and_the_log_says_by_what() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        let victim = workers_of(service.pid())[0];
        driving::signal(victim, "KILL");
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
fn usr2_becomes_the_new_binary_under_the_same_number() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        for _ in 0..2 {
            let before = workers_of(service.pid());
            service.signal("USR2");
            service.said("Took over 2 workers");
            service.said("Upgraded: 2 workers ready");
            let answered: u32 = service.get("/").parse().unwrap();
            assert!(!before.contains(&answered), "a new worker answers");
        }
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
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

#[test]
fn without_workers_the_process_itself_serves() {
    for server in SERVERS {
        let mut service = Service::start(server, &["-w", "0"]);
        service.said("Using worker");
        assert_eq!(service.patient("/"), service.pid().to_string());
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}
