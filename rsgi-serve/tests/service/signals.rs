//! What signals change: the number of workers, their generation, and how a service ends.

use crate::driving::{SERVERS, Service, scratch, workers_of};

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
