//! Trailers, both ways: the request's behind the input's end, the answer's where the client asked for them.
//!
//! Their limits are in `limits.rs`, those that an app may not name in `head.rs` too.

use rsgi_core::http::{HeaderMap, HeaderName, StatusCode};
use rsgi_core::{Body, BoxApp, Capabilities, Environ, StartResponse};

use crate::client::Request;
use crate::suite::apps::{watching, watching_blocked, with_outcome};
use crate::suite::case::Case;
use crate::suite::seen::Octets;
use crate::suite::talk::{Talk, Way};
use crate::wire::answer::Framing;

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];
const SUM: HeaderName = HeaderName::from_static("x-sum");
/// RFC 9110 section 10.1.4: whoever sends TE names it in Connection too, where there is one.
const ASKED: [(&str, &str); 2] = [("te", "trailers"), ("connection", "te")];

pub(super) const CASES: &[Case] = &[
    Case::message("request_trailers_come_behind_the_input", &[66, 148], watching, both_are_seen),
    Case::message(
        "request_trailers_come_behind_the_input_of_a_blocking_app",
        &[66, 68],
        watching_blocked,
        both_are_seen,
    ),
    // RFC 9110 section 6.5.1; they never become header fields either.
    Case::message("forbidden_request_trailers_are_taken_out", &[66], watching, |talk| {
        let forbidden = [("content-length", "99"), ("host", "evil"), ("authorization", "x"), ("x-ok", "1")];
        assert_eq!(talk.post("/").pieces(["abc"]).trailers(&forbidden).answer().status(), 200);
        let seen = talk.seen();
        assert_eq!((seen.text(), seen.trailers.as_slice()), ("abc", [field("x-ok", "1")].as_slice()));
        assert_eq!(seen.all("authorization"), [""; 0]);
        assert_ne!(seen.host.as_deref(), Some("evil"));
    }),
    // Those of the framing above all: they change nothing of what follows.
    Case::wire("forbidden_request_trailers_frame_nothing", &[66, 52], watching, |talk| {
        let tail = "0\r\ncontent-length: 99\r\nhost: evil\r\nauthorization: x\r\ntransfer-encoding: chunked\r\nx-ok: 1\r\n\r\n";
        let mut client = talk.raw();
        assert_eq!(client.ask([talk.raw_chunked("/"), tail.into()].concat()).status(), 200);
        let first = talk.seen();
        assert_eq!(first.trailers, [field("x-ok", "1")]);
        assert_eq!(first.all("host"), ["test"]);
        assert_eq!(client.ask(talk.raw_get("/")).status(), 200);
    }),
    Case::message("trailers_reach_a_client_that_asked", &[105, 106, 148], trailing, |talk| {
        for _ in 0..2 {
            let answer = asking(talk, "GET", "/").answer();
            assert_eq!(answer.text(), "some text");
            let trailers = answer.trailers().expect("trailers");
            assert_eq!((trailers["x-sum"].as_bytes(), trailers.len()), (b"42".as_slice(), 1));
            assert_eq!(talk.outcome().trailers, "Sent");
        }
    })
    .needs(Capabilities::TRAILERS)
    .breaks(&["A14"]),
    Case::wire("trailers_in_chunks_are_announced", &[105, 106], trailing, |talk| {
        let mut client = talk.raw();
        let answer = client.ask(talk.raw_request("GET", "/", &ASKED, b""));
        assert_eq!((answer.framing, answer.text()), (Framing::Chunked, "some text"));
        assert_eq!(answer.field("trailer").map(str::to_ascii_lowercase).as_deref(), Some("x-sum"));
        assert_eq!(answer.trailers, [("x-sum".to_owned(), b"42".to_vec())], "and none that is forbidden");
        assert_eq!(talk.outcome().trailers, "Sent");
        assert_eq!(client.ask(talk.raw_get("/")).status(), 200);
    })
    .needs(Capabilities::TRAILERS)
    .breaks(&["A14"]),
    Case::wire("trailers_that_are_not_sent_are_told", &[105], trailing, |talk| {
        let old = format!("GET {} HTTP/1.0\r\nte: trailers\r\n{}\r\n", talk.at("/"), talk.line());
        let requests =
            [talk.raw_get("/"), old.into_bytes(), talk.raw_request("GET", "/", &[("te", "gzip")], b"")];
        for request in requests {
            let answer = talk.raw().ask(request);
            assert_eq!(answer.text(), "some text");
            assert_eq!((answer.trailers.len(), answer.field("trailer")), (0, None));
            let outcome = talk.outcome();
            assert!(outcome.trailers == "NotSent" && outcome.is_whole(), "{outcome:?}");
        }
    })
    .breaks(&["A14"]),
    // What has no content has no place behind it: HEAD, and a length that was declared.
    Case::message(
        "trailers_without_a_place_are_told",
        &[105],
        || {
            BoxApp::new(with_outcome(|_, start_response: StartResponse| {
                let body = Body::iter(["text"]).with_trailers([SUM], sum);
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
            }))
        },
        |talk| {
            let answer = asking(talk, "HEAD", "/").answer();
            assert_eq!((answer.status(), answer.trailers()), (200, None));
            let outcome = talk.outcome();
            assert!(outcome.is_whole() && outcome.trailers != "Sent", "{outcome:?}");
            assert!(asking(talk, "GET", "/").answer().is_whole(), "and all is well behind it");
        },
    ),
    // A push body and an async one have them as well.
    Case::message(
        "every_kind_of_stream_may_end_in_trailers",
        &[105],
        || {
            BoxApp::new(with_outcome(|environ: Environ, start_response: StartResponse| {
                let body = match environ.path_info() {
                    "/push" => Body::push(|writer| writer.write_bytes("text").map_err(Into::into)),
                    "/async" => Body::send(async |sender| sender.send("text").await),
                    "/iterator" => Body::iter(["te", "xt"]),
                    _ => Body::from("text"),
                };
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body.with_trailers([SUM], sum)))
            }))
        },
        |talk| {
            for kind in ["/push", "/async", "/iterator", "/bytes"] {
                let answer = asking(talk, "GET", kind).answer();
                let trailers = answer.trailers().expect(kind);
                assert_eq!((answer.text(), trailers.len()), ("text", 1), "{kind}");
                assert_eq!(trailers["x-sum"], "42", "{kind}");
                assert_eq!(talk.outcome().trailers, "Sent", "{kind}");
            }
        },
    )
    .needs(Capabilities::TRAILERS),
];

