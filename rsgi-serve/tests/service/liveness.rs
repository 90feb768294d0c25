//! Workers that hang, and those that only look as if they did.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::driving::{SERVERS, Service, command, for_both, scratch, signal, workers_of};
use crate::kernel::{fifo, pass, processor_time, state};
use crate::watched::until;

#[test]
fn a_stuck_worker_is_asked_to_end_and_replaced_and_the_log_says_what_it_did() {
    // An app that blocks where it must not holds one reactor: that others are free doesn't count.
    let cases = [
        ("std", "1", "/spin"),
        ("std", "1", "/async/spin"),
        ("hyper", "1", "/async/spin"),
        ("hyper", "2", "/async/spin"),
    ];
    std::thread::scope(|scope| {
        for (server, threads, path) in cases {
            scope.spawn(move || {
                let mut service =
                    Service::ready(server, &["-w", "1", "--threads", threads, "--timeout", "1"]);
                let worker = workers_of(service.pid())[0];
                let _stuck = service.ask_aside(path);
                service.said("spinning");
                service.said(&format!("WORKER TIMEOUT (pid:{worker}), silent for 1"));
                service.said(&format!("Worker (pid:{worker}) was answering GET {path} of 127.0.0.1:"));
                service.said("hook: worker 0 was silent");
                service.said(&format!("Worker (pid:{worker}) was sent SIGABRT!"));
                service.said("Booting worker with pid");
                assert_ne!(service.get("/"), worker.to_string());
            });
        }
    });
}

#[test]
fn a_stopped_worker_is_killed_and_replaced_and_memory_is_not_blamed() {
    for_both(|server| {
        let mut service = Service::ready(server, &["-w", "2", "--timeout", "1"]);
        let stopped = workers_of(service.pid())[0];
        signal(stopped, "STOP");
        service.said(&format!("WORKER TIMEOUT (pid:{stopped})"));
        let died = service.said(&format!("Worker (pid:{stopped}) was sent SIGKILL!"));
        assert!(!died.contains("memory"), "{died}");
        service.said("Booting worker with pid");
        service.get("/");
    });
}

#[test]
fn with_a_timeout_of_zero_a_stuck_worker_is_left_alone() {
    for_both(|server| {
        let mut service = Service::ready(server, &["-w", "1", "--threads", "1", "--timeout", "0"]);
        let workers = workers_of(service.pid());
        let _stuck = service.ask_aside("/async/spin");
        service.said("spinning");
        // Where the limit is a second, it would be over.
        until("it works for long", || processor_time(workers[0]) > Duration::from_millis(1500));
        assert_eq!(workers_of(service.pid()), workers);
        service.signal("QUIT");
        service.ends_without("WORKER TIMEOUT");
    });
}

#[test]
fn slow_requests_that_hold_no_thread_are_no_silence() {
    for_both(|server| {
        let mut service = Service::ready(server, &["-w", "1", "--threads", "1", "--timeout", "1"]);
        let worker = workers_of(service.pid())[0].to_string();
        let mut slow: Vec<_> = (0..30).map(|_| service.ask_aside("/async/sleep/2500")).collect();
        if server == "hyper" {
            // These hold threads, but none that anybody else waits for.
            slow.extend((0..3).map(|_| service.ask_aside("/sleep/2500")));
        }
        for answer in slow {
            assert_eq!(answer.join().unwrap().unwrap(), worker);
        }
        service.signal("TERM");
        service.ends_without("TIMEOUT");
    });
}

#[test]
fn a_request_over_its_limit_is_told_or_dropped_and_no_other_one() {
    for_both(|server| {
        let mut service = Service::ready(server, &["-w", "1", "--request-timeout", "2"]);
        let worker = workers_of(service.pid())[0].to_string();
        let told = service.answer_aside("/until-told");
        service.said("working");
        let quick = service.ask_aside("/async/sleep/500");
        service.said("REQUEST TIMEOUT: GET /until-told takes longer than 2s");
        service.said("told: TimedOut");
        assert!(told.join().unwrap().unwrap().starts_with("HTTP/1.1 500 "));
        assert_eq!(quick.join().unwrap().unwrap(), worker);
        if server == "hyper" {
            let dropped = service.answer_aside("/async/sleep/60000");
            service.said("REQUEST TIMEOUT: GET /async/sleep/60000");
            assert!(dropped.join().unwrap().unwrap().starts_with("HTTP/1.1 500 "));
        }
        assert_eq!(service.get("/"), worker);
        service.signal("TERM");
        service.ends_without("WORKER");
    });
}

#[test]
fn a_request_that_holds_its_thread_for_twice_its_limit_costs_the_worker() {
    let mut service = Service::ready("std", &["-w", "1", "--request-timeout", "1", "--timeout", "0"]);
    let worker = workers_of(service.pid())[0];
    let _stuck = service.ask_aside("/spin");
    service.said("REQUEST TIMEOUT: GET /spin");
    service.said(&format!("WORKER REQUEST TIMEOUT (pid:{worker})"));
    service.said("was answering GET /spin");
    service.said("Booting worker with pid");
    service.get("/");
}

