//! `axum`: the same Router on both servers, alone and under the master, and by FastCGI all but the WebSocket.

use crate::child::{Child, SERVERS, masked};
use crate::gateway::by_fastcgi;

/// One process, and two workers under a master.
const WAYS: [&[&str]; 2] = [&[], &["-w", "2"]];

const PROGRAM: &str = env!("CARGO_BIN_EXE_axum");

#[test]
fn extractors_nesting_and_uploads_work_on_every_server() {
    each(|child| {
        let answer = child.ask("GET /hello/ad%61", "");
        assert_eq!((answer.status(), &*answer.text()), ("200", "hello ada\n"));
        assert_eq!(answer.field("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.field("content-length"), "10", "small content goes with its head");
        let answer = child.ask("HEAD /hello/ada", "");
        assert_eq!((answer.status(), answer.field("content-length"), answer.body.len()), ("200", "10", 0));
        assert!(child.ask("GET /peer", "").text().starts_with("127.0.0.1:"));
        assert_eq!(child.ask("GET /api/visits", "").text(), "1\n");
        assert_eq!(child.ask("GET /nowhere", "").status(), "404");
        let answer = child.ask("POST /api/visits", "Content-Length: 0\r\n");
        assert_eq!((answer.status(), answer.field("allow")), ("405", "get,head"));
        let answer = child.exchange(&upload());
        assert_eq!((answer.status(), &*answer.text()), ("200", "a: 5 bytes\nb: 0 bytes\n"));
    });
}

#[test]
fn an_event_stream_comes_event_by_event() {
    each(|child| {
        let mut client = child.connect();
        client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = String::from_utf8(client.until(b"\r\n\r\n")).unwrap().to_lowercase();
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        client.until(b"data: one\n\n");
        client.until(b"data: two\n\n");
        client.until(b"0\r\n\r\n");
    });
}

#[test]
fn a_websocket_sends_every_message_back() {
    each(|child| {
        let mut client = child.connect();
        client.send(HANDSHAKE);
        let head = String::from_utf8(client.until(b"\r\n\r\n")).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains(": s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
        client.send(masked(0x81, b"hi"));
        client.until(b"\x81\x02hi");
        let long = [b'x'; 60];
        client.send(masked(0x82, &long));
        client.until(&long);
        client.send(masked(0x88, &[0x03, 0xe8]));
        client.until(&[0x88, 0x02, 0x03, 0xe8]);
        assert!(client.rest().is_empty(), "the stream ends with the conversation");
    });
}

#[test]
fn by_fastcgi_all_but_the_websocket_works() {
    for server in SERVERS {
        let child = Child::launch_as(PROGRAM, server, &["--protocol", "fastcgi"]);
        let answer = by_fastcgi(&mut child.connect(), "/hello/ada", &[]);
        assert!(answer.starts_with("Status: 200"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nhello ada\n"), "{answer}");
        assert!(by_fastcgi(&mut child.connect(), "/events", &[]).ends_with("data: one\n\ndata: two\n\n"));
        // The client that the web server names.
        assert!(by_fastcgi(&mut child.connect(), "/peer", &[]).ends_with("\r\n\r\n192.0.2.7:4711\n"));
        let offer = [
            ("HTTP_CONNECTION", "upgrade"),
            ("HTTP_UPGRADE", "websocket"),
            ("HTTP_SEC_WEBSOCKET_VERSION", "13"),
            ("HTTP_SEC_WEBSOCKET_KEY", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let answer = by_fastcgi(&mut child.connect(), "/echo", &offer);
        assert!(answer.starts_with("Status: 426"), "{answer}");
        child.end();
    }
}

/// On each server, in each way.
fn each(ask: impl Fn(&Child)) {
    for server in SERVERS {
        for arguments in WAYS {
            let child = Child::launch_as(PROGRAM, server, arguments);
            ask(&child);
            child.end();
        }
    }
}

fn upload() -> String {
    let part = |name: &str, text: &str| {
        format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let body = format!("{}{}--cut--\r\n", part("a", "hello"), part("b", ""));
    let length = body.len();
    format!(
        "POST /api/upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=cut\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// The example of RFC 6455, section 1.3.
const HANDSHAKE: &str = "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
