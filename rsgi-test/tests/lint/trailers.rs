//! Trailers announced against trailers given, and what may be one.

use rsgi_core::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use rsgi_core::{Body, Capabilities, Environ, Input};
use rsgi_test::lint::{Finding, checks};

use crate::asking::{able, environ, found_in, get, only};

const SUM: HeaderName = HeaderName::from_static("x-sum");

fn found(body: Body) -> Vec<Finding> {
    found_on(environ(), body)
}

fn found_on(environ: Environ, body: Body) -> Vec<Finding> {
    found_in(environ, move |start_response| {
        Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body(body))
    })
}

fn one(name: HeaderName) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_static("1"))])
}

/// Gives trailers by itself.
fn giving(trailers: HeaderMap) -> Body {
    Body::push(move |writer| {
        writer.write_bytes("a")?;
        Ok(writer.trailers(trailers)?)
    })
}

#[test]
fn announced_trailers_that_are_given_are_fine() {
    assert!(found(giving(one(SUM)).announce_trailers([SUM])).is_empty());
    assert!(found(Body::iter(["a"]).with_trailers([SUM], || one(SUM))).is_empty());
}

#[test]
fn announced_trailers_are_given() {
    let none_given = found(Body::iter(["a"]).announce_trailers([SUM]));
    assert_eq!(only(&checks::TRAILERS_WITHHELD, &none_given).value, "x-sum");
    only(&checks::TRAILERS_WITHHELD, &found(Body::iter(["a"]).with_trailers([SUM], HeaderMap::new)));
}

#[test]
fn trailers_are_announced_on_http_1() {
    assert_eq!(only(&checks::TRAILERS_UNANNOUNCED, &found(giving(one(SUM)))).value, "x-sum");
    let request = get("/").version(Version::HTTP_2).body(Input::empty()).unwrap();
    let environ = Environ::on_server(request, able(Capabilities::HTTP2));
    assert!(found_on(environ, giving(one(SUM))).is_empty(), "HTTP/2 needs no announcement");
}

#[test]
fn framing_and_routing_are_no_trailers() {
    let length = HeaderName::from_static("content-length");
    assert_eq!(only(&checks::TRAILER_NAME, &found(giving(one(length)))).value, "content-length");
}

#[test]
fn nothing_follows_trailers() {
    let going_on = Body::push(|writer| {
        writer.trailers(one(SUM))?;
        Ok(writer.write_bytes("more")?)
    });
    only(&checks::AFTER_TRAILERS, &found(going_on.announce_trailers([SUM])));
    let twice = Body::push(|writer| {
        writer.trailers(one(SUM))?;
        Ok(writer.trailers(one(SUM))?)
    });
    only(&checks::AFTER_TRAILERS, &found(twice.announce_trailers([SUM])));
}
