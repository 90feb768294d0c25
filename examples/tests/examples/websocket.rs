//! `websocket`: the handshake of RFC 6455, a message there and back, a ping, and both ways to end.

use crate::child::{Child, Client, SERVERS, masked};

#[test]
fn a_message_comes_back_and_the_client_may_close() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_websocket"), server);
        let mut client = shake_hands(&child);
        client.send(masked(0x81, b"hi"));
        client.until(b"\x81\x02hi");
        client.send(masked(0x89, b"?"));
        client.until(b"\x8a\x01?");
        // 1000, a normal closure, is said back; then the server ends the connection (section 7.1.1).
        client.send(masked(0x88, &[0x03, 0xe8]));
        client.until(&[0x88, 0x02, 0x03, 0xe8]);
        assert!(client.rest().is_empty());
        drop(client);
        child.end();
    }
}

#[test]
fn a_websocket_is_told_that_the_server_goes_away() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_websocket"), server);
        let mut client = shake_hands(&child);
        client.send(masked(0x81, b"hi"));
        client.until(b"\x81\x02hi");
        child.terminate();
        // 1001, going away (section 7.4.1).
        assert_eq!(client.rest(), [0x88, 0x02, 0x03, 0xe9]);
        drop(client);
        child.ended();
    }
}

#[test]
fn another_version_is_told_the_one_spoken() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_websocket"), server);
        let answer = child.ask("GET /", "Sec-WebSocket-Version: 8\r\n");
        assert_eq!((answer.status(), answer.field("sec-websocket-version")), ("426", "13"));
        assert_eq!(answer.field("upgrade"), "websocket");
        child.end();
    }
}

/// The example of RFC 6455, section 1.3.
fn shake_hands(child: &Child) -> Client {
    let mut client = child.connect();
    client.send(
        "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    let head = String::from_utf8(client.until(b"\r\n\r\n")).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains(": s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    client
}
