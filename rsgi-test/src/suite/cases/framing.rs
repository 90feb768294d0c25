//! Where a request ends: RFC 9112 section 6, and every ambiguity that smuggling lives on.
//!
//! Whatever is decided, no byte of one request may ever become another: behind most contents here stands a request that
//! no app may see.

use super::request_line::refused;
use crate::suite::apps::watching;
use crate::suite::case::Case;
use crate::suite::talk::Talk;
use crate::wire::RawClient;

pub(super) const CASES: &[Case] = &[
    // Refused, or the length is void, and closed behind it either way: both are RFC 9112's (section 6.1).
    Case::wire("a_length_beside_chunks_is_refused_or_void_and_closes", &[53], watching, |talk| {
        for lines in [
            "content-length: 4\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        ] {
            let mut client = talk.raw();
            let (status, closes) =
                smuggle(talk, &mut client, &head(talk, "HTTP/1.1", lines), "3\r\nabc\r\n0\r\n\r\n");
            client.expect_end();
            assert!(closes && matches!(status, 200 | 400), "{status} for {lines:?}");
            if status == 200 {
                let first = talk.seen();
                assert_eq!((first.path_info.as_str(), first.text()), ("/first", "abc"));
                assert_eq!(first.all("content-length"), Vec::<&str>::new());
            }
            talk.unseen();
        }
    }),
    Case::wire("lengths_that_differ_are_refused", &[54], watching, |talk| {
        for lines in [
            "content-length: 4\r\ncontent-length: 5\r\n",
            "content-length: 5\r\nx-a: 1\r\ncontent-length: 4\r\n",
        ] {
            refused_with(talk, "HTTP/1.1", lines, &[400]);
        }
    }),
    Case::wire("equal_lengths_are_refused_or_one", &[54], watching, |talk| {
        let mut client = talk.raw();
        let lines = "content-length: 3\r\ncontent-length: 3\r\n";
        let _closed_early = client.try_send(head(talk, "HTTP/1.1", lines) + "abc");
        let answer = client.answer();
        if answer.status() == 400 {
            client.expect_end();
            talk.unseen();
        } else {
            assert_eq!((answer.status(), talk.seen().text()), (200, "abc"));
            assert_eq!(client.ask(talk.raw_get("/")).status(), 200);
        }
    }),
    Case::wire("lengths_that_are_no_numbers_are_refused", &[54], watching, |talk| {
        for value in
            ["+4", "-4", "4 4", "4,4", "4, 5", "0x4", "", "4.0", "99999999999999999999999", "four", "\u{664}"]
        {
            refused_with(talk, "HTTP/1.1", &format!("content-length: {value}\r\n"), &[400, 413]);
        }
    }),
    Case::wire("chunked_on_http_1_0_is_refused", &[55], watching, |talk| {
        refused_with(talk, "HTTP/1.0", "transfer-encoding: chunked\r\n", &[400]);
    }),
    Case::wire("a_coding_that_does_not_end_in_chunked_is_refused", &[55], watching, |talk| {
        for value in
            ["gzip", "chunked, gzip", "identity", "chunked;q=1", "xchunked", "\"chunked\"", "chunked chunked"]
        {
            refused_with(talk, "HTTP/1.1", &format!("transfer-encoding: {value}\r\n"), &[400, 501]);
        }
        let lines = "transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n";
        refused_with(talk, "HTTP/1.1", lines, &[400, 501]);
    }),
    // What isn't decoded must not pass for content.
    Case::wire("another_coding_before_chunked_is_not_implemented", &[55], watching, |talk| {
        for lines in [
            "transfer-encoding: gzip, chunked\r\n",
            "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
        ] {
            refused_with(talk, "HTTP/1.1", lines, &[501]);
        }
    }),
    Case::wire("chunked_twice_is_refused", &[55], watching, |talk| {
        for lines in [
            "transfer-encoding: chunked, chunked\r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        ] {
            refused_with(talk, "HTTP/1.1", lines, &[400]);
        }
    }),
    // Here the second request is no smuggling but pipelining.
    Case::wire("chunked_is_recognised_in_any_case", &[55], watching, |talk| {
        for value in ["Chunked", "CHUNKED", " chunked "] {
            let mut client = talk.raw();
            let lines = format!("transfer-encoding: {value}\r\n");
            let (status, closes) =
                smuggle(talk, &mut client, &head(talk, "HTTP/1.1", &lines), "1\r\nx\r\n0\r\n\r\n");
            assert_eq!((status, closes), (200, false), "{value}");
            assert_eq!((talk.seen().text(), client.answer().status()), ("x", 200));
            assert_eq!(talk.seen().path_info, "/smuggled");
        }
    }),
    // What is wrong with chunks ends in an error of the input, never in its end, and then closes.
    Case::wire("malformed_chunks_are_errors", &[50], watching, |talk| {
        for content in MALFORMED {
            let mut client = talk.raw();
            client.send(talk.raw_chunked("/"));
            let _closed_early = client.try_send(content);
            let answer = client.answer();
            assert!((400..500).contains(&answer.status()), "{} for {content:?}", answer.status());
            client.expect_end();
            if let Some(seen) =
                talk.note_within::<crate::suite::seen::Seen>("seen", std::time::Duration::ZERO)
            {
                assert!(seen.body.is_err(), "{content:?} passed for {:?}", seen.body);
            }
        }
    }),
    // A request line that is none is answered, and the connection closed. `@` stands for the target.
    Case::wire("what_is_no_request_line_is_refused", &[37], watching, |talk| {
        for line in [
            "GET @",
            "GET  @ HTTP/1.1",
            "GET @ HTTP/1.1 ",
            "GET @a b HTTP/1.1",
            "GET @ HTTP/1",
            "GET @ http/1.1",
            "GET @ HTTP/1.10",
            "@ GET HTTP/1.1",
            " GET @ HTTP/1.1",
            "G\u{e9}T @ HTTP/1.1",
            "GET\t@ HTTP/1.1",
            "GET @ HTTX/1.1",
            "\u{0}",
        ] {
            let line = line.replace('@', &talk.at("/"));
            refused(talk, format!("{line}\r\nhost: test\r\n{}\r\n", talk.line()), &[400, 505]);
        }
    }),
];

/// Contents of a chunked request that are wrong in one place.
const MALFORMED: &[&str] = &[
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

/// The head of a POST with these lines of framing.
fn head(talk: &Talk, version: &str, lines: &str) -> String {
    format!("POST {} {version}\r\nhost: test\r\n{}{lines}\r\n", talk.at("/first"), talk.line())
}

/// Sends a head with its content and, behind that, a request that may never be seen; gives the first answer's status,
/// and whether it announces the connection's end.
fn smuggle(talk: &Talk, client: &mut RawClient, head: &str, content: &str) -> (u16, bool) {
    let second = talk.raw_get("/smuggled");
    let _closed_early = client.try_send([head.as_bytes(), content.as_bytes(), &second].concat());
    let answer = client.answer();
    (answer.status(), answer.says_close())
}

/// Expects that a request of this framing is answered by one of these statuses, the connection closed behind it, and
/// nothing seen: neither it nor what it may smuggle.
fn refused_with(talk: &Talk, version: &str, lines: &str, statuses: &[u16]) {
    let request = head(talk, version, lines).into_bytes();
    let request = [request, b"0\r\n\r\n".to_vec(), talk.raw_get("/smuggled")].concat();
    refused(talk, request, statuses);
}
