//! Where a request ends: RFC 9112 section 6, and every ambiguity that smuggling lives on.
//!
//! What hyper decides before its adapter sees it differs in places; `docs/differences.md` lists them, and the cases
//! say so. Whatever is decided, no byte of one request may ever become another.

use rsgi_tests::bytes::get;
use rsgi_tests::deadline::Events;
use rsgi_tests::probe::{Seen, watching};
use rsgi_tests::{Client, On, Server, mount};

fn serve(on: On) -> (Server, Events<Seen>) {
    let (app, seen) = watching();
    (on.serve(app), seen)
}

/// Sends a POST with these lines of framing and, behind its content, a request that must never be seen.
fn smuggle(client: &mut Client, version: &str, lines: &str, content: &str) -> (u16, bool) {
    let head = format!("POST /first {version}\r\nhost: test\r\n{lines}\r\n");
    let answer = client.ask(format!("{head}{content}GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n"));
    let closes = answer.says_close();
    (answer.status(), closes)
}

/// Whether a request is answered by one of these statuses, the connection closed behind it, and nothing smuggled.
fn refused(on: On, version: &str, lines: &str, statuses: &[u16]) {
    let (server, seen) = serve(on);
    let mut client = server.client();
    let (status, _) = smuggle(&mut client, version, lines, "0\r\n\r\n");
    assert!(statuses.contains(&status), "{status} for {lines:?}");
    client.expect_end();
    assert!(seen.try_next().is_none(), "the app was called for {lines:?}");
}

/// rule(53): refused by rsgi-std; hyper drops the length, serves by chunks, and closes. Both are RFC 9112's.
fn a_length_beside_chunks_is_refused_or_void_and_closes(on: On) {
    for lines in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
    ] {
        let (server, seen) = serve(on);
        let mut client = server.client();
        let (status, closes) = smuggle(&mut client, "HTTP/1.1", lines, "3\r\nabc\r\n0\r\n\r\n");
        client.expect_end();
        assert!(closes);
        match on {
            On::Std(_) => assert_eq!(status, 400),
            On::Hyper(_) => {
                assert_eq!(status, 200);
                let first = seen.next("the first");
                assert_eq!((first.text(), first.all("content-length")), ("abc", vec![]));
            }
        }
        assert!(seen.try_next().is_none(), "the second request was seen behind {lines:?}");
    }
}

/// rule(54)
fn lengths_that_differ_are_refused(on: On) {
    refused(on, "HTTP/1.1", "content-length: 4\r\ncontent-length: 5\r\n", &[400]);
    refused(on, "HTTP/1.1", "content-length: 5\r\nx-a: 1\r\ncontent-length: 4\r\n", &[400]);
}

/// rule(54)
fn equal_lengths_are_refused_or_one(on: On) {
    let (server, seen) = serve(on);
    let mut client = server.client();
    let head = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\n";
    let answer = client.ask(format!("{head}abc"));
    match on {
        On::Std(_) => {
            assert_eq!(answer.status(), 400);
            client.expect_end();
        }
        On::Hyper(_) => {
            assert_eq!(answer.status(), 200);
            assert_eq!(seen.next("the request").text(), "abc");
            assert_eq!(client.ask(get("/")).status(), 200);
        }
    }
}

/// rule(54)
fn lengths_that_are_no_numbers_are_refused(on: On) {
    for value in
        ["+4", "-4", "4 4", "4,4", "4, 5", "0x4", "", "4.0", "99999999999999999999999", "four", "\u{664}"]
    {
        refused(on, "HTTP/1.1", &format!("content-length: {value}\r\n"), &[400, 413]);
    }
}

/// rule(55)
fn chunked_on_http_1_0_is_refused(on: On) {
    refused(on, "HTTP/1.0", "transfer-encoding: chunked\r\n", &[400]);
}

/// rule(55)
fn a_coding_that_does_not_end_in_chunked_is_refused(on: On) {
    for value in
        ["gzip", "chunked, gzip", "identity", "chunked;q=1", "xchunked", "\"chunked\"", "chunked chunked"]
    {
        refused(on, "HTTP/1.1", &format!("transfer-encoding: {value}\r\n"), &[400, 501]);
    }
    refused(on, "HTTP/1.1", "transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n", &[400, 501]);
}

/// rule(55): a coding that isn't decoded must not pass for content; hyper's difference is listed.
fn another_coding_before_chunked_is_not_implemented(on: On) {
    if on.is_std() {
        refused(on, "HTTP/1.1", "transfer-encoding: gzip, chunked\r\n", &[501]);
        refused(on, "HTTP/1.1", "transfer-encoding: chunked, chunked\r\n", &[400]);
        refused(on, "HTTP/1.1", "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n", &[501]);
    }
}

/// rule(55)
fn chunked_is_recognised_in_any_case(on: On) {
    for value in ["Chunked", "CHUNKED", " chunked "] {
        let (server, seen) = serve(on);
        let mut client = server.client();
        let (status, closes) = smuggle(
            &mut client,
            "HTTP/1.1",
            &format!("transfer-encoding: {value}\r\n"),
            "1\r\nx\r\n0\r\n\r\n",
        );
        assert_eq!((status, closes), (200, false), "{value}");
        assert_eq!((seen.next("the first").text(), client.answer().status()), ("x", 200));
        assert_eq!(seen.next("the second").target, "/smuggled", "here it is no smuggling but pipelining");
    }
}

/// rule(50): what is wrong with chunks ends in an error of the input, never in its end, and then closes.
fn malformed_chunks_are_errors(on: On) {
    let bad = [
        "g\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nab\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3;a\rb\r\nabc\r\n0\r\n\r\n",
        "10000000000000000\r\nabc",
        "ffffffffffffffffff\r\nabc",
    ];
    for content in bad {
        let (server, seen) = serve(on);
        let mut client = server.client();
        client.send("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n");
        let answer = client.send(content).answer();
        assert!((400..500).contains(&answer.status()), "{} for {content:?}", answer.status());
        client.expect_end();
        if let Some(seen) = seen.try_next() {
            assert!(seen.body.is_err(), "{content:?} passed for {:?}", seen.body);
        }
    }
}

/// A request line that is none is answered, and the connection closed; rule(37).
fn what_is_no_request_line_is_refused(on: On) {
    for line in [
        "GET /",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET /a b HTTP/1.1",
        "GET / HTTP/1",
        "GET / http/1.1",
        "GET / HTTP/1.10",
        "/ GET HTTP/1.1",
        " GET / HTTP/1.1",
        "G\u{e9}T / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET / HTTX/1.1",
        "\u{0}",
    ] {
        let (server, seen) = serve(on);
        let mut client = server.client();
        let head = format!("{line}\r\nhost: test\r\n\r\n");
        let answer = client.ask(head);
        assert!(matches!(answer.status(), 400 | 505), "{} for {line:?}", answer.status());
        client.expect_end();
        assert!(seen.try_next().is_none(), "the app was called for {line:?}");
    }
}

mount!(
    a_length_beside_chunks_is_refused_or_void_and_closes,
    lengths_that_differ_are_refused,
    equal_lengths_are_refused_or_one,
    lengths_that_are_no_numbers_are_refused,
    chunked_on_http_1_0_is_refused,
    a_coding_that_does_not_end_in_chunked_is_refused,
    another_coding_before_chunked_is_not_implemented,
    chunked_is_recognised_in_any_case,
    malformed_chunks_are_errors,
    what_is_no_request_line_is_refused,
);
