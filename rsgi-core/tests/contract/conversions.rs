//! `http::Response` as an answer, and answers that middleware changes.

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use rsgi_core::{Body, Capabilities, Environ, Error, Framing, Input, StartErrorKind, StartResponse, app_fn};

use crate::asking::{Road, ask, ask_both, ask_on, get, plain};

#[test]
fn hop_by_hop_fields_of_a_response_of_http_are_taken_apart() {
    // rule(77), rule(125)
    let app = app_fn(|_, start_response: StartResponse| async move {
        let response = Response::builder()
            .status(201)
            .header("connection", "x-private, close")
            .header("x-private", "hop")
            .header("keep-alive", "timeout=5")
            .header("transfer-encoding", "chunked")
            .header("te", "trailers")
            .header("proxy-connection", "close")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("x-kept", "1")
            .body(Body::from("hello"))?;
        Ok(start_response.respond(response)?)
    });
    let answer = ask(&app, get());
    assert_eq!((answer.status.as_u16(), answer.text(), answer.close), (201, "hello", true));
    let mut left: HeaderMap = answer.headers;
    let cookies: Vec<_> = left.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    // rule(76)
    assert_eq!(cookies, ["a=1", "b=2"]);
    left.remove("set-cookie");
    assert_eq!(left.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-kept"]);
}

#[test]
fn a_response_of_http_keeps_its_trailers_and_their_announcement() {
    // rule(105)
    let app = app_fn(|_, start_response: StartResponse| async move {
        let body = Body::iter(["a"])
            .with_trailers([], || [(HeaderName::from_static("x-sum"), 9.into())].into_iter().collect());
        let response = Response::builder().header("trailer", "x-sum, x-other").body(body)?;
        Ok(start_response.respond(response)?)
    });
    let asked = || Request::builder().header("te", "trailers").body(Input::empty()).unwrap();
    let answer = ask_both(&app, asked);
    let names: Vec<_> = answer.headers.get_all("trailer").iter().collect();
    assert_eq!(names, ["x-sum", "x-other"]);
    assert_eq!(answer.trailers.unwrap()["x-sum"], "9");
}

#[test]
fn a_bad_length_in_a_response_of_http_is_refused() {
    let response = Response::builder().header("content-length", "5, 5").body(Body::empty()).unwrap();
    let error = StartResponse::new().respond(response).unwrap_err();
    assert_eq!(error.kind(), StartErrorKind::InvalidLength);
}

#[test]
fn any_body_of_http_can_be_answered_with() {
    let app = app_fn(|_, start_response: StartResponse| async move {
        Ok(start_response.respond_http(Response::new(Input::from_bytes("hello".into())))?)
    });
    assert_eq!(ask_both(&app, get).text(), "hello");
}

#[test]
fn what_an_answer_was_told_by_request_of_middleware_decides() -> Result<(), Error> {
    let mut started = StartResponse::new().status(StatusCode::OK).body("hello");
    assert_eq!(started.set_status(StatusCode::CONTINUE).unwrap_err().kind(), StartErrorKind::InvalidStatus);
    started.set_status(StatusCode::CREATED)?;
    assert_eq!((started.status().as_u16(), started.body().length()), (201, Some(5)));
    let body = started.take_body();
    assert_eq!(
        (body.as_bytes().map(|bytes| &bytes[..]), started.body().length()),
        (Some(&b"hello"[..]), Some(0))
    );
    let head = StartResponse::new().start(StatusCode::OK, [("content-length", "5")])?;
    let mapped = head.body("hello").map_body(|body| body.map(|piece: Bytes| Ok(piece)));
    assert!(!mapped.headers().contains_key("content-length"));
    Ok(())
}

#[test]
fn a_middleware_that_replaces_the_status_of_an_upgrade_refuses_it() {
    // rule(143)
    let mut server = plain();
    server.capabilities = Capabilities::UPGRADE;
    let asked =
        Request::builder().header("connection", "upgrade").header("upgrade", "echo").body(Input::empty());
    let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
        let upgrade = environ.upgrade()?.ok_or("no offer")?;
        let mut started = start_response.upgrade(upgrade, "echo")?.body("stream");
        started.set_status(StatusCode::FORBIDDEN)?;
        Ok(started)
    });
    let answer = ask_on(&app, Environ::on_server(asked.unwrap(), server), Road::Polled);
    assert_eq!((answer.status.as_u16(), answer.framing), (403, Framing::Length(6)));
    assert_eq!(answer.header("upgrade"), None);
}
