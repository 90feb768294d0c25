//! How connections come to several workers: shares, full workers, slow clients, a full queue.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::clients::Kept;
use crate::driving::{PATIENCE, Service, ask, for_both, signal, stop, workers_of};
use crate::watched::Watched;

#[test]
fn of_a_thousand_fresh_connections_each_worker_gets_some() {
    for_both(|server| {
        let service = Service::ready(server, &["-w", "4"]);
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let address = service.address().to_owned();
                thread::spawn(move || (0..250).map(|_| ask(&address, "/").unwrap()).collect::<Vec<_>>())
            })
            .collect();
        let mut shares = BTreeMap::<String, u32>::new();
        for client in clients {
            client.join().unwrap().into_iter().for_each(|worker| *shares.entry(worker).or_default() += 1);
        }
        assert_eq!(shares.len(), 4, "{shares:?}");
        // Whoever of those that wait is woken first gets it: even shares aren't promised, but that nobody gets nearly all.
        assert!(shares.values().all(|share| *share <= 700), "{shares:?}");
    });
}

#[test]
fn a_full_worker_leaves_connections_to_the_others() {
    for_both(|server| {
        let full: &[&str] = match server {
            // Its one thread is held.
            "std" => &["-w", "2", "--threads", "1"],
            // Its one connection is there.
            _ => &["-w", "2", "--worker-connections", "1"],
        };
        let mut service = Service::ready(server, full);
        let mut first = Kept::open(service.address()).unwrap();
        first.send("/sleep/3000").unwrap();
        service.said("sleeping");
        let others: Vec<String> = (0..20).map(|_| service.get("/")).collect();
        let mut second = Kept::open(service.address()).unwrap();
        second.send("/sleep/1000").unwrap();
        service.said("sleeping");
        // Both are full: the system keeps it until one isn't.
        let third = service.ask_aside("/");
        let (by_second, by_first) = (second.answer().unwrap().body, first.answer().unwrap().body);
        assert_ne!(by_first, by_second);
        assert!(others.iter().all(|worker| *worker == by_second), "{others:?} beside {by_first}");
        drop((first, second));
        third.join().unwrap().unwrap();
    });
}

#[test]
fn clients_that_are_slow_with_their_heads_stop_no_quick_one() {
    for_both(|server| {
        let service = Service::ready(server, &["-w", "2", "--threads", "2"]);
        let mut slow: Vec<Kept> = (0..40).map(|_| Kept::open(service.address()).unwrap()).collect();
        for client in &mut slow {
            client.write("GET / HTTP/1.1\r\nhos").unwrap();
        }
        for _ in 0..40 {
            service.get("/");
        }
        for client in &mut slow {
            client.write("t: test\r\n\r\n").unwrap();
            client.answer().unwrap();
        }
    });
}

#[test]
fn behind_a_full_queue_clients_wait_and_the_metrics_show_it() {
    for_both(|server| {
        let watched = Watched::ready(server, "queue", &["-w", "1", "--backlog", "3", "--timeout", "0"]);
        let service = &watched.service;
        let worker = watched.workers()[0];
        stop(worker);
        let address: SocketAddr = service.address().parse().unwrap();
        let mut queued = Vec::new();
        let refused = loop {
            match TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
                Ok(stream) => queued.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut, "nobody is refused");
        // One more than was asked for: `listen(2)` of Linux.
        assert_eq!(queued.len(), 4);
        let late = service.ask_aside("/");
        let listener = format!("{{listener=\"{address}\"}}");
        let metrics = watched.page("/metrics").body;
        for line in
            [format!("rsgi_listen_queue{listener} 4\n"), format!("rsgi_listen_queue_limit{listener} 3\n")]
        {
            assert!(metrics.contains(&line), "{line} in:\n{metrics}");
        }
        signal(worker, "CONT");
        for mut stream in queued {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
            assert!(io::read_to_string(stream).unwrap().starts_with("HTTP/1.1 200 "));
        }
        assert_eq!(late.join().unwrap().unwrap(), worker.to_string());
        assert_eq!(workers_of(service.pid()).len(), 2, "a worker and the status");
    });
}
