//! HTTP/2 that breaks the protocol, by frames made by hand: malformed requests, and clients that stop at once.
//!
//! A malformed request is answered 400 or reset (RFC 9113 section 8.1.1), its app not called, and the connection goes
//! on. What ends a connection because there is too much of it is in `h2_floods.rs`.

use rsgi_tests::deadline::Events;
use rsgi_tests::frames::{Frame, flag, frame, headers, kind, preface, read_until, request};
use rsgi_tests::probe::{Seen, watching};
use rsgi_tests::{Client, On, Server};

fn connect(on: On) -> (Server, Events<Seen>, Client) {
    let (app, seen) = watching();
    let server = on.serve(app);
    let mut client = server.client();
    client.send(preface());
    (server, seen, client)
}

/// Sends frames on stream 1 that must be refused, then a good request on stream 3.
fn refused(on: On, what: &str, frames: &[u8]) {
    let (server, seen, mut client) = connect(on);
    client.send(frames);
    let ends = |frame: &Frame| {
        frame.stream == 1 && frame.kind != kind::DATA || frame.kind == kind::GOAWAY && frame.error_code() != 0
    };
    let first = read_until(&mut client, ends);
    match first.kind {
        kind::RST_STREAM => assert_eq!(first.error_code(), 1, "{what}: PROTOCOL_ERROR"),
        // The h2 crate ends the whole connection where a field can't even be held.
        kind::GOAWAY => {
            client.rest();
            client = server.client();
            client.send(preface());
        }
        // 400 by its index in the static table, the one status that fits (RFC 7541 appendix A).
        kind::HEADERS => assert_eq!(first.payload[0], 0x8c, "{what}: answered, and not by 400"),
        other => panic!("{what}: a frame of kind {other}"),
    }
    client.send(headers(3, flag::END_STREAM, &request("GET", "/fine")));
    read_until(&mut client, |frame| frame.stream == 3 && frame.kind == kind::HEADERS);
    loop {
        let seen = seen.next("the good request");
        if seen.target == "/fine" {
            break;
        }
        assert!(seen.body.is_err(), "{what}: served as {seen:?}");
    }
}

fn with<'a>(fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [request("GET", "/bad"), fields.to_vec()].concat()
}

/// rule(149)
fn connection_specific_fields_are_malformed(on: On) {
    for field in
        [("connection", "close"), ("transfer-encoding", "chunked"), ("te", "gzip"), ("keep-alive", "1")]
    {
        refused(on, field.0, &headers(1, flag::END_STREAM, &with(&[field])));
    }
}

/// rule(150)
fn upper_case_names_are_malformed(on: On) {
    refused(on, "upper case", &headers(1, flag::END_STREAM, &with(&[("X-Upper", "1")])));
}

/// rule(36, 150): nor may a field smuggle what HTTP/1 would take for a line's end.
fn fields_that_no_http_1_could_hold_are_malformed(on: On) {
    refused(on, "a line break", &headers(1, flag::END_STREAM, &with(&[("x-a", "1\r\nx-b: 2")])));
    refused(on, "a zero", &headers(1, flag::END_STREAM, &with(&[("x-a", "1\0")])));
    refused(on, "no token", &headers(1, flag::END_STREAM, &with(&[("x a", "1")])));
    refused(on, "unknown pseudo-field", &headers(1, flag::END_STREAM, &with(&[(":evil", "1")])));
    let repeated = [request("GET", "/bad"), vec![(":path", "/twice")]].concat();
    refused(on, "a pseudo-field twice", &headers(1, flag::END_STREAM, &repeated));
    let missing = [(":method", "GET"), (":scheme", "http"), (":authority", "test")];
    refused(on, "no path", &headers(1, flag::END_STREAM, &missing));
}

/// rule(23)
fn an_authority_and_a_host_that_differ_are_malformed(on: On) {
    refused(on, "host", &headers(1, flag::END_STREAM, &with(&[("host", "other")])));
}

/// rule(151)
fn a_length_that_disagrees_with_the_data_is_malformed(on: On) {
    let head = headers(1, 0, &with(&[("content-length", "5")]));
    let short = frame(kind::DATA, flag::END_STREAM, 1, b"abc");
    refused(on, "short", &[head.clone(), short].concat());
    let long = frame(kind::DATA, flag::END_STREAM, 1, b"abcdefgh");
    refused(on, "long", &[head, long].concat());
    let empty = headers(1, flag::END_STREAM, &with(&[("content-length", "5")]));
    refused(on, "nothing", &empty);
}

/// rule(153)
fn trailers_that_do_not_end_the_stream_are_malformed(on: On) {
    let frames = [headers(1, 0, &with(&[])), frame(kind::DATA, 0, 1, b"abc"), headers(1, 0, &[("x-t", "1")])];
    refused(on, "trailers", &frames.concat());
}

/// rule(130): a client that speaks HTTP/2 and nothing more is let go as well.
fn a_client_that_only_says_hello_is_let_go(on: On) {
    let (app, _seen) = watching();
    let soon = Some(std::time::Duration::from_millis(250));
    let server = on.serve_with(app, |config| {
        config.timeouts(|timeouts| (timeouts.head, timeouts.linger) = (soon, soon))
    });
    for start in [preface(), preface()[..10].to_vec()] {
        server.client().send(start).rest();
    }
}

mount_http2!(
    connection_specific_fields_are_malformed,
    upper_case_names_are_malformed,
    fields_that_no_http_1_could_hold_are_malformed,
    an_authority_and_a_host_that_differ_are_malformed,
    a_length_that_disagrees_with_the_data_is_malformed,
    trailers_that_do_not_end_the_stream_are_malformed,
    a_client_that_only_says_hello_is_let_go,
);
