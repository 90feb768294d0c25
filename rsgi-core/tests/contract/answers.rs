//! What a head means: methods and statuses without content, lengths, upgrades, and what `respond` refuses.

use std::io;

use rsgi_core::http::{Request, StatusCode, Version};
use rsgi_core::{
    App, Body, Capabilities, Delivery, Environ, Fault, Framing, Input, Phase, StartResponse, UpgradeKind,
    app_fn,
};

use crate::asking::{Road, able, ask, ask_both, ask_on, get, request};

/// A kind of body, how it is made, and its length where that is known.
type Hello = (&'static str, fn() -> Body, Option<u64>);

/// Every kind of body, with the content `hello`.
fn hellos() -> Vec<Hello> {
    vec![
        ("bytes", || Body::from("hello"), Some(5)),
        ("iterator", || Body::iter(["he", "", "llo"]), None),
        ("reader", || Body::reader(&b"hello"[..]), None),
        ("push", || Body::push(|writer| Ok(io::Write::write_all(writer, b"hello")?)), None),
        ("file", || Body::file(crate::watched::file(b"hello")).unwrap(), Some(5)),
        ("send", || Body::send(async |sender| sender.send("hello").await), None),
        ("http", || Body::http(Input::from_bytes("hello".into())), Some(5)),
        ("declared", || Body::iter(["hello"]).with_length(5), Some(5)),
    ]
}

/// Answers every request with this status, these fields and this body.
fn app(status: u16, fields: &'static [(&'static str, &'static str)], body: fn() -> Body) -> impl App {
    let status = StatusCode::from_u16(status).unwrap();
    app_fn(move |_, start_response: StartResponse| async move {
        Ok(start_response.start(status, fields.iter().copied())?.body(body()))
    })
}

#[test]
fn every_kind_of_body_arrives_whole_with_a_length_where_it_is_known() {
    // rule(89), rule(91), rule(96), rule(98)
    for (kind, body, length) in hellos() {
        let answer = ask_both(&app(200, &[], body), get);
        assert_eq!(answer.text(), "hello", "{kind}");
        assert_eq!(answer.framing, length.map_or(Framing::Unknown, Framing::Length), "{kind}");
        assert_eq!((answer.outcome.phase, answer.outcome.body_bytes), (Phase::End, 5), "{kind}");
        assert!(answer.outcome.is_whole(), "{kind}");
    }
}

#[test]
fn an_empty_body_has_length_zero() {
    // rule(90)
    for body in [Body::empty as fn() -> Body, || Body::from(""), || Body::http(Input::empty())] {
        let answer = ask_both(&app(200, &[], body), get);
        assert_eq!((answer.framing, answer.text()), (Framing::Length(0), ""));
    }
}

#[test]
fn the_answer_to_head_has_gets_fields_and_no_body() {
    // rule(84), rule(85), rule(86)
    for (kind, body, length) in hellos() {
        let answer = ask_both(&app(200, &[("x-a", "1")], body), || request("HEAD", "/"));
        assert_eq!(
            (answer.framing, answer.text(), answer.header("x-a")),
            (Framing::None, "", Some("1")),
            "{kind}"
        );
        let told = length.map(|length| length.to_string());
        assert_eq!(answer.header("content-length"), told.as_deref(), "{kind}");
        assert_eq!((answer.outcome.phase, answer.outcome.fault), (Phase::End, None), "{kind}");
    }
}

#[test]
fn heads_own_length_is_kept_and_none_is_invented() {
    // rule(85)
    let kept = ask(&app(200, &[("content-length", "1234")], Body::empty), request("HEAD", "/"));
    assert_eq!((kept.status.as_u16(), kept.header("content-length")), (200, Some("1234")));
    let none = ask(&app(200, &[], Body::empty), request("HEAD", "/"));
    assert_eq!(none.header("content-length"), None);
}

#[test]
fn statuses_without_content_have_no_body_and_no_length_is_added() {
    // rule(81), rule(82)
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for status in [204, 304] {
            for (kind, body, _) in hellos() {
                let ask_for = || Request::builder().version(version).body(Input::empty()).unwrap();
                let answer = ask_both(&app(status, &[], body), ask_for);
                assert_eq!((answer.framing, answer.text()), (Framing::None, ""), "{status} {kind}");
                assert_eq!(answer.header("content-length"), None, "{status} {kind}");
            }
        }
    }
    let no_content = ask(&app(204, &[("content-length", "5")], Body::empty), get());
    assert_eq!(no_content.header("content-length"), None);
    let not_modified = ask(&app(304, &[("content-length", "5")], Body::empty), get());
    assert_eq!((not_modified.status.as_u16(), not_modified.header("content-length")), (304, Some("5")));
}

#[test]
fn a_205_says_that_it_has_no_content() {
    // rule(83)
    for (kind, body, _) in hellos() {
        let answer = ask_both(&app(205, &[], body), get);
        assert_eq!((answer.framing, answer.text()), (Framing::Length(0), ""), "{kind}");
        assert_eq!(answer.header("content-length"), Some("0"), "{kind}");
    }
    let told = ask(&app(205, &[("content-length", "5")], Body::empty), get());
    assert_eq!(told.header("content-length"), Some("0"));
}

