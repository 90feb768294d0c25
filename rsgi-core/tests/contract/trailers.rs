//! Trailers of answers: announced, sent where the protocol and the client take them, told where not.

use std::io::Write;

use rsgi_core::http::{HeaderName, HeaderValue, Request, StatusCode, Version};
use rsgi_core::{Body, Environ, Framing, Input, StartResponse, Trailers, Writer, app_fn};

use crate::asking::{Road, ask_on, plain};
use crate::bodies::{answer, ask_with};

fn trailer(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}

fn takes_trailers() -> Request<Input> {
    Request::builder().header("te", "deflate, Trailers").body(Input::empty()).unwrap()
}

const SUM: HeaderName = HeaderName::from_static("x-sum");

/// Bodies that give the trailer `x-sum: 9`.
const TRAILED: [fn() -> Body; 6] = [
    || Body::from("a").with_trailers([SUM], || [trailer("x-sum", "9")].into_iter().collect()),
    || Body::iter(["a"]).with_trailers([SUM], || [trailer("x-sum", "9")].into_iter().collect()),
    || push_with_trailers("9").announce_trailers([SUM]),
    || push_with_trailers("lost").with_trailers([SUM], || [trailer("x-sum", "9")].into_iter().collect()),
    || send_with_trailers("9").announce_trailers([SUM]).map(Ok),
    || send_with_trailers("lost").with_trailers([SUM], || [trailer("x-sum", "9")].into_iter().collect()),
];

fn push_with_trailers(sum: &'static str) -> Body {
    Body::push(move |writer: &mut Writer<'_>| {
        writer.write_all(b"a")?;
        Ok(writer.trailers([trailer("x-sum", sum)].into_iter().collect())?)
    })
}

fn send_with_trailers(sum: &'static str) -> Body {
    Body::send(async move |sender| {
        sender.send("a").await?;
        sender.trailers([trailer("x-sum", sum)].into_iter().collect());
        Ok(())
    })
}

#[test]
fn trailers_go_out_announced_to_a_client_that_takes_them() {
    // rule(105)
    for body in TRAILED {
        let answer = ask_with(takes_trailers, body);
        assert_eq!((answer.text(), answer.header("trailer")), ("a", Some("x-sum")));
        assert_eq!(answer.trailers.unwrap()["x-sum"], "9");
        assert_eq!((answer.framing, answer.outcome.trailers), (Framing::Unknown, Trailers::Sent));
    }
}

#[test]
fn trailers_that_cannot_go_out_are_told_as_not_sent() {
    // rule(105)
    let not_taken = [
        || Request::builder().body(Input::empty()).unwrap(),
        || Request::builder().header("te", "deflate").body(Input::empty()).unwrap(),
        || {
            Request::builder()
                .version(Version::HTTP_10)
                .header("te", "trailers")
                .body(Input::empty())
                .unwrap()
        },
    ];
    for request in not_taken {
        for body in TRAILED {
            let answer = ask_with(request, body);
            assert_eq!(
                (answer.text(), &answer.trailers, answer.outcome.trailers),
                ("a", &None, Trailers::NotSent)
            );
            assert_eq!((answer.headers.get("trailer"), answer.outcome.fault), (None, None));
        }
    }
    // A length leaves no place behind the body.
    let declared = ask_with(takes_trailers, || TRAILED[1]().with_length(1));
    assert_eq!((declared.trailers, declared.outcome.trailers), (None, Trailers::NotSent));
    let none = answer(|| Body::iter(["a"]));
    assert_eq!(none.outcome.trailers, Trailers::None);
}

#[test]
fn http2_needs_no_te_for_trailers_and_lets_them_follow_a_length() {
    // rule(105)
    let request = || Request::builder().version(Version::HTTP_2).body(Input::empty()).unwrap();
    for body in TRAILED {
        let answer = ask_with(request, body);
        assert_eq!(answer.trailers.unwrap()["x-sum"], "9");
    }
    let declared = ask_with(request, || TRAILED[1]().with_length(1));
    assert_eq!((declared.text(), declared.framing), ("a", Framing::Length(1)));
    assert_eq!(declared.trailers.unwrap()["x-sum"], "9");
}

#[test]
fn a_server_without_a_place_for_trailers_is_given_none() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for body in TRAILED {
            let request =
                || Request::builder().version(version).header("te", "trailers").body(Input::empty()).unwrap();
            let app = app_fn(move |_, start_response: StartResponse| async move {
                Ok(start_response.status(StatusCode::OK).body(body()))
            });
            for road in [Road::Polled, Road::Driven] {
                let environ = Environ::on_server(request(), plain());
                let answer = ask_on(&app, environ, road);
                assert_eq!((answer.text(), answer.headers.get("trailer")), ("a", None));
                assert_eq!((answer.trailers, answer.outcome.trailers), (None, Trailers::NotSent));
            }
        }
    }
}

#[test]
fn forbidden_trailers_are_neither_announced_nor_sent() {
    // rule(106)
    const NAMES: [&str; 6] =
        ["content-length", "transfer-encoding", "host", "authorization", "content-type", "set-cookie"];
    let answer = ask_with(takes_trailers, || {
        let names = NAMES.map(HeaderName::from_static).into_iter().chain([SUM]);
        Body::iter(["a"]).with_trailers(names, || {
            NAMES.into_iter().chain(["x-sum"]).map(|name| trailer(name, "9")).collect()
        })
    });
    assert_eq!(answer.headers.get_all("trailer").iter().collect::<Vec<_>>(), ["x-sum"]);
    assert_eq!(answer.trailers.unwrap().keys().collect::<Vec<_>>(), ["x-sum"]);
}

#[test]
fn a_trailer_that_was_not_announced_stays_behind_on_http_1() {
    // rule(105)
    let body = || Body::iter(["a"]).with_trailers([SUM], || [trailer("x-other", "1")].into_iter().collect());
    let answer = ask_with(takes_trailers, body);
    assert_eq!((answer.trailers, answer.outcome.trailers), (None, Trailers::NotSent));
}