/// A request whose client takes trailers.
fn asking<'a>(talk: &'a Talk, method: &str, target: &str) -> Request<'a> {
    let [te, connection] = ASKED;
    let request = talk.request(method, target).header(te.0, te.1);
    if talk.way() == Way::Http2 { request } else { request.header(connection.0, connection.1) }
}

/// Sends trailers, some of them of one name.
fn both_are_seen(talk: &mut Talk) {
    let sent = [("x-sum", "1"), ("x-more", "a"), ("x-more", "b")];
    for _ in 0..2 {
        assert_eq!(talk.post("/").pieces(["a", "bc"]).trailers(&sent).answer().status(), 200);
        let mut seen = talk.seen();
        assert_eq!((seen.text(), seen.input_length.as_str()), ("abc", "Unknown"));
        // Fields of different names may change places.
        seen.trailers.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(seen.trailers, [field("x-more", "a"), field("x-more", "b"), field("x-sum", "1")]);
    }
}

/// An app whose answer has a trailer, and one that may not be there.
fn trailing() -> BoxApp {
    BoxApp::new(with_outcome(|_, start_response: StartResponse| {
        let body = Body::iter(["some ", "text"]).with_trailers([SUM], || {
            let mut map = sum();
            map.insert("content-length", "7".parse().expect("a value"));
            map
        });
        Ok(start_response.start(StatusCode::OK, PLAIN)?.body(body))
    }))
}

fn sum() -> HeaderMap {
    HeaderMap::from_iter([(SUM, 42.into())])
}

fn field(name: &str, value: &str) -> (String, Octets) {
    (name.to_owned(), value.as_bytes().into())
}
