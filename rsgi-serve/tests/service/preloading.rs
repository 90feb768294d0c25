//! An app that is made once, before the workers are forked (`--preload-app`), and factories that are async.

use std::fs;

use crate::driving::{SERVERS, Service, command, scratch, until, workers_of};

#[test]
fn an_app_is_made_once_for_all_workers_and_a_reload_does_not_make_it_anew() {
    for server in SERVERS {
        let place = scratch(&format!("preloaded-{server}"));
        let (file, settings) = (place.join("file"), place.join("settings.toml"));
        fs::write(&file, "").unwrap();
        fs::write(&settings, format!("[app]\nwaits_for = {:?}\n", file.display().to_string())).unwrap();
        let arguments = ["-w", "2", "--preload-app", "-c", settings.to_str().unwrap()];
        let mut service = Service::ready(server, &arguments);
        let made = |service: &mut Service| service.heard().iter().filter(|line| *line == "waiting").count();
        assert_eq!(made(&mut service), 1);
        let before = workers_of(service.pid());
        service.signal("HUP");
        service.said("Reloaded: 2 workers ready");
        until("the old workers are gone", || {
            workers_of(service.pid()).iter().all(|pid| !before.contains(pid))
        });
        assert_eq!(made(&mut service), 1);
        let answered: u32 = service.get("/").parse().unwrap();
        assert!(!before.contains(&answered));
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn an_async_factory_runs_in_each_worker_and_not_before_the_fork() {
    for server in SERVERS {
        let mut service = Service::of(command(server, &["-w", "2"]).env("TROUBLE_LATER", "1"));
        service.said("2 workers ready");
        service.get("/");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        let mut refused =
            Service::of(command(server, &["-w", "2", "--preload-app"]).env("TROUBLE_LATER", "1"));
        let (code, said) = refused.ended();
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("its factory is async, and preload_app"), "{said}");
    }
}
