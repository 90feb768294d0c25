//! The start of a service: what it says, what it binds, and how it fails.

use crate::driving::{SERVERS, Service, ask, scratch, workers_of};

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
fn without_workers_the_process_itself_serves() {
    for server in SERVERS {
        let mut service = Service::start(server, &["-w", "0"]);
        service.said("Using worker");
        assert_eq!(service.patient("/"), service.pid().to_string());
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}
