//! Handlers block: the others go on, the rest of a batch is taken over, and the line is first come, first served.
//!
//! Handlers wait at a gate, so that a test knows where they are.
//!
//! Invariant: see `main.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::lines::{Answer, Event, Settings};
use crate::server::{Gate, Server, blocking_at, over_both_pollers};

over_both_pollers! {
    fn while_all_threads_are_blocked_lines_are_still_accepted_and_read(config) {
        let gate = Gate::default();
        let server = Server::start(&config.threads(2), blocking_at(&gate));
        let mut blocked = [server.connect(), server.connect()];
        for client in &mut blocked {
            client.send("block");
        }
        gate.await_waiting(2);
        for turn in 0..3 {
            let mut late = server.connect();
            late.send(&format!("late {turn}"));
            server.await_event(&Event::Read(format!("late {turn}")));
            drop(late);
        }
        let mut last = server.connect();
        last.send("last");
        server.await_event(&Event::Read("last".to_owned()));
        gate.open(2);
        assert_eq!(last.line(), "last");
        for client in &mut blocked {
            assert_eq!(client.line(), "block");
        }
    }

    fn those_who_wait_for_a_thread_are_served_first_come_first_served(config) {
        let gate = Gate::default();
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&order);
        let at_gate = gate.clone();
        let server = Server::start(&config.threads(1), move |call| {
            if call.line == "block" {
                at_gate.pass();
            } else {
                seen.lock().unwrap().push(call.line.to_owned());
            }
            Answer::Line(call.line.to_owned())
        });
        let mut blocked = server.connect();
        blocked.send("block");
        gate.await_waiting(1);
        let mut waiting = Vec::new();
        for turn in 0..20 {
            let mut client = server.connect();
            client.send(&turn.to_string());
            server.await_event(&Event::Read(turn.to_string()));
            waiting.push(client);
        }
        gate.open(1);
        for (turn, client) in waiting.iter_mut().enumerate() {
            assert_eq!(client.line(), turn.to_string());
        }
        let wanted: Vec<_> = (0..20).map(|turn| turn.to_string()).collect();
        assert_eq!(*order.lock().unwrap(), wanted);
    }

    /// All lines lie in the kernel before the engine polls, so they come in one batch, the blocking one first.
    fn the_rest_of_a_held_up_leaders_batch_is_taken_over(config) {
        let gate = Gate::default();
        let prepared = Server::prepare(&config.threads(3), Settings::default(), blocking_at(&gate));
        let mut clients: Vec<_> = (0..10).map(|_| prepared.connect()).collect();
        for (turn, client) in clients.iter_mut().enumerate() {
            client.send(if turn < 2 { "block" } else { "echo" });
        }
        let _server = prepared.started();
        for client in &mut clients[2..] {
            assert_eq!(client.line(), "echo");
        }
        gate.await_waiting(2);
        gate.open(2);
        for client in &mut clients[..2] {
            assert_eq!(client.line(), "block");
        }
    }

    fn a_connection_that_always_wants_to_run_starves_nobody(config) {
        let enough = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&enough);
        let server = Server::start(&config.threads(1), move |call| match call.line {
            "for ever" if !seen.load(Ordering::Relaxed) => Answer::Again,
            line => Answer::Line(line.to_owned()),
        });
        let mut endless = server.connect();
        endless.send("for ever");
        for _ in 0..50 {
            assert_eq!(server.connect().ask("ping"), "ping");
        }
        enough.store(true, Ordering::Relaxed);
        assert_eq!(endless.line(), "for ever");
    }

    fn as_many_handlers_block_at_once_as_there_are_threads(config) {
        let gate = Gate::default();
        let server = Server::start(&config.threads(16), blocking_at(&gate));
        let mut clients: Vec<_> = (0..16).map(|_| server.connect()).collect();
        for round in 1..=3 {
            for client in &mut clients {
                client.send(&format!("block {round}"));
            }
            gate.await_waiting(16);
            gate.open(16);
            for client in &mut clients {
                assert_eq!(client.line(), format!("block {round}"));
            }
        }
    }
}