#[test]
fn a_boot_that_is_slower_than_the_timeout_is_no_silence() {
    for_both(|server| {
        let place = scratch(&format!("slow-{server}"));
        let (pipe, settings) = (place.join("pipe"), place.join("settings.toml"));
        fifo(&pipe);
        fs::write(&settings, format!("[app]\nwaits_for = {:?}\n", pipe.display().to_string())).unwrap();
        let arguments =
            ["-w", "1", "--timeout", "1", "--boot-timeout", "30", "-c", settings.to_str().unwrap()];
        let mut service = Service::start(server, &arguments);
        service.said("waiting");
        pass(Duration::from_millis(2500));
        fs::write(&pipe, "").unwrap();
        service.said("1 worker ready in ");
        service.get("/");
        service.signal("TERM");
        service.ends_without("TIMEOUT");
        fs::remove_dir_all(place).unwrap();
    });
}

#[test]
fn a_boot_beyond_its_limit_is_killed_and_the_next_one_waits() {
    for_both(|server| {
        let place = scratch(&format!("hangs-{server}"));
        let (file, settings) = (place.join("file"), place.join("settings.toml"));
        fs::write(&file, "").unwrap();
        fs::write(&settings, format!("[app]\nwaits_for = {:?}\n", file.display().to_string())).unwrap();
        let arguments = ["-w", "2", "--boot-timeout", "1", "-c", settings.to_str().unwrap()];
        let mut service = Service::ready(server, &arguments);
        let workers = workers_of(service.pid());
        fs::remove_file(&file).unwrap();
        fifo(&file);
        signal(workers[0], "KILL");
        service.said("is not ready after 1 s: killed");
        service.said("Workers die soon after their start: the next one is started in ");
        assert_eq!(service.get("/"), workers[1].to_string(), "the healthy one goes on");
        fs::remove_file(&file).unwrap();
        fs::write(&file, "").unwrap();
        until("two workers are there", || workers_of(service.pid()).len() == 2);
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        fs::remove_dir_all(place).unwrap();
    });
}

#[test]
fn while_the_master_is_stopped_the_workers_serve_and_afterwards_nobody_is_killed() {
    for_both(|server| {
        let mut service = Service::ready(server, &["-w", "2", "--timeout", "1"]);
        let workers = workers_of(service.pid());
        service.signal("STOP");
        until("the master is stopped", || state(service.pid()) == Some('T'));
        service.get("/");
        pass(Duration::from_millis(2500));
        service.get("/");
        service.signal("CONT");
        service.said("The master did not run for ");
        service.signal("TTIN");
        service.said("2 -> 3 workers");
        until("there are three", || workers_of(service.pid()).len() == 3);
        assert!(workers.iter().all(|worker| workers_of(service.pid()).contains(worker)));
        service.signal("TERM");
        service.ends_without("WORKER TIMEOUT");
    });
}

#[test]
fn the_system_clock_may_be_set_by_an_hour_and_nobody_is_killed() {
    let Some(library) = faking_library() else {
        println!("skipped: the program faketime isn't installed");
        return;
    };
    for_both(|server| {
        let place = scratch(&format!("clock-{server}"));
        let clock = place.join("clock");
        fs::write(&clock, "+0").unwrap();
        let mut prepared = command(server, &["-w", "1", "--timeout", "1", "--boot-timeout", "10"]);
        prepared
            .env("LD_PRELOAD", &library)
            .env("FAKETIME_TIMESTAMP_FILE", &clock)
            .env("FAKETIME_NO_CACHE", "1");
        // Only the clock that can be set.
        prepared.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let mut service = Service::of(&mut prepared);
        let mut hour = hour_of(&service.said(" ready in "));
        for (number, (set, difference)) in [("+3600", 1), ("-3600", 22)].into_iter().enumerate() {
            let workers = workers_of(service.pid());
            let slow = service.ask_aside("/async/sleep/2500");
            fs::write(&clock, set).unwrap();
            let answered = slow.join().unwrap().unwrap().parse().unwrap();
            // A second one may be on its way.
            let now = workers_of(service.pid());
            assert!(workers.iter().chain([&answered]).all(|pid| now.contains(pid)), "{workers:?}, {now:?}");
            service.signal("TTIN");
            let said = service.said(&format!("{} -> {} workers", number + 1, number + 2));
            let now = hour_of(&said);
            assert!([difference, (difference + 1) % 24].contains(&((now + 24 - hour) % 24)), "{said}");
            hour = now;
        }
        service.signal("TERM");
        service.ends_without("TIMEOUT");
        fs::remove_dir_all(place).unwrap();
    });
}

/// What `faketime` has programs load.
fn faking_library() -> Option<String> {
    let output = Command::new("faketime").args(["-f", "+0", "env"]).output().ok()?;
    let environment = String::from_utf8(output.stdout).ok()?;
    environment.lines().find_map(|line| line.strip_prefix("LD_PRELOAD=")).map(str::to_owned)
}

/// The hour of a line of the log: `[2026-11-23 10:00:00 +0000] …`.
fn hour_of(line: &str) -> u32 {
    line.split([' ', ':']).nth(1).unwrap().parse().unwrap()
}

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
