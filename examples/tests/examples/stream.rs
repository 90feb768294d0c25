//! `stream`: events come as they happen, and the stream ends itself when the server goes down.

use crate::child::{Child, SERVERS};

#[test]
fn an_event_stream_ends_itself_when_the_server_goes_down() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_stream"), server);
        let mut client = child.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = client.until(b"\r\n\r\n");
        assert!(
            String::from_utf8(head).unwrap().to_lowercase().contains("content-type: text/event-stream\r\n")
        );
        client.until(b"id: 1\ndata: 1 s\n\n");
        child.terminate();
        let rest = String::from_utf8(client.rest()).unwrap();
        assert!(rest.contains("event: bye\n") && rest.ends_with("0\r\n\r\n"), "{rest:?}");
        child.ended();
    }
}
