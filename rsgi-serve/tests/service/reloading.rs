//! HUP: other workers with other settings, and what it does in the middle of something else.

use std::fs;
use std::os::unix::net::UnixStream;

use crate::clients::Kept;
use crate::driving::{SERVERS, Service, bare, until, workers_of};
use crate::gate::Gate;
use crate::load::{Load, Target};

#[test]
fn hup_replaces_all_workers_under_the_same_master_and_loses_nothing() {
    for server in SERVERS {
        let gate = Gate::new(&format!("hup-{server}"));
        let file = gate.settings("[app]\nword = 'old'\n");
        let mut service = Service::ready(server, &["-w", "2", "-c", &file]);
        let before = workers_of(service.pid());
        service.signal("TTIN");
        service.said("2 -> 3 workers");
        let load = Load::begin(&Target::Tcp(service.address().to_owned()), 6);
        load.goes_on(100);
        assert_eq!(service.get("/word"), "old");
        gate.settings("[app]\nword = 'new'\n");
        service.signal("HUP");
        service.said("Hang up: Master");
        service.said("2 workers again, not 3: a reload forgets TTIN and TTOU");
        service.signal("HUP");
        service.said("A reload is remembered");
        service.said("Reloaded: 2 workers ready");
        service.said("Reloaded: 2 workers ready");
        load.goes_on(100);
        load.end().assert_whole();
        until("the old ones are gone", || workers_of(service.pid()).len() == 2);
        let after = workers_of(service.pid());
        assert!(after.iter().all(|worker| !before.contains(worker)), "{before:?} {after:?}");
        assert_eq!(service.get("/word"), "new");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn a_reload_has_never_fewer_ready_than_all_nor_a_batch_more() {
    for server in SERVERS {
        let gate = Gate::new(&format!("batch-{server}"));
        let file = gate.settings("");
        let mut service = Service::ready(server, &["-w", "3", "-c", &file]);
        let before = workers_of(service.pid());
        gate.settings(&format!("[app]\nboots_behind = {:?}\n", gate.path()));
        service.signal("HUP");
        for left in (1..=3).rev() {
            service.said("booting behind the gate in");
            // Those that are ready and the one that boots; who was replaced leaves.
            until("three and one", || workers_of(service.pid()).len() == 4);
            let now = workers_of(service.pid());
            assert_eq!(
                now.iter().filter(|worker| before.contains(worker)).count(),
                left,
                "{before:?} {now:?}"
            );
            service.get("/");
            gate.pass(1);
        }
        service.said("Reloaded: 3 workers ready");
        until("three", || workers_of(service.pid()).len() == 3);
    }
}

#[test]
fn hup_ttin_and_term_in_the_middle_of_a_reload_have_their_turn() {
    for server in SERVERS {
        let gate = Gate::new(&format!("middle-{server}"));
        let file = gate.settings("");
        let mut service = Service::ready(server, &["-w", "2", "-c", &file]);
        gate.settings(&format!("[app]\nboots_behind = {:?}\n", gate.path()));
        service.signal("HUP");
        service.said("booting behind the gate");
        service.signal("TTIN");
        service.said("2 -> 3 workers");
        service.signal("HUP");
        service.said("A reload is remembered");
        gate.pass(3);
        service.said("Reloaded: 3 workers ready");
        service.said("Hang up: Master");
        service.said("2 workers again, not 3");
        gate.pass(2);
        service.said("Reloaded: 2 workers ready");
        service.get("/");
        service.signal("HUP");
        service.said("booting behind the gate");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        service.silence();
        let reloads = service.heard().iter().filter(|line| line.contains("Reloaded")).count();
        assert_eq!(reloads, 2, "{:#?}", service.heard());
    }
}

#[test]
fn a_reload_whose_app_fails_is_undone_and_the_old_workers_serve() {
    for server in SERVERS {
        let gate = Gate::new(&format!("undone-{server}"));
        let broken = gate.place.join("broken");
        let file = gate.settings(&format!("[app]\nfails_if = {:?}\n", broken.to_str().unwrap()));
        let mut service = Service::ready(server, &["-w", "2", "-c", &file]);
        let before = workers_of(service.pid());
        fs::write(&broken, "").unwrap();
        service.signal("HUP");
        service.said("is there");
        let line = service.said("Reload undone");
        assert!(line.contains("[ERROR]") && line.contains("The old workers stay"), "{line}");
        service.get("/");
        assert_eq!(workers_of(service.pid()), before);
        fs::remove_file(&broken).unwrap();
        service.signal("HUP");
        service.said("Reloaded: 2 workers ready");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn a_reload_with_wrong_settings_is_refused_and_nothing_changes() {
    for server in SERVERS {
        let gate = Gate::new(&format!("refused-{server}"));
        let file = gate.settings("[app]\nword = 'old'\n");
        let mut service = Service::ready(server, &["-w", "1", "-c", &file]);
        let before = workers_of(service.pid());
        for (text, why) in [
            ("[serve]\nwokers = 2\n", "wokers"),
            ("[serve]\ntimeout = 'soon'\n", "timeout"),
            ("[serve\n", "settings.toml"),
            ("[serve]\nbind = '127.0.0.1:1'\nuser = 'nobody-of-this-name'\n", "nobody-of-this-name"),
        ] {
            gate.settings(text);
            service.signal("HUP");
            let line = service.said("Reload refused: ");
            assert!(line.contains("[ERROR]") && line.contains(why), "{line}");
        }
        assert_eq!((workers_of(service.pid()), service.get("/word")), (before, "old".to_owned()));
        gate.settings("[app]\nword = 'new'\n");
        service.signal("HUP");
        service.said("Reloaded: 1 worker ready");
        until("the old one is gone", || workers_of(service.pid()).len() == 1);
        assert_eq!(service.get("/word"), "new");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
    }
}

#[test]
fn a_reload_opens_new_addresses_closes_old_ones_and_keeps_the_others() {
    for server in SERVERS {
        let gate = Gate::new(&format!("rebound-{server}"));
        let (old, new) = (gate.place.join("old"), gate.place.join("new"));
        let binds =
            |path: &std::path::Path| format!("[serve]\nbind = ['127.0.0.1:0', 'unix:{}']\n", path.display());
        let file = gate.settings(&binds(&old));
        let mut command = bare(&["--server", server, "--no-control-socket", "-w", "2", "-c", &file]);
        let mut service = Service::of(command.args(["-e", &gate.variable()]));
        service.said(" ready in ");
        let load = Load::begin(&Target::Tcp(service.address().to_owned()), 4);
        let mut held = Kept::of(UnixStream::connect(&old).unwrap());
        held.send("/gate").unwrap();
        service.said("waiting at the gate");
        gate.settings(&binds(&new));
        service.signal("HUP");
        service.said("Listening at: ");
        service.said("Reloaded: 2 workers ready");
        assert!(Kept::of(UnixStream::connect(&new).unwrap()).ask("/").is_ok());
        gate.pass(1);
        // What was accepted at the old address is answered.
        held.answer().unwrap();
        drop(held);
        until("the old one is closed", || UnixStream::connect(&old).is_err());
        assert!(!old.exists());
        load.goes_on(100);
        load.end().assert_whole();
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        assert!(!new.exists());
    }
}

#[test]
fn a_worker_that_was_replaced_closes_idle_connections_before_it_would_be_killed() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1", "--graceful-timeout", "2"]);
        let mut idle = Kept::open(service.address()).unwrap();
        let worker = idle.ask("/").unwrap().body;
        service.signal("HUP");
        service.said("Reloaded: 1 worker ready");
        idle.ended();
        service.said(&format!("Worker exiting (pid: {worker})"));
        assert!(!service.heard().iter().any(|line| line.contains("has not left")), "{:#?}", service.heard());
    }
}
