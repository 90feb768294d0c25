//! `start_response`: what it takes, what it refuses and by which name, before anything is sent.

use rsgi_core::http::{HeaderName, HeaderValue, StatusCode, header};
use rsgi_core::{
    Body, Fields, StartError, StartErrorKind, StartResponse, app_fn, is_forbidden_trailer, is_hop_by_hop,
};

use crate::asking::{ask, get};

fn start(name: &'static str, value: &'static str) -> Result<(), StartError> {
    StartResponse::new().start(StatusCode::OK, [(name, value)]).map(drop)
}

const LONG: &str = match str::from_utf8(&[b'x'; 1000]) {
    Ok(long) => long,
    Err(_) => panic!("letters are text"),
};

#[test]
fn a_refusal_names_the_field_and_the_rule() {
    // rule(74), rule(75), rule(77)
    for (name, value, kind, told) in [
        ("x a", "1", StartErrorKind::InvalidName, "x a"),
        ("", "1", StartErrorKind::InvalidName, ""),
        ("x:", "1", StartErrorKind::InvalidName, "x:"),
        ("x-é", "1", StartErrorKind::InvalidName, "x-\\u{e9}"),
        ("Status", "200", StartErrorKind::InvalidName, "status"),
        ("x-a", "1\r\nset-cookie: evil", StartErrorKind::InvalidValue, "1\\r\\nset-cookie: evil"),
        ("x-a", "\0", StartErrorKind::InvalidValue, "\\u{0}"),
        ("x-a", "\u{7f}", StartErrorKind::InvalidValue, "\\u{7f}"),
        ("Connection", "close", StartErrorKind::HopByHop, "connection"),
        ("transfer-encoding", "chunked", StartErrorKind::HopByHop, "transfer-encoding"),
        ("content-length", "1 ", StartErrorKind::InvalidLength, "1 "),
    ] {
        let error = start(name, value).unwrap_err();
        assert_eq!((error.kind(), error.value()), (kind, told), "{name:?} {value:?}");
        assert!(!error.to_string().contains(['\r', '\n', '\0']), "{error}");
    }
    assert!(start("content-length", LONG).unwrap_err().value().len() < 100, "shortened");
}

#[test]
fn a_tab_and_bytes_beyond_ascii_are_a_value() {
    // rule(75)
    let value = HeaderValue::from_bytes(b"a\tb\xe9").unwrap();
    let app = app_fn(move |_, start_response: StartResponse| {
        let value = value.clone();
        async move {
            Ok(start_response.status(StatusCode::OK).header("x-a", value)?.header("x-b", "a\tb")?.empty())
        }
    });
    let answer = ask(&app, get());
    assert_eq!((answer.headers["x-a"].as_bytes(), answer.header("x-b")), (&b"a\tb\xe9"[..], Some("a\tb")));
}

#[test]
fn fields_of_one_name_stay_apart_in_the_apps_order() {
    // rule(69), rule(76)
    let app = app_fn(|_, start_response: StartResponse| async move {
        let head = start_response
            .start(StatusCode::IM_A_TEAPOT, [("Set-Cookie", "a=1"), ("X-A", "1"), ("set-cookie", "b=2")])?
            .header(header::SET_COOKIE, String::from("c=3"))?
            .header(HeaderName::from_static("x-number"), 7_u32)?;
        Ok(head.body("hello"))
    });
    let answer = ask(&app, get());
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(answer.status.as_u16(), 418);
    assert_eq!(cookies, ["a=1", "b=2", "c=3"]);
    assert_eq!((answer.header("x-a"), answer.header("x-number")), (Some("1"), Some("7")));
}

#[test]
fn more_fields_than_a_map_holds_are_an_error_and_no_panic() {
    let mut fields = Fields::new();
    let full =
        (0..100_000_u32).find_map(|number| fields.append(format!("x-{number}"), number).err()).unwrap();
    assert_eq!(full.kind(), StartErrorKind::TooManyFields);
    for error in [fields.insert("content-length", 5_u64), fields.append("content-length", 5_u64)] {
        assert_eq!(error.unwrap_err().kind(), StartErrorKind::TooManyFields);
    }
    assert_eq!(fields.content_length(), None);
    assert!(!fields.remove(&header::ETAG) && fields.remove(&HeaderName::from_static("x-1")));
}

#[test]
fn hop_by_hop_fields_and_forbidden_trailers_are_told_apart() {
    // rule(77), rule(106)
    for name in
        ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]
    {
        let name = HeaderName::from_static(name);
        assert!(is_hop_by_hop(&name) && is_forbidden_trailer(&name), "{name}");
    }
    for name in ["content-length", "host", "authorization", "content-type", "set-cookie", "content-encoding"]
    {
        let name = HeaderName::from_static(name);
        assert!(!is_hop_by_hop(&name) && is_forbidden_trailer(&name), "{name}");
    }
    for name in ["x-checksum", "etag", "server-timing", "digest", "x-close", "tea"] {
        let name = HeaderName::from_static(name);
        assert!(!is_hop_by_hop(&name) && !is_forbidden_trailer(&name), "{name}");
    }
}

#[test]
fn the_wishes_of_a_head_reach_the_adapter() {
    // rule(80), rule(125)
    let app = app_fn(|_, start_response: StartResponse| async move {
        Ok(start_response.status(StatusCode::OK).head_at_once().close().body(Body::iter(["later"])))
    });
    let environ = rsgi_core::Environ::on_server(get(), crate::asking::plain());
    let outgoing = rsgi_core::wait(rsgi_core::respond(&app, environ)).into_body();
    assert!(outgoing.head_at_once() && outgoing.close_after());
}

#[test]
fn a_literal_is_not_copied() {
    const VALUE: &str = "a value as long as it likes to be";
    let mut fields = Fields::new();
    fields.insert("x-a-name-longer-than-any-that-is-kept-inline-in-a-header-name-of-http", VALUE).unwrap();
    let value = fields.map().values().next().unwrap();
    assert_eq!(value.as_bytes().as_ptr(), VALUE.as_ptr());
}
