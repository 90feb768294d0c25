//! Nothing is lost while the service changes under load.

use crate::driving::{SERVERS, Service, scratch, signal, workers_of};
use crate::load::{Load, Target};

#[test]
fn fifty_reloads_and_twenty_upgrades_lose_nothing() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        let load = Load::begin(&Target::Tcp(service.address().to_owned()), 8);
        change(&mut service, 50, 20);
        load.goes_on(100);
        load.end().assert_whole();
    }
}

#[test]
fn a_unix_socket_is_the_same_file_through_reloads_and_upgrades_and_nothing_is_lost() {
    use std::os::unix::fs::MetadataExt as _;

    for server in SERVERS {
        let place = scratch(&format!("unix-{server}"));
        let socket = place.join("socket");
        let mut service =
            Service::ready(server, &["-w", "2", "--bind", &format!("unix:{}", socket.display())]);
        let file = socket.metadata().unwrap().ino();
        let load = Load::begin(&Target::Unix(socket.clone()), 8);
        change(&mut service, 10, 5);
        load.goes_on(100);
        load.end().assert_whole();
        assert_eq!(socket.metadata().unwrap().ino(), file, "nobody made it anew");
        service.signal("TERM");
        assert_eq!(service.code(), Some(0));
        assert!(!socket.exists(), "who made the file removes it");
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_killed_worker_takes_only_its_own_connections_with_it() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        let load = Load::begin(&Target::Tcp(service.address().to_owned()), 8);
        load.goes_on(100);
        let victim = workers_of(service.pid())[0];
        signal(victim, "KILL");
        service.said(&format!("Worker (pid:{victim}) was sent SIGKILL!"));
        load.goes_on(500);
        let tally = load.end();
        assert!(tally.lost.iter().all(|lost| lost.kept_by.is_none_or(|worker| worker == victim)), "{tally}");
        // Each client has one connection at a time.
        assert!(tally.lost.len() <= 8, "{tally}");
    }
}

/// Reloads so many times, with so many upgrades among them.
fn change(service: &mut Service, reloads: usize, upgrades: usize) {
    for round in 0..reloads {
        service.signal("HUP");
        service.said("Reloaded: 2 workers ready");
        if round < upgrades {
            service.signal("USR2");
            service.said("Upgraded: 2 workers ready");
        }
    }
}
#[test]
fn workers_with_sockets_of_their_own_leave_no_connection_waiting() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2", "--reuse-port"]);
        let load = Load::begin(&Target::Tcp(service.address().to_owned()), 8);
        change(&mut service, 10, 5);
        for _ in 0..3 {
            service.signal("TTOU");
            service.said("2 -> 1 worker");
            load.goes_on(200);
            service.signal("TTIN");
            service.said("1 -> 2 workers");
            load.goes_on(200);
        }
        load.end().assert_whole();
    }
}
