//! `upgrade`: the stream is taken over, or the client is told what to ask for.

use crate::child::{Child, SERVERS};

#[test]
fn the_stream_is_taken_over_and_given_back_byte_by_byte() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_upgrade"), server);
        let mut client = child.connect();
        // The first bytes of the new protocol come together with the head.
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other, Echo\r\n\r\none");
        let head = String::from_utf8(client.until(b"\r\n\r\n")).unwrap().to_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        assert!(
            head.contains("\r\nupgrade: echo\r\n") && head.contains("\r\nconnection: upgrade\r\n"),
            "{head}"
        );
        client.until(b"one");
        client.send(" two");
        client.until(b" two");
        client.finish();
        assert!(client.rest().is_empty());
        child.end();
    }
}

#[test]
fn an_upgraded_connection_ends_when_the_server_goes_down() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_upgrade"), server);
        let mut client = child.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhere");
        client.until(b"here");
        child.terminate();
        assert!(client.rest().is_empty());
        drop(client);
        child.ended();
    }
}

#[test]
fn whoever_offers_no_upgrade_is_told_which_to_offer() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_upgrade"), server);
        for fields in ["", "Upgrade: other\r\n"] {
            let answer = child.ask("GET /", fields);
            assert_eq!((answer.status(), answer.field("upgrade")), ("426", "echo"));
            assert!(answer.text().contains("speaks the protocol `echo`"));
        }
        child.end();
    }
}
