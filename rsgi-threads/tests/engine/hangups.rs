//! A peer that goes away is noticed: at rest, parked, and while a handler has its connection.
//!
//! The portable poller tells a finished peer only on Linux; these tests run there.
//!
//! Invariant: see `main.rs`.

use std::time::Instant;

use rsgi_threads::{Hangup, Waited, wait_readable};

use crate::lines::{Answer, Event};
use crate::server::{Gate, LONG, Server, blocking_at, over_both_pollers};

over_both_pollers! {
    fn a_peer_that_leaves_while_its_handler_runs_is_told_to_the_shared_part(config) {
        let gate = Gate::default();
        let server = Server::start(&config.threads(2), blocking_at(&gate));
        let mut client = server.connect();
        client.send("block");
        gate.await_waiting(1);
        drop(client);
        server.await_event(&Event::HungUp(Hangup::Finished));
        gate.open(1);
        server.await_event(&Event::Dropped);
    }

    fn it_is_told_also_while_all_threads_are_blocked(config) {
        let gate = Gate::default();
        let server = Server::start(&config.threads(1), blocking_at(&gate));
        let mut client = server.connect();
        client.send("block");
        gate.await_waiting(1);
        client.finish();
        server.await_event(&Event::HungUp(Hangup::Finished));
        gate.open(1);
        assert_eq!(client.line(), "block");
        assert!(client.is_closed());
    }

    fn a_half_closed_peer_still_gets_its_answers(config) {
        let gate = Gate::default();
        let server = Server::start(&config.threads(2), blocking_at(&gate));
        let mut client = server.connect();
        client.send("block\nmore\nand more");
        gate.await_waiting(1);
        client.finish();
        server.await_event(&Event::HungUp(Hangup::Finished));
        gate.open(1);
        assert_eq!([client.line(), client.line(), client.line()], ["block", "more", "and more"]);
        assert!(client.is_closed());
    }

    fn a_peer_that_leaves_while_parked_is_told_to_ready(config) {
        let server = Server::start(&config.threads(1), |_| Answer::Park);
        let mut client = server.connect();
        client.send("park");
        server.await_event(&Event::Read("park".to_owned()));
        drop(client);
        server.await_event(&Event::SawHangup(Hangup::Finished));
    }

    fn a_handler_may_wait_for_more_input_on_its_own(config) {
        let server = Server::start(&config.threads(1), |call| {
            assert_eq!(wait_readable(call.stream, Some(Instant::now())).unwrap(), Waited::TimedOut);
            call.stream.write(b"go on\n").unwrap();
            assert_eq!(wait_readable(call.stream, Some(Instant::now() + LONG)).unwrap(), Waited::Ready);
            let mut more = [0; 64];
            let count = call.stream.read(&mut more).unwrap();
            Answer::Line(String::from_utf8_lossy(&more[..count]).trim_end().to_owned())
        });
        let mut client = server.connect();
        assert_eq!(client.ask("first"), "go on");
        assert_eq!(client.ask("second"), "second");
        assert_eq!(client.ask("third"), "go on");
        assert_eq!(client.ask("fourth"), "fourth");
    }
}
