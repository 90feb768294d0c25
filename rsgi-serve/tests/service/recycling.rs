//! Workers that are replaced though they serve well, and those that die again and again.

use std::fs;

use crate::driving::{SERVERS, Service, for_both, scratch, signal, workers_of};
use crate::load::{Load, Target};
use crate::watched::until;

#[test]
fn workers_are_replaced_after_their_requests_and_nothing_is_lost() {
    for server in SERVERS {
        let mut service =
            Service::ready(server, &["-w", "2", "--max-requests", "300", "--max-requests-jitter", "100"]);
        let load = Load::begin(&Target::Tcp(service.address().to_owned()), 6);
        for replaced in 1..=6 {
            let said = service.said("Autorestarting worker after current request. (pid:");
            let requests = said.rsplit_once(", ").unwrap().1.strip_suffix(" requests)").unwrap();
            // Some more come until the master has looked.
            assert!((300..=400 + 200).contains(&requests.parse::<u64>().unwrap()), "{said}");
            // Its replacement came first.
            let booted =
                service.heard().iter().filter(|line| line.contains("Booting worker with pid")).count();
            assert!(booted >= 2 + replaced, "{booted} were started, {replaced} left");
        }
        load.goes_on(50);
        let tally = load.end();
        tally.assert_whole();
        assert!(tally.by_worker.len() >= 6, "{tally}");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn a_worker_over_its_memory_is_replaced_after_its_request() {
    for_both(|server| {
        let mut service = Service::ready(server, &["-w", "1", "--max-worker-memory", "200M"]);
        let worker = workers_of(service.pid())[0];
        assert_eq!(service.get("/grow/1"), worker.to_string());
        assert_eq!(service.get("/grow/250"), worker.to_string(), "answered by the one that grows");
        service.said("Booting worker with pid");
        let said = service.said("Autorestarting worker after current request.");
        assert!(said.contains(&format!("(pid:{worker}, ")) && said.contains(" MiB)"), "{said}");
        service.said(&format!("Worker exiting (pid: {worker})"));
        assert_ne!(service.get("/"), worker.to_string());
    });
}

#[test]
fn an_old_worker_is_replaced_and_its_request_is_finished() {
    for_both(|server| {
        let mut service = Service::ready(server, &["-w", "1", "--max-worker-age", "1"]);
        let worker = workers_of(service.pid())[0];
        let running = service.ask_aside("/sleep/2500");
        service.said("Booting worker with pid");
        let said = service.said("Autorestarting worker after current request.");
        assert!(said.contains(&format!("(pid:{worker}, ")) && said.contains(" s old)"), "{said}");
        assert_eq!(running.join().unwrap().unwrap(), worker.to_string());
    });
}

#[test]
fn a_crash_loop_slows_down_leaves_the_healthy_alone_and_ends_when_cured() {
    for_both(|server| {
        let place = scratch(&format!("loop-{server}"));
        let (broken, settings) = (place.join("broken"), place.join("settings.toml"));
        fs::write(&settings, format!("[app]\nfails_if = {:?}\n", broken.display().to_string())).unwrap();
        let mut service = Service::ready(server, &["-w", "2", "-c", settings.to_str().unwrap()]);
        let workers = workers_of(service.pid());
        fs::write(&broken, "").unwrap();
        signal(workers[0], "KILL");
        // At once, after one second, after two.
        for wait in ["1 s", "2 s"] {
            service.said("exited with code 4.");
            service.said(&format!("the next one is started in {wait}"));
            assert_eq!(service.get("/"), workers[1].to_string());
        }
        fs::remove_file(&broken).unwrap();
        service.said("Booting worker with pid");
        until("both serve", || service.get("/") != workers[1].to_string());
        assert!(workers_of(service.pid()).contains(&workers[1]), "the healthy one was let be");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        fs::remove_dir_all(place).unwrap();
    });
}
