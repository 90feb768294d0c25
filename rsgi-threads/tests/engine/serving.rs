//! Connections are accepted on every kind of listener and their lines answered in order.
//!
//! The plain cases; what happens under pressure is in the other files.
//!
//! Invariant: see `main.rs`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use rsgi_threads::Listener;

use crate::lines::{Accept, Answer, Settings};
use crate::server::{Client, Server, echo, over_both_pollers};

over_both_pollers! {
    fn lines_are_answered_in_order_also_when_they_come_together(config) {
        let server = Server::start(&config.threads(2), echo);
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        for client in &mut clients {
            assert_eq!(client.ask("one"), "one");
            client.send("two\nthree\nfour");
        }
        for client in &mut clients {
            assert_eq!([client.line(), client.line(), client.line()], ["two", "three", "four"]);
        }
    }

    fn tcp_unix_and_inherited_listeners_serve_side_by_side(config) {
        let path = std::env::temp_dir().join(format!("rsgi-engine-{}-{:p}", std::process::id(), &config));
        let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
        let listeners = vec![
            Listener::tcp("127.0.0.1:0").unwrap(),
            Listener::unix(&path).unwrap(),
            Listener::inherited(inherited.into()).unwrap(),
        ];
        let server = Server::prepare_on(listeners, &config, Settings::default(), |call| {
            let credentials = call.stream.credentials().map(|found| found.pid);
            Answer::Line(format!("{} {credentials:?}", call.stream.local_address().unwrap()))
        })
        .started();
        for listener in [0, 2] {
            let address = &server.addresses[listener];
            let mut client = Client::connect(address);
            assert_eq!(client.ask(""), format!("{address} None"));
            assert_eq!(server.await_accepted(), Accept { listener, peer: client.peer(), draining: false });
        }
        let mut unix = UnixStream::connect(&path).unwrap();
        unix.write_all(b"\n").unwrap();
        let mut line = String::new();
        BufReader::new(unix).read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), format!("unix:{} Some({})", path.display(), std::process::id()));
        assert_eq!(server.await_accepted(), Accept { listener: 1, peer: "unix:".to_owned(), draining: false });
        drop(server);
        assert!(!path.exists());
    }

    fn tcp_connections_have_no_delay_and_are_closed_on_exec(config) {
        let server = Server::start(&config, |call| {
            let nodelay = rustix::net::sockopt::tcp_nodelay(call.stream).unwrap();
            let flags = rustix::io::fcntl_getfd(call.stream).unwrap();
            Answer::Line(format!("{nodelay} {}", flags.contains(rustix::io::FdFlags::CLOEXEC)))
        });
        assert_eq!(server.connect().ask(""), "true true");
    }

    fn a_protocol_may_speak_first(config) {
        let greets = Settings { greets: true, ..Settings::default() };
        let hello = |call: crate::lines::Call<'_>| Answer::Line(format!("hello {}", call.line));
        let server = Server::prepare(&config, greets, hello).started();
        let mut client = server.connect();
        assert_eq!(client.line(), "hello");
        assert_eq!(client.ask("again"), "hello again");
    }

    fn a_protocol_may_refuse_a_connection(config) {
        let refuses = Settings { refuses: true, ..Settings::default() };
        let server = Server::prepare(&config, refuses, echo).started();
        assert!(server.connect().is_closed());
        assert!(server.connect().is_closed());
    }

    fn a_long_answer_waits_for_a_slow_reader_without_a_thread(config) {
        let long = "x".repeat(20_000_000);
        let server = Server::start(&config.threads(1), move |call| {
            Answer::Line(if call.line == "long" { long.clone() } else { call.line.to_owned() })
        });
        let mut slow = server.connect();
        slow.send("long");
        for _ in 0..10 {
            assert_eq!(server.connect().ask("ping"), "ping");
        }
        assert_eq!(slow.line().len(), 20_000_000);
        assert_eq!(slow.ask("ping"), "ping");
    }
}
