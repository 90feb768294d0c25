//! Request fields: what reaches the app, in which form, and which bytes are refused.
//!
//! Limits on their sizes are in `limits.rs`, those that frame the body in `framing.rs`.

use rsgi_tests::bytes::{get, request};
use rsgi_tests::probe::{Seen, watching};
use rsgi_tests::{On, mount};

fn seen(on: On, bytes: impl AsRef<[u8]>) -> Seen {
    let (app, seen) = watching();
    let server = on.serve(app);
    assert_eq!(server.client().ask(bytes).status(), 200);
    seen.next("the request")
}

fn with_lines(lines: &[u8]) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nhost: test\r\n", lines, b"\r\n"].concat()
}

/// rule(29)
fn names_come_in_one_case(on: On) {
    let seen = seen(on, with_lines(b"X-MiXeD: Va\r\nACCEPT: B\r\n"));
    assert_eq!((seen.all("x-mixed"), seen.all("accept")), (vec!["Va"], vec!["B"]));
}

/// rule(30)
fn repeated_fields_stay_apart_and_in_order(on: On) {
    let seen = seen(on, with_lines(b"x-a: 1\r\nx-b: 2\r\nx-a: 3, 4\r\nX-A: 1\r\n"));
    assert_eq!(seen.all("x-a"), ["1", "3, 4", "1"]);
    assert_eq!(seen.var("HTTP_X_A"), Some("1, 3, 4, 1"), "CGI has one variable for all");
}

/// rule(32)
fn bytes_beyond_ascii_survive(on: On) {
    let seen = seen(on, with_lines(b"x-a: \xe9\xff \xc3\xa9\r\n"));
    assert!(seen.headers.contains(&("x-a".to_owned(), b"\xe9\xff \xc3\xa9".to_vec())));
    assert_eq!(seen.vars["HTTP_X_A"], b"\xe9\xff \xc3\xa9");
}

/// rule(33)
fn whitespace_round_a_value_is_none_of_it(on: On) {
    let seen = seen(on, with_lines(b"x-a: \t a \t b \t \r\nx-b:c\r\nx-c:\r\nx-d: \t \r\n"));
    assert_eq!(seen.all("x-a"), ["a \t b"]);
    assert_eq!((seen.all("x-b"), seen.all("x-c"), seen.all("x-d")), (vec!["c"], vec![""], vec![""]));
}

/// rule(34, 35, 36, 37)
fn malformed_fields_are_refused(on: On) {
    let (app, seen) = watching();
    let server = on.serve(app);
    let lines: [&[u8]; 13] = [
        b"x-a : 1\r\n",
        b"x-a\t: 1\r\n",
        b"x-a: 1\r\n folded\r\n",
        b"x-a: 1\r\n\tfolded\r\n",
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
        let mut client = server.client();
        let answer = client.ask(with_lines(line));
        assert_eq!(answer.status(), 400, "{:?}", String::from_utf8_lossy(line));
        client.expect_end();
    }
    let mut client = server.client();
    assert_eq!(client.ask("GET / HTTP/1.1\r\n host: test\r\n\r\n").status(), 400);
    client.expect_end();
    assert!(seen.try_next().is_none(), "no app sees any of these");
}

/// rule(36): hyper takes a bare LF for a line's end before its adapter sees it; see `docs/differences.md`.
fn a_bare_line_feed_is_no_line_end(on: On) {
    let (app, _seen) = watching();
    let server = on.serve(app);
    let heads = ["GET / HTTP/1.1\nhost: test\r\n\r\n", "GET / HTTP/1.1\r\nhost: test\n\r\n"];
    for head in heads {
        let answer = server.client().ask(head);
        assert_eq!(answer.status(), if on.is_std() { 400 } else { 200 }, "{head:?}");
    }
}

/// rule(38)
fn an_empty_line_before_the_request_is_skipped(on: On) {
    assert_eq!(seen(on, [b"\r\n".as_slice(), &get("/a")].concat()).target, "/a");
}

/// rule(40, 42)
fn large_legal_fields_pass(on: On) {
    for size in [128, 4096, 8192] {
        let value = "v".repeat(size);
        let fields = [("x-large", value.as_str()), ("authorization", "Basic dXNlcjpwYXNz")];
        let seen = seen(on, request("GET", "/", &fields, b""));
        assert_eq!(seen.all("x-large"), [value.as_str()]);
        assert_eq!(seen.all("authorization"), ["Basic dXNlcjpwYXNz"]);
    }
}

/// rule(41)
fn an_underscore_cannot_pose_as_a_hyphen(on: On) {
    let both = seen(on, with_lines(b"x_user: evil\r\nx-user: good\r\nx_user: evil\r\n"));
    assert_eq!(both.var("HTTP_X_USER"), Some("good"));
    let alone = seen(on, with_lines(b"x_user: evil\r\n"));
    assert_eq!(alone.var("HTTP_X_USER"), None);
    let length = seen(on, with_lines(b"content_length: 5\r\n"));
    assert_eq!((length.var("CONTENT_LENGTH"), length.text()), (None, ""));
}

/// rule(43)
fn content_type_and_length_have_one_variable_each_and_proxy_none(on: On) {
    let fields = [("content-type", "text/x"), ("content-length", "2"), ("proxy", "evil")];
    let seen = seen(on, request("POST", "/", &fields, b"hi"));
    assert_eq!((seen.var("CONTENT_TYPE"), seen.var("CONTENT_LENGTH")), (Some("text/x"), Some("2")));
    for absent in ["HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_PROXY"] {
        assert_eq!(seen.var(absent), None, "{absent}");
    }
    assert_eq!(seen.var("HTTP_HOST"), Some("test"));
}

/// rule(44)
fn transfer_codings_are_taken_off(on: On) {
    let head = "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
    let seen = seen(on, format!("{head}3\r\nabc\r\n0\r\n\r\n"));
    assert_eq!((seen.text(), seen.var("CONTENT_LENGTH")), ("abc", None));
}

mount!(
    names_come_in_one_case,
    repeated_fields_stay_apart_and_in_order,
    bytes_beyond_ascii_survive,
    whitespace_round_a_value_is_none_of_it,
    malformed_fields_are_refused,
    a_bare_line_feed_is_no_line_end,
    an_empty_line_before_the_request_is_skipped,
    large_legal_fields_pass,
    an_underscore_cannot_pose_as_a_hyphen,
    content_type_and_length_have_one_variable_each_and_proxy_none,
    transfer_codings_are_taken_off,
);
