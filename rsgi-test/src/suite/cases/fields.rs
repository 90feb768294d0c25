//! Request fields: what reaches the app, in which form, and which bytes are refused.
//!
//! Limits on their sizes are in `limits.rs`, those that frame the body in `framing.rs`.

use super::request_line::{refused, sees};
use crate::suite::apps::watching;
use crate::suite::case::Case;
use crate::suite::seen::Seen;
use crate::suite::talk::Talk;

pub(super) const CASES: &[Case] = &[
    Case::wire("names_come_in_one_case", &[29], watching, |talk| {
        let seen = seen_with(talk, b"X-MiXeD: Va\r\nACCEPT: B\r\n");
        assert_eq!((seen.all("x-mixed"), seen.all("accept")), (vec!["Va"], vec!["B"]));
    }),
    Case::message("a_name_is_found_in_any_case", &[29], watching, |talk| {
        talk.get("/").header("X-MiXeD", "Va").answer();
        let seen = talk.seen();
        assert_eq!((seen.all("x-mixed"), seen.var("HTTP_X_MIXED")), (vec!["Va"], Some("Va")));
    }),
    // The CGI view has one variable for all of a name.
    Case::message("repeated_fields_stay_apart_and_in_order", &[30], watching, |talk| {
        let request = talk.get("/").header("x-a", "1").header("x-b", "2");
        request.header("x-a", "3, 4").header("X-A", "1").header("x-a", "5").answer();
        let seen = talk.seen();
        assert_eq!(seen.all("x-a"), ["1", "3, 4", "1", "5"]);
        assert_eq!(seen.var("HTTP_X_A"), Some("1, 3, 4, 1, 5"));
    }),
    Case::message("bytes_beyond_ascii_survive", &[32], watching, |talk| {
        let value = b"\xe9\xff \xc3\xa9";
        talk.get("/").header("x-a", value).answer();
        let seen = talk.seen();
        assert!(seen.headers.contains(&("x-a".to_owned(), value.as_slice().into())), "{:?}", seen.headers);
        assert_eq!(seen.vars["HTTP_X_A"], value);
    }),
    Case::wire("whitespace_round_a_value_is_none_of_it", &[33], watching, |talk| {
        let seen = seen_with(talk, b"x-a: \t a \t b \t \r\nx-b:c\r\nx-c:\r\nx-d: \t \r\n");
        assert_eq!(seen.all("x-a"), ["a \t b"]);
        assert_eq!((seen.all("x-b"), seen.all("x-c"), seen.all("x-d")), (vec!["c"], vec![""], vec![""]));
    }),
    // RFC 9112 section 5.2: refused, or spaces in its place.
    Case::wire("a_folded_line_is_refused_or_made_one", &[35], watching, |talk| {
        for line in ["x-a: 1\r\n folded\r\n", "x-a: 1\r\n\tfolded\r\n"] {
            let mut client = talk.raw();
            match client.ask(with_lines(talk, line.as_bytes())).status() {
                400 => {
                    client.expect_end();
                    talk.unseen();
                }
                200 => {
                    let seen = talk.seen();
                    let words: Vec<&str> = seen.all("x-a").iter().flat_map(|it| it.split(' ')).collect();
                    assert_eq!((words.first(), words.last()), (Some(&"1"), Some(&"folded")));
                    assert!(!seen.all("x-a")[0].contains(['\r', '\n', '\t']), "{:?}", seen.all("x-a"));
                }
                status => panic!("{status} for {line:?}"),
            }
        }
    }),
    Case::wire("malformed_fields_are_refused", &[34, 36], watching, |talk| {
        let lines: [&[u8]; 11] = [
            b"x-a : 1\r\n",
            b"x-a\t: 1\r\n",
            b"x-a: 1\x002\r\n",
            b"x-a: 1\r2\r\n",
            b"x-a: 1\x7f\r\n",
            b"x-a: 1\x012\r\n",
            b"no colon\r\n",
            b": no name\r\n",
            b"x a: 1\r\n",
            b"x\xe9: 1\r\n",
            b"\"x\": 1\r\n",
        ];
        for line in lines {
            refused(talk, with_lines(talk, line), &[400]);
        }
    }),
    Case::wire("whitespace_before_the_first_field_is_refused", &[37], watching, |talk| {
        for (first, second) in [(" host: test\r\n", ""), (" x-a: 1\r\n", "host: test\r\n")] {
            let head = format!("GET {} HTTP/1.1\r\n{first}{second}{}\r\n", talk.at("/"), talk.line());
            refused(talk, head, &[400]);
        }
    }),
    // RFC 9112 section 2.2 lets a server take a bare LF for a line's end, but then for that alone: it is no part of a
    // value, and no header is split by one.
    Case::wire("a_bare_line_feed_is_refused_or_ends_the_line", &[36], watching, |talk| {
        let (target, line) = (talk.at("/a"), talk.line());
        for head in [
            format!("GET {target} HTTP/1.1\nhost: test\r\n{line}x-a: 1\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nhost: test\n{line}x-a: 1\r\n\r\n"),
            format!("GET {target} HTTP/1.1\r\nhost: test\r\n{line}x-a: 1\n\r\n"),
        ] {
            let mut client = talk.raw();
            let _closed_early = client.try_send(&head);
            let answer = client.answer();
            if answer.status() == 400 {
                client.expect_end();
                talk.unseen();
            } else {
                assert_eq!((answer.status(), answer.text()), (200, "seen"), "{head:?}");
                let seen = talk.seen();
                assert_eq!((seen.path_info.as_str(), seen.all("host")), ("/a", vec!["test"]), "{head:?}");
                assert_eq!(seen.all("x-a"), ["1"], "{head:?}");
            }
        }
    }),
    Case::wire("an_empty_line_before_the_request_is_skipped", &[38], watching, |talk| {
        let seen = sees(talk, [b"\r\n".as_slice(), &talk.raw_get("/a")].concat());
        assert_eq!(seen.path_info, "/a");
    }),
    Case::message("large_legal_fields_pass", &[40, 42], watching, |talk| {
        for size in [128, 4096, 8192] {
            let value = "v".repeat(size);
            talk.get("/").header("x-large", &value).header("authorization", "Basic dXNlcjpwYXNz").answer();
            let seen = talk.seen();
            assert_eq!(seen.all("x-large"), [value.as_str()]);
            assert_eq!(seen.all("authorization"), ["Basic dXNlcjpwYXNz"]);
        }
    }),
    Case::message("an_underscore_cannot_pose_as_a_hyphen", &[41], watching, |talk| {
        let request = talk.get("/").header("x_user", "evil").header("x-user", "good");
        request.header("x_user", "evil").answer();
        assert_eq!(talk.seen().var("HTTP_X_USER"), Some("good"));
        talk.get("/").header("x_user", "evil").answer();
        assert_eq!(talk.seen().var("HTTP_X_USER"), None);
        talk.get("/").header("content_length", "5").answer();
        let seen = talk.seen();
        assert_eq!((seen.var("CONTENT_LENGTH"), seen.text()), (None, ""));
    }),
    Case::message("content_type_and_length_have_one_variable_each_and_proxy_none", &[43], watching, |talk| {
        let request = talk.post("/").header("host", "test").header("content-type", "text/x");
        request.header("proxy", "evil").body("hi").answer();
        let seen = talk.seen();
        assert_eq!((seen.var("CONTENT_TYPE"), seen.var("CONTENT_LENGTH")), (Some("text/x"), Some("2")));
        for absent in ["HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_PROXY"] {
            assert_eq!(seen.var(absent), None, "{absent}");
        }
        assert_eq!(seen.var("HTTP_HOST"), Some("test"));
    }),
    Case::message("transfer_codings_are_taken_off", &[44], watching, |talk| {
        talk.post("/").pieces(["a", "bc"]).answer();
        let seen = talk.seen();
        assert_eq!((seen.text(), seen.var("CONTENT_LENGTH")), ("abc", None));
    }),
    // They are the connection's, and no news for an app; those that a server leaves in place change nothing.
    Case::wire("fields_of_the_connection_change_nothing_for_the_app", &[44], watching, |talk| {
        let plain = seen_with(talk, b"x-a: 1\r\n");
        let lines = b"x-a: 1\r\nconnection: keep-alive, x-hop\r\nkeep-alive: timeout=5\r\nte: trailers\r\nx-hop: 1\r\n";
        let seen = seen_with(talk, lines);
        assert_eq!((&seen.body, &seen.input_length), (&plain.body, &plain.input_length));
        assert_eq!(seen.all("x-a"), ["1"]);
    }),
];

/// The head of a GET with these lines behind its own.
fn with_lines(talk: &Talk, lines: &[u8]) -> Vec<u8> {
    let head = format!("GET {} HTTP/1.1\r\nhost: test\r\n{}", talk.at("/"), talk.line());
    [head.as_bytes(), lines, b"\r\n"].concat()
}

fn seen_with(talk: &Talk, lines: &[u8]) -> Seen {
    sees(talk, with_lines(talk, lines))
}
