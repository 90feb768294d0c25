//! A panic in a callback costs its connection, nothing else.
//!
//! Invariant: see `main.rs`.

use crate::lines::{Answer, Event};
use crate::server::{Server, over_both_pollers};

over_both_pollers! {
    fn a_panic_costs_its_connection_and_no_thread(config) {
        let server = Server::start(&config.threads(1), |call| {
            assert_ne!(call.line, "panic");
            Answer::Line(call.line.to_owned())
        });
        let mut bystander = server.connect();
        for line in ["panic", "panic in ready", "panic"] {
            let mut client = server.connect();
            client.send(line);
            assert!(client.is_closed());
            server.await_event(&Event::Dropped);
            assert_eq!(bystander.ask("ping"), "ping");
        }
    }
}
