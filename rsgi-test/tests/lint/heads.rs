//! What an app's head must not say: refused fields, content types, lengths, upgrades.

use rsgi_core::http::{HeaderName, Method, Response, StatusCode, header};
use rsgi_core::{Body, Capabilities, Environ, Error, Input, StartResponse, Started};
use rsgi_test::lint::{Check, Finding, checks};

use crate::asking::{able, environ, environ_of, found_in, get, only};

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];

fn found(answer: impl FnOnce(StartResponse) -> Result<Started, Error> + Send + 'static) -> Vec<Finding> {
    found_in(environ(), answer)
}

fn refused(check: &Check, name: &'static str, value: &'static str) -> Finding {
    only(
        check,
        &found(move |start_response| Ok(start_response.start(StatusCode::OK, [(name, value)])?.empty())),
    )
}

#[test]
fn a_final_status_is_no_1xx() {
    let started = |start_response: StartResponse| Ok(start_response.status(StatusCode::CONTINUE).empty());
    assert_eq!(only(&checks::STATUS, &found(started)).value, "100");
    let refused =
        |start_response: StartResponse| Ok(start_response.start(StatusCode::EARLY_HINTS, PLAIN)?.empty());
    assert_eq!(only(&checks::STATUS, &found(refused)).value, "103");
}

#[test]
fn a_101_by_hand_is_no_upgrade() {
    let by_hand =
        |start_response: StartResponse| Ok(start_response.status(StatusCode::SWITCHING_PROTOCOLS).empty());
    only(&checks::STATUS, &found(by_hand));
}

#[test]
fn a_refused_name_is_told() {
    assert_eq!(refused(&checks::FIELD_NAME, "a b", "1").value, "a b");
    refused(&checks::FIELD_NAME, "status", "200 OK");
}

#[test]
fn a_refused_value_is_told() {
    assert_eq!(refused(&checks::FIELD_VALUE, "x-a", "1\r\nx: 2").value, "1\\r\\nx: 2");
}

#[test]
fn a_hop_by_hop_field_is_told() {
    assert_eq!(refused(&checks::HOP_BY_HOP, "connection", "close").value, "connection");
    refused(&checks::HOP_BY_HOP, "transfer-encoding", "chunked");
}

#[test]
fn a_refused_error_is_found_along_its_sources() {
    let found = found(|start_response| {
        let refused = start_response.start(StatusCode::OK, [("te", "trailers")]).unwrap_err();
        Err(std::io::Error::other(refused).into())
    });
    only(&checks::HOP_BY_HOP, &found);
}

#[test]
fn a_refused_length_is_told() {
    assert_eq!(refused(&checks::LENGTH_VALUE, "content-length", "+1").value, "+1");
}

#[test]
fn content_says_what_it_is() {
    let whole = |start_response: StartResponse| Ok(start_response.status(StatusCode::OK).body("abc"));
    assert_eq!(only(&checks::CONTENT_TYPE_MISSING, &found(whole)).value, "3 bytes");
    let pieces = |start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body(Body::iter(["", "ab"])))
    };
    assert_eq!(only(&checks::CONTENT_TYPE_MISSING, &found(pieces)).value, "a piece of 2 bytes");
    let empty = |start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body(Body::iter(std::iter::empty::<&str>())))
    };
    assert!(found(empty).is_empty());
}

#[test]
fn no_content_has_no_content_type() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let found = found(move |start_response| Ok(start_response.start(status, PLAIN)?.empty()));
        only(&checks::CONTENT_TYPE_SURPLUS, &found);
    }
}

#[test]
fn no_content_has_no_length() {
    let with_length = |status| {
        move |start_response: StartResponse| {
            Ok(start_response.start(status, [(header::CONTENT_LENGTH, 0_u64)])?.empty())
        }
    };
    only(&checks::CONTENT_LENGTH_SURPLUS, &found(with_length(StatusCode::NO_CONTENT)));
    assert!(found(with_length(StatusCode::NOT_MODIFIED)).is_empty());
}

#[test]
fn content_needs_a_status_that_has_some() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        only(&checks::NO_CONTENT, &found(move |it| Ok(it.status(status).body("abc"))));
        only(&checks::NO_CONTENT, &found(move |it| Ok(it.status(status).body(Body::iter(["abc"])))));
    }
}

#[test]
fn a_205_has_no_content() {
    only(&checks::RESET_CONTENT, &found(|it| Ok(it.status(StatusCode::RESET_CONTENT).body("abc"))));
    assert!(found(|it| Ok(it.status(StatusCode::RESET_CONTENT).empty())).is_empty());
}

#[test]
fn a_content_length_agrees_with_an_exact_length() {
    let lying = |start_response: StartResponse| {
        Ok(start_response.start(StatusCode::OK, PLAIN)?.header("content-length", 4_u64)?.body("abc"))
    };
    assert_eq!(only(&checks::LENGTH_CONFLICT, &found(lying)).value, "4 declared, 3 in the body");
    let of_get = |start_response: StartResponse| {
        Ok(start_response.start(StatusCode::OK, PLAIN)?.header("content-length", 4_u64)?.empty())
    };
    // An app that has nothing to send for HEAD may still say what GET would have.
    assert!(found_in(environ_of(get("/").method(Method::HEAD)), of_get).is_empty());
}

#[test]
fn an_upgrade_was_offered() {
    let switching = |start_response: StartResponse| {
        let response = Response::builder().status(101).header("upgrade", "echo").body(Body::empty())?;
        Ok(start_response.respond(response)?)
    };
    only(&checks::NOT_OFFERED, &found(switching));
    assert!(found_in(offering(), switching).is_empty());
    let mut environ = offering();
    let offer = environ.upgrade().unwrap().unwrap();
    environ.take_input();
    let other = move |start_response: StartResponse| Ok(start_response.upgrade(offer, "other")?.empty());
    assert_eq!(only(&checks::NOT_OFFERED, &found_in(environ, other)).value, "other");
}

#[test]
fn an_upgrade_has_no_length() {
    let environ = offering();
    let offer = environ.upgrade().unwrap().unwrap();
    let found = found_in(environ, move |start_response| {
        Ok(start_response.upgrade(offer, "echo")?.header(header::CONTENT_LENGTH, 0_u64)?.empty())
    });
    only(&checks::CONTENT_LENGTH_SURPLUS, &found);
}

#[test]
fn any_token_is_a_name() {
    // Names that other lints refuse (W32, W33, P18) are tokens of RFC 9110 section 5.1.
    let odd = [HeaderName::from_static("x-"), HeaderName::from_static("1_")];
    let found = found(move |start_response| {
        Ok(start_response.start(StatusCode::NO_CONTENT, odd.map(|name| (name, "1")))?.empty())
    });
    assert!(found.is_empty(), "{found:?}");
}

/// A request that offers an upgrade, on a server that can.
fn offering() -> Environ {
    let request = get("/").header("connection", "upgrade").header("upgrade", "echo");
    Environ::on_server(request.body(Input::empty()).unwrap(), able(Capabilities::UPGRADE))
}
