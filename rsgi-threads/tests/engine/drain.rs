//! Graceful and forced ends: what is queued is served, what is idle closed, what is in flight finished or cut.
//!
//! Invariant: see `main.rs`.

use std::net::TcpStream;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rsgi_threads::{Hangup, wait_readable};

use crate::lines::{Answer, Event, Settings};
use crate::server::{Gate, LONG, Server, blocking_at, echo, over_both_pollers};

over_both_pollers! {
    fn idle_connections_are_closed_at_once_and_those_in_flight_finished(config) {
        let gate = Gate::default();
        let mut server = Server::start(&config.threads(2), blocking_at(&gate));
        let mut idle = server.connect();
        assert_eq!(idle.ask("ping"), "ping");
        let mut busy = server.connect();
        busy.send("block");
        gate.await_waiting(1);
        server.handle.graceful(LONG);
        assert!(idle.is_closed());
        server.await_event(&Event::Draining);
        assert!(server.handle.draining());
        gate.open(1);
        assert_eq!(busy.line(), "block");
        assert!(busy.is_closed());
        let report = server.join();
        assert_eq!((report.accepted, report.cut, report.busy_threads), (2, 0, 0));
        assert!(TcpStream::connect(server.addresses[0].ip().unwrap()).is_err());
    }

    fn what_the_kernel_had_queued_is_served(config) {
        let prepared = Server::prepare(&config.threads(2), Settings::default(), echo);
        let mut clients: Vec<_> = (0..100).map(|_| prepared.connect()).collect();
        for client in &mut clients {
            client.send("queued");
        }
        prepared.handle().graceful(LONG);
        let mut server = prepared.started();
        for client in &mut clients {
            assert_eq!(client.line(), "queued");
            assert!(client.is_closed());
        }
        assert_eq!(server.join().cut, 0);
        assert!(server.await_accepted().draining);
    }

    fn what_the_kernel_had_queued_is_served_beyond_the_connection_limit(config) {
        let prepared = Server::prepare(&config.threads(2).connections(3), Settings::default(), echo);
        let mut clients: Vec<_> = (0..10).map(|_| prepared.connect()).collect();
        for client in &mut clients {
            client.send("queued");
        }
        prepared.handle().graceful(LONG);
        let mut server = prepared.started();
        for client in &mut clients {
            assert_eq!(client.line(), "queued");
        }
        assert_eq!(server.join().cut, 0);
    }

    fn what_is_not_finished_in_time_is_cut_and_told_and_a_blocked_thread_is_left_behind(config) {
        let gate = Gate::default();
        let mut server = Server::start(&config.threads(3), blocking_at(&gate));
        let mut busy = server.connect();
        busy.send("block");
        gate.await_waiting(1);
        let begin = Instant::now();
        server.handle.graceful(LONG);
        server.handle.graceful(Duration::from_millis(30));
        let report = server.join();
        assert_eq!((report.cut, report.busy_threads), (1, 1));
        assert!(begin.elapsed() >= Duration::from_millis(30));
        server.await_event(&Event::HungUp(Hangup::Cut));
        assert!(busy.is_closed());
        gate.open(1);
        server.await_event(&Event::Dropped);
    }

    fn a_stop_cuts_parked_and_idle_connections_at_once(config) {
        let mut server = Server::start(&config.threads(1), |call| match call.line {
            "park" => Answer::Park,
            line => Answer::Line(line.to_owned()),
        });
        let mut idle = server.connect();
        assert_eq!(idle.ask("ping"), "ping");
        let mut parked = server.connect();
        parked.send("park");
        server.await_event(&Event::Read("park".to_owned()));
        server.handle.stop();
        let report = server.join();
        assert_eq!((report.cut, report.busy_threads), (2, 0));
        assert!(idle.is_closed() && parked.is_closed());
        server.await_event(&Event::Dropped);
        server.await_event(&Event::Dropped);
    }

    fn a_stop_ends_a_handlers_own_wait_for_input(config) {
        let (sender, waits) = mpsc::channel();
        let sender = Mutex::new(sender);
        let mut server = Server::start(&config.threads(1), move |call| {
            sender.lock().unwrap().send(()).unwrap();
            wait_readable(call.stream, None).unwrap();
            assert_eq!(call.stream.read(&mut [0; 8]).unwrap(), 0);
            Answer::Close
        });
        let mut client = server.connect();
        client.send("wait");
        waits.recv_timeout(LONG).unwrap();
        server.handle.stop();
        assert_eq!(server.join().busy_threads, 0);
    }

    fn a_drain_goes_on_while_all_threads_are_blocked(config) {
        let gate = Gate::default();
        let mut server = Server::start(&config.threads(1), blocking_at(&gate));
        let mut idle = server.connect();
        assert_eq!(idle.ask("ping"), "ping");
        let mut busy = server.connect();
        busy.send("block");
        gate.await_waiting(1);
        server.handle.graceful(LONG);
        assert!(idle.is_closed());
        server.await_event(&Event::Drained);
        gate.open(1);
        assert_eq!(busy.line(), "block");
        assert_eq!(server.join().cut, 0);
    }

    fn an_end_that_is_ordered_before_serving_ends_it(config) {
        let prepared = Server::prepare(&config, Settings::default(), echo);
        prepared.handle().stop();
        assert_eq!(prepared.started().join().accepted, 0);
    }

    fn orders_may_come_from_many_threads_at_once(config) {
        let mut server = Server::start(&config.threads(4), echo);
        let clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
        let orders: Vec<_> = (0..8)
            .map(|turn| {
                let handle = server.handle.clone();
                std::thread::spawn(move || if turn % 4 == 3 { handle.stop() } else { handle.graceful(LONG) })
            })
            .collect();
        for order in orders {
            order.join().unwrap();
        }
        server.join();
        drop(clients);
        assert_eq!(server.handle.figures().connections, 0);
    }

    fn the_protocol_is_dropped_when_the_engine_is_done(config) {
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let mut server = Server::start(&config.threads(4), move |call| {
            let _ = &kept;
            Answer::Line(call.line.to_owned())
        });
        assert_eq!(server.connect().ask("ping"), "ping");
        server.handle.graceful(LONG);
        server.join();
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
