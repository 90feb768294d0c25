//! Deadlines pass: also of many connections, and also while every thread is blocked.
//!
//! The times are short, and nothing is asserted about how late a timeout may come.
//!
//! Invariant: see `main.rs`.

use std::time::{Duration, Instant};

use crate::lines::{Event, Settings};
use crate::server::{Gate, Server, blocking_at, echo, over_both_pollers};

fn idle_after(milliseconds: u64) -> Settings {
    Settings { idle: Some(Duration::from_millis(milliseconds)), ..Settings::default() }
}

over_both_pollers! {
    fn an_idle_connection_times_out_and_not_early(config) {
        let begin = Instant::now();
        let server = Server::prepare(&config, idle_after(50), echo).started();
        let mut client = server.connect();
        assert!(client.is_closed());
        assert!(begin.elapsed() >= Duration::from_millis(50), "{:?}", begin.elapsed());
        server.await_event(&Event::TimedOut);
    }

    fn each_line_puts_the_deadline_off(config) {
        let server = Server::prepare(&config, idle_after(150), echo).started();
        let mut client = server.connect();
        let begin = Instant::now();
        let mut sent = begin;
        // On a machine so busy that a turn takes longer than the deadline the end comes before this is over.
        while begin.elapsed() < Duration::from_millis(500) {
            let now = Instant::now();
            if client.try_ask("still here").is_none() {
                break;
            }
            sent = now;
        }
        assert!(client.is_closed());
        assert!(sent.elapsed() >= Duration::from_millis(150), "{:?}", sent.elapsed());
        server.await_event(&Event::TimedOut);
    }

    fn a_handler_that_takes_longer_than_the_deadline_is_not_timed_out(config) {
        let gate = Gate::default();
        let server = Server::prepare(&config.threads(2), idle_after(40), blocking_at(&gate)).started();
        let mut busy = server.connect();
        busy.send("block");
        gate.await_waiting(1);
        // Connected later, so timed out later than the busy one would be.
        assert!(server.connect().is_closed());
        gate.open(1);
        assert_eq!(busy.line(), "block");
        assert!(busy.is_closed());
    }

    fn deadlines_pass_while_all_threads_are_blocked(config) {
        let gate = Gate::default();
        let server = Server::prepare(&config.threads(1), idle_after(60), blocking_at(&gate)).started();
        let mut busy = server.connect();
        busy.send("block");
        gate.await_waiting(1);
        let mut idle: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in &mut idle {
            assert!(client.is_closed());
        }
        gate.open(1);
        assert_eq!(busy.line(), "block");
    }
}
