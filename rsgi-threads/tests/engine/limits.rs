//! The connection limit: at it nobody is accepted, below it they are again.
//!
//! What happens when descriptors run out has its own test program, `descriptors.rs`.
//!
//! Invariant: see `main.rs`.

use rsgi_threads::{Config, Engine, ErrorKind, Listener};

use crate::lines::{Event, Lines, Settings};
use crate::server::{Server, echo, over_both_pollers};

over_both_pollers! {
    fn at_the_connection_limit_the_kernel_holds_the_rest(config) {
        let server = Server::start(&config.threads(2).connections(2), echo);
        let mut first = server.connect();
        let mut second = server.connect();
        assert_eq!([first.ask("1"), second.ask("2")], ["1", "2"]);
        let mut third = server.connect();
        third.send("3");
        // The listener's turn comes before these answers.
        assert_eq!([first.ask("1"), second.ask("2")], ["1", "2"]);
        assert_eq!([first.ask("1"), second.ask("2")], ["1", "2"]);
        assert!(!third.has_something());
        assert_eq!(server.handle.figures().connections, 2);
        drop(first);
        assert_eq!(third.line(), "3");
        drop(second);
        assert_eq!(server.connect().ask("4"), "4");
    }

    fn many_more_clients_than_slots_are_all_served_in_the_end(config) {
        let server = Server::start(&config.threads(3).connections(4), echo);
        let clients: Vec<_> = (0..8)
            .map(|_| {
                let address = server.addresses[0].clone();
                std::thread::spawn(move || {
                    for _ in 0..50 {
                        assert_eq!(crate::server::Client::connect(&address).ask("ping"), "ping");
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        assert_eq!(server.handle.figures().accepted, 400);
        for _ in 0..400 {
            server.await_event(&Event::Dropped);
        }
    }
}

#[test]
fn an_engine_without_listeners_is_refused() {
    let (sender, _) = std::sync::mpsc::channel();
    let (handler, events) = (Box::new(echo), std::sync::Mutex::new(sender));
    let lines = std::sync::Arc::new(Lines { handler, events, settings: Settings::default() });
    let error = Engine::new(lines.clone(), Vec::new(), &Config::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Setting);
    assert_eq!(error.to_string(), "listeners: 0 given; give from 1 to 1000");
    let listener = Listener::tcp("127.0.0.1:0").unwrap();
    let error = Engine::new(lines, vec![listener], &Config::default().threads(0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Setting);
}
