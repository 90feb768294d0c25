//! `adapter`: the whole adapter of the README hosts an app, keeps its limits and drains.

use crate::child::Child;

fn start() -> Child {
    Child::start(env!("CARGO_BIN_EXE_adapter"), "plain")
}

#[test]
fn the_smallest_adapter_answers_get_and_head() {
    let child = start();
    let answer = child.ask("GET /", "");
    let text = "hello from plain on a thread of your own\n";
    assert_eq!((answer.status(), &*answer.text()), ("200", text));
    assert_eq!(answer.field("connection"), "close");
    assert!(answer.field("date").ends_with(" gmt"));
    let head = child.ask("HEAD /", "");
    assert_eq!((head.field("content-length"), head.body.len()), (&*text.len().to_string(), 0));
    child.end();
}

#[test]
fn the_smallest_adapter_refuses_what_it_cannot_read() {
    let child = start();
    for (fields, status) in [
        ("Content-Length: +3\r\n", "400"),
        ("Content-Length: 3\r\nContent-Length: 3\r\n", "400"),
        ("Host: b\r\n", "400"),
        ("broken\r\n", "400"),
        ("Transfer-Encoding: chunked\r\n", "501"),
        (&format!("X: {}\r\n", "x".repeat(70_000)), "431"),
    ] {
        assert_eq!(child.ask("GET /", fields).status(), status, "{fields:.40}");
    }
    child.end();
}

#[test]
fn the_smallest_adapter_answers_before_an_unread_body_is_whole() {
    let child = start();
    let mut client = child.connect();
    client.send("POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\nunread");
    assert_eq!(client.answer().status(), "200");
    client.finish();
    child.end();
}