#[test]
fn a_success_of_connect_is_a_stream_without_length() {
    // rule(87)
    let connect = || Request::builder().method("CONNECT").uri("a.example:443").body(Input::empty()).unwrap();
    for status in [200, 204, 299] {
        let app = app(status, &[("content-length", "5")], || Body::from("hello"));
        for road in [Road::Polled, Road::Driven] {
            let answer = ask_on(&app, Environ::on_server(connect(), able(Capabilities::UPGRADE)), road);
            assert_eq!(answer.framing, Framing::Upgraded(UpgradeKind::Connect), "{status}");
            assert_eq!((answer.text(), answer.header("content-length")), ("hello", None), "{status}");
        }
        let unable = ask_both(&app, connect);
        assert_eq!((unable.status.as_u16(), unable.outcome.fault), (500, Some(Fault::Refused)));
    }
    let refused = ask_both(&app(403, &[], || Body::from("hello")), connect);
    assert_eq!((refused.framing, refused.text()), (Framing::Length(5), "hello"));
}

#[test]
fn a_declared_length_is_kept_and_frames_a_stream() {
    // rule(92)
    for (kind, body, _) in hellos() {
        let answer = ask_both(&app(200, &[("content-length", "5")], body), get);
        assert_eq!((answer.framing, answer.text()), (Framing::Length(5), "hello"), "{kind}");
        assert!(answer.outcome.is_whole(), "{kind}");
    }
}

#[test]
fn bytes_beyond_the_declared_length_are_cut_and_reported() {
    // rule(93)
    let known = |kind: &str| matches!(kind, "bytes" | "file" | "http" | "declared");
    for (kind, body, _) in hellos().into_iter().filter(|(kind, ..)| !known(kind)) {
        for (declared, fields) in [
            ("0", &[("content-length", "0")]),
            ("2", &[("content-length", "2")]),
            ("4", &[("content-length", "4")]),
        ] {
            let answer = ask_both(&app(200, fields, body), get);
            let length = declared.parse().unwrap();
            assert_eq!(answer.text(), &"hello"[..length], "{kind}");
            assert_eq!(
                (answer.error, answer.outcome.fault),
                (None, Some(Fault::Surplus)),
                "{kind} {declared}"
            );
            assert!(!answer.outcome.is_whole());
        }
    }
}

#[test]
fn fewer_bytes_than_declared_are_an_error_the_adapter_sees() {
    // rule(94), rule(107)
    let known = |kind: &str| matches!(kind, "bytes" | "file" | "http" | "declared");
    for (kind, body, _) in hellos().into_iter().filter(|(kind, ..)| !known(kind)) {
        let answer = ask_both(&app(200, &[("content-length", "6")], body), get);
        assert_eq!(answer.text(), "hello", "{kind}");
        assert!(answer.error.is_some(), "{kind}");
        assert_eq!((answer.outcome.delivery, answer.outcome.fault), (Delivery::Failed, Some(Fault::Missing)));
    }
}

#[test]
fn a_length_that_contradicts_an_exact_one_is_refused_before_sending() {
    // rule(95)
    let known = |kind: &str| matches!(kind, "bytes" | "file" | "http" | "declared");
    for (kind, body, _) in hellos().into_iter().filter(|(kind, ..)| known(kind)) {
        let answer = ask_both(&app(200, &[("content-length", "6"), ("x-a", "1")], body), get);
        assert_eq!((answer.status.as_u16(), answer.text()), (500, "500 Internal Server Error\n"), "{kind}");
        assert_eq!((answer.header("x-a"), answer.outcome.fault), (None, Some(Fault::Refused)), "{kind}");
    }
    let empty = ask(&app(200, &[("content-length", "6")], Body::empty), get());
    assert_eq!(empty.status.as_u16(), 500);
}

#[test]
fn a_status_set_without_a_check_is_refused_before_sending() {
    // rule(70)
    for status in [100, 101, 103, 199, 600] {
        let status = StatusCode::from_u16(status).unwrap();
        let app = app_fn(move |_, start_response: StartResponse| async move {
            Ok(start_response.status(status).body("hello"))
        });
        let answer = ask_both(&app, get);
        assert_eq!((answer.status.as_u16(), answer.outcome.fault), (500, Some(Fault::Refused)));
    }
}

#[test]
fn a_refused_answer_keeps_the_wish_to_close() {
    // rule(125)
    let app = app_fn(|_, start_response: StartResponse| async move {
        Ok(start_response.status(StatusCode::CONTINUE).close().empty())
    });
    assert!(ask(&app, get()).close);
    let asked = app_fn(|_, start_response: StartResponse| async move {
        Ok(start_response.status(StatusCode::OK).close().empty())
    });
    assert!(ask(&asked, get()).close);
}
