//! Crowds of idle connections.
//!
//! What takes a look at a whole process from outside (thousands of connections, no descriptors left, wake-ups) is a
//! test of each adapter's own.

use crate::suite::apps::text;
use crate::suite::case::Case;
use crate::wire::RawClient;
use crate::wire::bytes::get;

pub(super) const CASES: &[Case] = &[
    // Many times as many connections as threads, each used once so that it is kept and not merely queued by the kernel.
    Case::hosted("idle_connections_hold_no_thread", &[130, 134], |ground| {
        let server = ground.serve_with(text("pong"), |config| config.threads(2));
        let mut crowd: Vec<RawClient> = (0..200).map(|_| server.client()).collect();
        for client in &mut crowd {
            client.send(get("/ping"));
        }
        for client in &mut crowd {
            assert_eq!(client.answer().text(), "pong");
        }
        let mut client = server.client();
        for _ in 0..10 {
            assert_eq!(client.ask(get("/ping")).text(), "pong");
        }
        for client in &mut crowd {
            assert_eq!(client.ask(get("/ping")).text(), "pong", "each of the crowd is still served");
        }
    }),
];
