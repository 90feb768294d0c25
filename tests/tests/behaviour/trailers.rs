//! Trailers, both ways: the request's behind the input's end, the answer's where the client asked for them.

use rsgi_core::http::{HeaderMap, HeaderName, StatusCode};
use rsgi_core::{App, Body, Outcome, StartResponse, Trailers};
use rsgi_tests::answer::Framing;
use rsgi_tests::bytes::{chunked_head, get, request};
use rsgi_tests::deadline::Events;
use rsgi_tests::probe::{MakeBody, watching, watching_blocked, with_outcome};
use rsgi_tests::{On, mount};

/// rule(66)
fn request_trailers_come_behind_the_input(on: On) {
    let tail = "3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-more: a\r\nx-more: b\r\n\r\n";
    let expected: Vec<(String, Vec<u8>)> = [("x-sum", "1"), ("x-more", "a"), ("x-more", "b")]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    let sort = |mut fields: Vec<(String, Vec<u8>)>| {
        fields.sort_by(|one, other| one.0.cmp(&other.0));
        fields
    };
    let (app, seen) = watching();
    let server = on.serve(app);
    assert_eq!(server.client().ask([chunked_head("/"), tail.into()].concat()).status(), 200);
    assert_eq!(sort(seen.next("the request").trailers), sort(expected.clone()));
    let (app, seen) = watching_blocked();
    let server = on.serve(app);
    assert_eq!(server.client().ask([chunked_head("/"), tail.into()].concat()).status(), 200);
    assert_eq!(sort(seen.next("the request").trailers), sort(expected));
}

/// rule(66): RFC 9110 section 6.5.1; they never become header fields either.
fn forbidden_request_trailers_are_taken_out(on: On) {
    let (app, seen) = watching();
    let server = on.serve(app);
    let tail = "0\r\ncontent-length: 99\r\nhost: evil\r\nauthorization: x\r\ntransfer-encoding: chunked\r\nx-ok: 1\r\n\r\n";
    let mut client = server.client();
    assert_eq!(client.ask([chunked_head("/"), tail.into()].concat()).status(), 200);
    let first = seen.next("the request");
    assert_eq!(first.trailers, [("x-ok".to_owned(), b"1".to_vec())]);
    assert_eq!(first.all("host"), ["test"]);
    assert_eq!(client.ask(get("/")).status(), 200);
}

fn trailing() -> (impl App, Events<Outcome>) {
    with_outcome(|_, start_response: StartResponse| {
        let body = Body::iter(["some ", "text"]).with_trailers([HeaderName::from_static("x-sum")], || {
            let mut map = HeaderMap::new();
            map.insert("x-sum", "42".parse().expect("a value"));
            map.insert("content-length", "7".parse().expect("a value"));
            map
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    })
}

/// rule(105, 106)
fn trailers_reach_a_client_that_asked(on: On) {
    let (app, outcomes) = trailing();
    let server = on.serve(app);
    let mut client = server.client();
    let answer = client.ask(request("GET", "/", &[("te", "trailers"), ("connection", "te")], b""));
    assert_eq!((answer.framing, answer.text()), (Framing::Chunked, "some text"));
    assert_eq!(answer.field("trailer").map(str::to_ascii_lowercase).as_deref(), Some("x-sum"));
    assert_eq!(answer.trailers, [("x-sum".to_owned(), b"42".to_vec())], "and none that is forbidden");
    assert_eq!(outcomes.next("the outcome").trailers, Trailers::Sent);
    assert_eq!(client.ask(get("/")).status(), 200);
}

/// rule(105)
fn trailers_that_are_not_sent_are_told(on: On) {
    let (app, outcomes) = trailing();
    let server = on.serve(app);
    let requests: [&[u8]; 3] =
        [&get("/"), b"GET / HTTP/1.0\r\nte: trailers\r\n\r\n", &request("GET", "/", &[("te", "gzip")], b"")];
    for request in requests {
        let answer = server.client().ask(request);
        assert_eq!(answer.text(), "some text");
        assert_eq!((answer.trailers.len(), answer.field("trailer")), (0, None));
        let outcome = outcomes.next("the outcome");
        assert_eq!(outcome.trailers, Trailers::NotSent);
        assert!(outcome.is_whole(), "{outcome:?}");
    }
}

/// rule(105): a push body and an async one have them as well.
fn every_kind_of_stream_may_end_in_trailers(on: On) {
    let map = || {
        let mut map = HeaderMap::new();
        map.insert("x-sum", "42".parse().expect("a value"));
        map
    };
    let bodies: [(&str, MakeBody); 3] = [
        (
            "push",
            Box::new(move || {
                Body::push(|writer| writer.write_bytes("text").map_err(Into::into))
                    .with_trailers([HeaderName::from_static("x-sum")], map)
            }),
        ),
        (
            "async",
            Box::new(move || {
                Body::send(async |sender| sender.send("text").await)
                    .with_trailers([HeaderName::from_static("x-sum")], map)
            }),
        ),
        (
            "bytes",
            Box::new(move || Body::from("text").with_trailers([HeaderName::from_static("x-sum")], map)),
        ),
    ];
    for (kind, body) in bodies {
        let (app, outcomes) = with_outcome(move |_, start_response: StartResponse| {
            Ok(start_response.status(StatusCode::OK).body(body()))
        });
        let server = on.serve(app);
        let answer =
            server.client().ask(request("GET", "/", &[("te", "trailers"), ("connection", "te")], b""));
        assert_eq!((answer.text(), answer.trailers.len()), ("text", 1), "{kind}");
        assert_eq!(outcomes.next("the outcome").trailers, Trailers::Sent, "{kind}");
    }
}

mount!(
    request_trailers_come_behind_the_input,
    forbidden_request_trailers_are_taken_out,
    trailers_reach_a_client_that_asked,
    trailers_that_are_not_sent_are_told,
    every_kind_of_stream_may_end_in_trailers,
);
