//! Leaving a service that others go on with, and leaving connections to them while all threads are busy.
//!
//! The others are engines of this process, each with a descriptor of its own of the same socket.
//!
//! Invariant: see `main.rs`.

use std::net::TcpListener;
use std::time::Duration;

use rsgi_threads::{Accepting, Address, Config, Listener};

use crate::idle::{self, assert_asleep};
use crate::lines::{Answer, Call, Settings};
use crate::server::{Client, Gate, LONG, Server, blocking_at, echo, over_both_pollers};

/// A socket that several engines accept from.
struct Socket(TcpListener);

impl Socket {
    fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn serve(&self, config: &Config, handler: impl Fn(Call<'_>) -> Answer + Send + Sync + 'static) -> Server {
        let listener = Listener::inherited(self.0.try_clone().unwrap().into()).unwrap().shared();
        Server::prepare_on(vec![listener], config, Settings::default(), handler).started()
    }

    fn connect(&self) -> Client {
        Client::connect(&Address::Ip(self.0.local_addr().unwrap()))
    }
}

fn second(_: Call<'_>) -> Answer {
    Answer::Line("second".to_owned())
}

over_both_pollers! {
    fn kept_connections_get_one_more_answer_and_the_last_ends_the_engine(config) {
        let mut server = Server::start(&config.threads(2), echo);
        let mut kept = [server.connect(), server.connect()];
        for client in &mut kept {
            assert_eq!(client.ask("ping"), "ping");
        }
        server.handle.leave(LONG);
        assert!(!server.handle.draining());
        for client in &mut kept {
            assert_eq!(client.ask("last"), "last");
            assert!(client.is_closed());
        }
        let report = server.join();
        assert_eq!((report.accepted, report.cut, report.busy_threads), (2, 0, 0));
    }

    fn who_leaves_makes_no_wake_ups_and_a_drain_hurries_it(config) {
        let name = idle::name();
        let mut server = Server::start(&config.thread_name(&name).threads(2), echo);
        let mut kept = server.connect();
        assert_eq!(kept.ask("ping"), "ping");
        server.handle.leave(Duration::from_hours(1));
        assert_asleep(&server, &name);
        server.handle.graceful(LONG);
        assert!(kept.is_closed());
        assert_eq!(server.join().cut, 0);
    }

    fn who_leaves_cuts_at_the_limit_what_is_left(config) {
        let mut server = Server::start(&config.threads(2), echo);
        let mut kept = server.connect();
        assert_eq!(kept.ask("ping"), "ping");
        server.handle.leave(Duration::from_millis(50));
        assert_eq!(server.join().cut, 1);
        assert!(kept.is_closed());
    }

    fn who_leaves_alone_ends_at_once_and_serves_first_what_was_queued(config) {
        let prepared = Server::prepare(&config.threads(2), Settings::default(), echo);
        let mut clients: Vec<_> = (0..50).map(|_| prepared.connect()).collect();
        for client in &mut clients {
            client.send("queued");
        }
        prepared.handle().leave(LONG);
        let mut server = prepared.started();
        for client in &mut clients {
            assert_eq!(client.line(), "queued");
            assert!(client.is_closed());
        }
        assert_eq!(server.join().cut, 0);
    }

    fn who_leaves_hears_nothing_more_of_a_socket_that_others_accept_from(config) {
        let (socket, name) = (Socket::open(), idle::name());
        let mut first = socket.serve(&config.clone().thread_name(&name).threads(2), echo);
        let mut kept = socket.connect();
        assert_eq!(kept.ask("ping"), "ping");
        first.handle.leave(LONG);
        assert_asleep(&first, &name);
        let before = first.handle.figures();
        let other = socket.serve(&config.threads(2), second);
        for _ in 0..20 {
            assert_eq!(socket.connect().ask("ping"), "second");
        }
        assert_eq!(first.handle.figures(), before);
        assert_eq!(kept.ask("last"), "last");
        assert_eq!(first.join().accepted, 1);
        assert_eq!(socket.connect().ask("ping"), "second");
        drop(other);
    }

    fn who_has_no_free_thread_leaves_connections_to_the_others(config) {
        let (socket, gate) = (Socket::open(), Gate::default());
        let busy = config.clone().threads(1).accepting(Accepting::WhileFree);
        let first = socket.serve(&busy, blocking_at(&gate));
        let mut held = socket.connect();
        held.send("block");
        gate.await_waiting(1);
        let other = socket.serve(&config.threads(2), second);
        for _ in 0..50 {
            assert_eq!(socket.connect().ask("ping"), "second");
        }
        assert_eq!((first.handle.figures().accepted, first.handle.figures().running), (1, 1));
        drop(other);
        let mut waiting = socket.connect();
        waiting.send("later");
        gate.open(1);
        assert_eq!(held.line(), "block");
        assert_eq!(waiting.line(), "later");
    }

    fn who_is_full_again_and_again_accepts_everybody_in_the_end(config) {
        let socket = Socket::open();
        let server = socket.serve(&config.threads(2).accepting(Accepting::WhileFree), |call| {
            std::thread::yield_now();
            Answer::Line(call.line.to_owned())
        });
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        assert_eq!(socket.connect().ask("ping"), "ping");
                    }
                });
            }
        });
        assert_eq!(server.handle.figures().accepted, 800);
    }
}
