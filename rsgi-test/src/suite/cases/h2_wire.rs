//! HTTP/2 that breaks the protocol, by frames made by hand: malformed requests, and clients that stop at once.
//!
//! A malformed request is answered 400 or reset (RFC 9113 section 8.1.1), its app not called, and the connection goes
//! on. What ends a connection because there is too much of it is in `h2_floods.rs`.

use std::time::Duration;

use rsgi_core::Capabilities;

use crate::suite::apps::{target, watching};
use crate::suite::case::Case;
use crate::suite::talk::Talk;
use crate::wire::RawClient;
use crate::wire::frames::{Frame, block, code, flag, frame, headers, kind, preface, read_until, request};

pub(super) const CASES: &[Case] = &[
    // RFC 9113 section 8.2.2.
    Case::frames("connection_specific_fields_are_malformed", &[149], watching, |talk| {
        for field in [
            ("connection", "close"),
            ("proxy-connection", "close"),
            ("keep-alive", "1"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "echo"),
            ("te", "gzip"),
        ] {
            refused(talk, field.0, &whole(talk, &[field]));
        }
    }),
    Case::frames("upper_case_names_are_malformed", &[150], watching, |talk| {
        refused(talk, "upper case", &whole(talk, &[("X-Upper", "1")]));
    }),
    // Nor may a field smuggle what HTTP/1 would take for a line's end.
    Case::frames("fields_that_no_http_1_could_hold_are_malformed", &[36, 150], watching, |talk| {
        refused(talk, "a line break", &whole(talk, &[("x-a", "1\r\nx-b: 2")]));
        refused(talk, "a zero", &whole(talk, &[("x-a", "1\0")]));
        refused(talk, "no token", &whole(talk, &[("x a", "1")]));
    }),
    // RFC 9113 section 8.3: known ones, each once, all that there must be, and none behind a field.
    Case::frames("pseudo_fields_that_are_not_as_they_must_be_are_malformed", &[150], watching, |talk| {
        let path = talk.at("/bad");
        let good = request("GET", &path);
        let but =
            |fields: &[(&str, &str)]| headers(1, flag::END_STREAM, &[fields, &[talk.field()][..]].concat());
        refused(talk, "an unknown one", &but(&[&good[..], &[(":evil", "1")]].concat()));
        refused(talk, "one twice", &but(&[&good[..], &[(":path", "/twice")]].concat()));
        refused(talk, "one behind a field", &but(&[&good[1..], &[("x-a", "1"), good[0]]].concat()));
        refused(talk, "no path", &but(&good[..3]));
        refused(talk, "an empty path", &but(&[&good[..3], &[(":path", "")]].concat()));
        refused(talk, "no method", &but(&good[1..]));
    }),
    // RFC 9113 section 8.3.1.
    Case::frames("an_authority_and_a_host_that_differ_are_malformed", &[23], watching, |talk| {
        refused(talk, "host", &whole(talk, &[("host", "other")]));
    }),
    // RFC 9113 section 8.1.1.
    Case::frames("a_length_that_disagrees_with_the_data_is_malformed", &[151], watching, |talk| {
        let head = head(talk, 0, &[("content-length", "5")]);
        let short = frame(kind::DATA, flag::END_STREAM, 1, b"abc");
        refused(talk, "short", &[head.clone(), short].concat());
        let long = frame(kind::DATA, flag::END_STREAM, 1, b"abcdefgh");
        refused(talk, "long", &[head, long].concat());
        refused(talk, "nothing", &whole(talk, &[("content-length", "5")]));
    }),
    // RFC 9113 section 8.1.
    Case::frames("trailers_that_do_not_end_the_stream_are_malformed", &[153], watching, |talk| {
        let content = frame(kind::DATA, 0, 1, b"abc");
        refused(talk, "trailers", &[head(talk, 0, &[]), content, headers(1, 0, &[("x-t", "1")])].concat());
    }),
    // Between the pieces of a head nothing else may stand, not even of its own stream (RFC 9113 section 6.2).
    Case::frames("a_head_is_not_interrupted", &[], watching, |talk| {
        let path = talk.at("/bad");
        let fields = [&request("GET", &path)[..], &[talk.field()]].concat();
        let half = frame(kind::HEADERS, flag::END_STREAM, 1, &block(&fields));
        let rest = frame(kind::CONTINUATION, flag::END_HEADERS, 1, &block(&[("x-a", "1")]));
        for between in [frame(kind::PING, 0, 0, b"are you?"), frame(kind::DATA, 0, 1, b"abc")] {
            let mut client = connect(talk);
            client.send([half.clone(), between, rest.clone()].concat());
            let end = read_until(&mut client, |frame| frame.kind == kind::GOAWAY);
            assert_eq!(end.error_code(), code::PROTOCOL_ERROR);
            client.rest();
            talk.unseen();
        }
    }),
    // A client that speaks HTTP/2 and nothing more is let go as well.
    Case::hosted("a_client_that_only_says_hello_is_let_go", &[130], |ground| {
        let soon = Some(Duration::from_millis(250));
        let server = ground.serve_with(target(), |config| {
            config.timeouts(|timeouts| (timeouts.head, timeouts.linger) = (soon, soon))
        });
        for start in [preface(), preface()[..10].to_vec()] {
            server.client().send(start).rest();
        }
    })
    .needs(Capabilities::HTTP2),
];

fn connect(talk: &Talk) -> RawClient {
    let mut client = talk.raw();
    client.send(preface());
    client
}

/// A head on stream 1 to the case's app, with these fields besides.
fn head(talk: &Talk, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let path = talk.at("/bad");
    headers(1, flags, &[&request("GET", &path)[..], &[talk.field()], fields].concat())
}

/// The same without content.
fn whole(talk: &Talk, fields: &[(&str, &str)]) -> Vec<u8> {
    head(talk, flag::END_STREAM, fields)
}

/// Sends frames on stream 1 that must be refused, then a good request on stream 3.
fn refused(talk: &Talk, what: &str, frames: &[u8]) {
    let mut client = connect(talk);
    // What the server refuses early it may not take to the end.
    let _refused_already = client.try_send(frames);
    let ends = |frame: &Frame| {
        frame.stream == 1 && frame.kind != kind::DATA || frame.kind == kind::GOAWAY && frame.error_code() != 0
    };
    let first = read_until(&mut client, ends);
    match first.kind {
        kind::RST_STREAM => assert_eq!(first.error_code(), code::PROTOCOL_ERROR, "{what}"),
        // Where a field can't even be held, the whole connection may end.
        kind::GOAWAY => {
            client.rest();
            client = connect(talk);
        }
        // 400 by its index in the static table, the one status that fits (RFC 7541 appendix A).
        kind::HEADERS => assert_eq!(first.payload[0], 0x8c, "{what}: answered, and not by 400"),
        other => panic!("{what}: a frame of kind {other}"),
    }
    let path = talk.at("/fine");
    let good = [&request("GET", &path)[..], &[talk.field()]].concat();
    client.send(headers(3, flag::END_STREAM, &good));
    read_until(&mut client, |frame| frame.stream == 3 && frame.kind == kind::HEADERS);
    loop {
        let seen = talk.seen();
        if seen.path_info == "/fine" {
            break;
        }
        assert!(seen.body.is_err(), "{what}: served as {seen:?}");
    }
}
