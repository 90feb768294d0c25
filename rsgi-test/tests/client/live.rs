//! The live road against a server made by hand: what no good server does, and when connections are used again.
//!
//! Whole applications on real servers are asked in the workspace's `tests/tests/client_live.rs`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread::{self, JoinHandle};

use rsgi_core::http::Version;
use rsgi_test::wire::deadline::events;
use rsgi_test::{Client, ClientErrorKind, Framing};

use crate::fixtures::Folder;

/// Serves connections one after the other: on each, an answer for each request, then the end. Gives what was read.
fn scripted(connections: &'static [&'static [&'static str]]) -> (Client, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::live(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let server = thread::spawn(move || {
        let mut heads = Vec::new();
        for answers in connections {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in *answers {
                heads.push(read_head(&mut stream));
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
        heads
    });
    (client, server)
}

fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the client ended: {head:?}");
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn a_request_is_written_as_it_was_said() {
    let (client, server) = scripted(&[&[OK]]);
    client.get("/a").query(&[("b", "c d")]).header("X-Odd", b"caf\xc3\xa9").answer();
    let heads = server.join().unwrap();
    let (line, fields) = heads[0].split_once("\r\n").unwrap();
    assert_eq!(line, "GET /a?b=c%20d HTTP/1.1");
    assert!(
        fields.starts_with("host: 127.0.0.1:") && fields.ends_with("\r\nx-odd: café\r\n\r\n"),
        "{fields}"
    );
}

#[test]
fn a_connection_that_the_server_ended_meanwhile_is_not_used_again() {
    // Over a unix socket, where an end is there as soon as it was made.
    let folder = Folder::new();
    let path = folder.0.join("server.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let client = Client::live(&format!("unix:{}", path.display())).unwrap();
    let (teller, ends) = events();
    let server = thread::spawn(move || {
        for answers in [2, 1] {
            let (mut stream, _) = listener.accept().unwrap();
            for _ in 0..answers {
                read_head(&mut stream);
                stream.write_all(OK.as_bytes()).unwrap();
            }
            drop(stream);
            teller.tell(());
        }
    });
    client.get("/").answer();
    client.get("/").answer();
    ends.next("the end of the first connection");
    assert_eq!(client.get("/").answer().text(), "ok");
    server.join().unwrap();
}

#[test]
fn a_connection_is_not_used_again_once_either_side_said_close() {
    const CLOSE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    let (client, server) = scripted(&[&[CLOSE], &[OK], &[OK]]);
    client.get("/").answer();
    client.get("/").header("connection", "close").answer();
    client.get("/").version(Version::HTTP_10).answer();
    assert_eq!(server.join().unwrap().len(), 3);
}

#[test]
fn an_answer_up_to_the_close_is_whole() {
    let (client, server) = scripted(&[&["HTTP/1.0 200 OK\r\n\r\nto the end"]]);
    let answer = client.get("/").answer();
    assert_eq!(
        (answer.text(), answer.framing(), answer.version()),
        ("to the end", Framing::Close, Version::HTTP_10)
    );
    server.join().unwrap();
}

#[test]
fn an_answer_cut_short_or_illegal_is_an_error_that_holds_what_came() {
    let (client, server) = scripted(&[
        &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ncut"],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ncut\r\n"],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ncut\r\nzz\r\n"],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ncutmore\r\n0\r\n\r\n"],
    ]);
    for _ in 0..4 {
        let error = client.get("/").send().unwrap_err();
        assert_eq!(error.kind(), ClientErrorKind::Broken);
        assert_eq!((error.came().unwrap().text(), error.came().unwrap().is_whole()), ("cut", false));
    }
    server.join().unwrap();
}

#[test]
fn no_head_and_an_illegal_head_are_errors_that_hold_nothing() {
    let (client, server) = scripted(&[
        &[""],
        &["HTTP/1.1 200 OK\r\ncontent-le"],
        &["nonsense\r\n\r\n"],
        &["HTTP/1.1 200 OK\nx: y\n\n"],
        &["HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok"],
    ]);
    for _ in 0..5 {
        let error = client.get("/").send().unwrap_err();
        assert_eq!((error.kind(), error.came().is_some()), (ClientErrorKind::Broken, false), "{error}");
    }
    server.join().unwrap();
}

#[test]
fn an_answer_before_the_content_is_read_is_taken_in() {
    // The server reads the head alone, answers and ends, while the client has far more to send than buffers hold.
    let (client, server) = scripted(&[&["HTTP/1.1 413 Payload Too Large\r\ncontent-length: 3\r\n\r\nbig"]]);
    let sent = client.post("/").body(vec![b'x'; 32 << 20]).send();
    // A reset may overtake the answer on its way: then that is what came.
    match sent {
        Ok(answer) => assert_eq!((answer.status(), answer.text()), (413, "big")),
        Err(error) => assert_eq!(error.kind(), ClientErrorKind::Broken, "{error}"),
    }
    server.join().unwrap();
}

#[test]
fn content_that_waits_for_its_continue_is_sent_after_it_and_not_else() {
    const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    let (client, server) = scripted(&[&[CONTINUE, OK], &[OK], &[OK]]);
    // The content is read as if it were a second head.
    let answer =
        client.post("/").header("connection", "close").expect_continue().body("content\r\n\r\n").answer();
    assert_eq!((answer.text(), answer.informational().len()), ("ok", 1));
    let refused = client.post("/").expect_continue().body("unsent").answer();
    assert_eq!((refused.text(), refused.informational().len()), ("ok", 0));
    assert_eq!(client.get("/last").answer().text(), "ok");
    let heads = server.join().unwrap();
    assert_eq!(heads[1], "content\r\n\r\n");
    assert!(heads[3].starts_with("GET /last "), "nothing was sent unasked: {heads:?}");
}
