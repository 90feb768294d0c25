//! Nothing is lost while the service changes under load.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::driving::{PATIENCE, SERVERS, Service, scratch, signal, until, workers_of};
use crate::load::{Load, Target};

#[test]
fn fifty_reloads_and_twenty_upgrades_lose_nothing() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "2"]);
        let load = Load::begin(&Target::Tcp(service.address().to_owned()), 4);
        change(&mut service, 50, 20);
        load.goes_on(100);
        load.end().assert_whole();
    }
}

#[test]
fn workers_that_are_told_to_go_while_they_boot_lose_nothing() {
    for server in SERVERS {
        let arguments = ["-w", "3", "--max-requests", "50", "--max-requests-jitter", "20"];
        let mut service = Service::ready(server, &arguments);
        let load = Load::begin(&Target::Tcp(service.address().to_owned()), 16);
        for _ in 0..5 {
            // The later signals come while workers of the earlier ones boot: some of those serve before they hear.
            for signal in ["TTIN", "HUP", "TTOU", "TTIN", "TTOU"] {
                service.signal(signal);
                load.goes_on(20);
            }
            service.signal("HUP");
            service.said("Reloaded: ");
        }
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

/// Asks on a connection that stays, and gives the answer's head and body.
fn ask_on(stream: &mut TcpStream) -> (String, String) {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    let mut answer = String::new();
    loop {
        let mut piece = [0; 1024];
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "it ended after {answer:?}");
        answer += str::from_utf8(&piece[..read]).unwrap();
        let Some((head, body)) = answer.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            return (head, body.to_owned());
        }
    }
}

#[test]
fn an_idle_connection_of_a_worker_that_leaves_gets_one_more_answer() {
    for server in SERVERS {
        for (change, done) in [("HUP", "Reloaded: 1 worker ready"), ("USR2", "Upgraded: 1 worker ready")] {
            let mut service = Service::ready(server, &["-w", "1"]);
            let mut kept = TcpStream::connect(service.address()).unwrap();
            kept.set_read_timeout(Some(PATIENCE)).unwrap();
            let (head, old) = ask_on(&mut kept);
            assert!(!head.contains("connection: close"), "{head}");
            service.signal(change);
            service.said(done);
            // It may hear that it is to go a moment later, and answers as ever until then.
            until("the last answer", || {
                let (head, still) = ask_on(&mut kept);
                assert_eq!(still, old);
                head.contains("connection: close")
            });
            assert_eq!(kept.read(&mut [0]).unwrap(), 0, "and then it ends");
            service.said(&format!("Worker exiting (pid: {old})"));
        }
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
