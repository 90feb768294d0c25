//! What the environ promises: paths, forms of the target, names, the connection, capabilities.

use std::sync::Arc;
use std::time::Duration;

use rsgi_core::http::{Method, Request, Version};
use rsgi_core::{
    Body, Capabilities, Credentials, Endpoint, Environ, Exchange, Input, Scheme, Tls, TlsVersion,
};
use rsgi_test::lint::{Finding, checks};

use crate::asking::{able, environ, environ_of, environ_on, found_in, found_with, get, none, only};

fn found_split(target: &str, script_name: &str, path_info: &str) -> Vec<Finding> {
    let mut environ = environ_of(get(target));
    environ.set_split(script_name, path_info);
    found_with(environ)
}

#[test]
fn a_script_name_is_empty_or_begins_with_a_slash_and_is_none_alone() {
    only(&checks::SCRIPT_NAME, &found_split("//a", "/", "/a"));
    assert!(found_split("/s/a", "/s", "/a").is_empty());
}

#[test]
fn a_path_info_is_empty_or_begins_with_a_slash() {
    only(&checks::PATH_INFO, &found_split("/ab", "/a", "b"));
    assert!(found_split("/ab", "/ab", "").is_empty());
}

#[test]
fn one_of_script_name_and_path_info_is_there() {
    only(&checks::PATH_MISSING, &found_split("/", "", ""));
}

#[test]
fn script_name_and_path_info_are_the_path() {
    let finding = only(&checks::PATH_SPLIT, &found_split("/a/b", "/a", "/c"));
    assert_eq!(finding.value, "\"/a\" and \"/c\" of \"/a/b\"");
    // A gateway gives them decoded.
    assert!(found_split("/a%20/b", "/a ", "/b").is_empty());
}

#[test]
fn an_asterisk_is_for_options_alone() {
    only(&checks::ASTERISK, &found_with(environ_of(get("*"))));
    assert!(found_with(environ_of(get("*").method(Method::OPTIONS))).is_empty());
}

#[test]
fn the_authority_form_is_for_connect_alone() {
    only(&checks::AUTHORITY, &found_with(environ_of(get("/a").method(Method::CONNECT))));
    only(&checks::AUTHORITY, &found_with(environ_of(get("localhost:80"))));
    assert!(found_with(environ_of(get("localhost:80").method(Method::CONNECT))).is_empty());
    assert!(found_with(environ_of(get("http://localhost/a"))).is_empty());
}

#[test]
fn a_target_has_no_fragment() {
    let mut environ = environ();
    environ.set_target("/a#b");
    only(&checks::FRAGMENT, &found_with(environ));
}

#[test]
fn the_servers_name_is_a_host() {
    for name in ["", "a b", "a@b"] {
        let mut environ = environ();
        environ.set_server(name, 80);
        only(&checks::SERVER_NAME, &found_with(environ));
    }
    let mut environ = environ();
    environ.set_server("[::1]", 80);
    assert!(found_with(environ).is_empty());
}

#[test]
fn the_servers_port_is_one() {
    let mut environ = environ();
    environ.set_server("localhost", 0);
    only(&checks::SERVER_PORT, &found_with(environ));
}

#[test]
fn http_1_1_has_one_valid_host() {
    assert_eq!(only(&checks::HOST, &found_with(environ_of(Request::get("/")))).value, "none");
    only(&checks::HOST, &found_with(environ_of(get("/").header("host", "other"))));
    only(&checks::HOST, &found_with(environ_of(Request::get("/").header("host", "a/b"))));
    for host in ["", "a:80", "[::1]:80", "192.0.2.1"] {
        let found = found_with(environ_of(Request::get("/").header("host", host)));
        assert!(found.is_empty(), "{found:?}");
    }
    assert!(found_with(environ_of(Request::get("/").version(Version::HTTP_10))).is_empty());
}

#[test]
fn a_peer_is_never_made_up() {
    let nowhere: std::net::SocketAddr = "0.0.0.0:0".parse().unwrap();
    only(&checks::PEER, &found_with(environ_on(get("/"), |it| it.peer = nowhere.into())));
    let somebody: std::net::SocketAddr = "192.0.2.1:9".parse().unwrap();
    assert!(found_with(environ_on(get("/"), |it| it.peer = somebody.into())).is_empty());
}

#[test]
fn a_local_address_is_never_made_up() {
    let nowhere: std::net::SocketAddr = "0.0.0.0:80".parse().unwrap();
    only(&checks::LOCAL, &found_with(environ_on(get("/"), |it| it.local = Endpoint::from(nowhere).into())));
}

#[test]
fn the_facts_of_tls_come_with_its_scheme() {
    let tls = Tls::new(TlsVersion::V1_3, "TLS_AES_128_GCM_SHA256");
    let found = |scheme, tls: Option<Tls>| {
        found_with(environ_on(get("/"), |connection| {
            connection.server = Arc::new(able(Capabilities::TLS));
            (connection.scheme, connection.tls) = (scheme, tls.clone().map(Box::new));
        }))
    };
    only(&checks::TLS_FACTS, &found(Scheme::Https, None));
    only(&checks::TLS_FACTS, &found(Scheme::Http, Some(tls.clone())));
    assert!(found(Scheme::Https, Some(tls)).is_empty());
}

#[test]
fn a_request_arrives_on_a_connection_that_was_accepted() {
    let first = environ();
    let mut exchange = Exchange::new(Arc::clone(first.exchange().connection()));
    Exchange::begin(&mut exchange, first.accepted().checked_sub(Duration::from_secs(1)).unwrap());
    let (head, input) = get("/").body(Input::empty()).unwrap().into_parts();
    assert_eq!(only(&checks::CLOCK, &found_with(Environ::new(head, input, exchange))).value, "1s before");
}

#[test]
fn what_a_request_came_by_is_advertised() {
    let environ = environ_of(Request::get("/").version(Version::HTTP_2));
    assert_eq!(only(&checks::CAPABILITY_UNTOLD, &found_with(environ)).value, "http2");
    let request = Request::get("/").version(Version::HTTP_2).body(Input::empty()).unwrap();
    assert!(found_with(Environ::on_server(request, able(Capabilities::HTTP2))).is_empty());
}

#[test]
fn what_a_server_advertises_is_there() {
    for capability in [Capabilities::INFORMATIONAL, Capabilities::UNIX_PEER] {
        let environ = Environ::on_server(get("/").body(Input::empty()).unwrap(), able(capability));
        let finding = only(&checks::CAPABILITY_ABSENT, &found_with(environ));
        assert_eq!(finding.value, capability.to_string());
    }
    let request = Request::get("/").version(Version::HTTP_2).body(Input::empty()).unwrap();
    let server = able(Capabilities::INFORMATIONAL | Capabilities::HTTP2);
    assert!(found_with(Environ::on_server(request, server)).is_empty(), "it may be there on HTTP/1.1");
    let named = environ_on(get("/"), |connection| {
        connection.server = Arc::new(able(Capabilities::UNIX_PEER));
        connection.peer = Endpoint::unix(None, Some(Credentials::new(1, 1, None)));
    });
    assert!(found_with(named).is_empty());
}

#[test]
fn trailers_that_are_advertised_are_sent_where_the_version_has_them() {
    let capabilities = Capabilities::TRAILERS | Capabilities::HTTP2;
    let request = Request::get("/").version(Version::HTTP_2).body(Input::empty()).unwrap();
    let environ = Environ::on_server(request, able(capabilities));
    let exchange = Arc::clone(environ.exchange());
    let found = found_in(environ, move |start_response| {
        let sum = rsgi_core::http::HeaderName::from_static("x-sum");
        let trailers = rsgi_core::http::HeaderMap::from_iter([(sum.clone(), "1".parse()?)]);
        let body = Body::iter(["a"]).with_trailers([sum], move || {
            // The adapter's protocol drops them after all.
            trailers
        });
        let watch = move |seen: rsgi_core::Seen<'_>| {
            if matches!(seen, rsgi_core::Seen::Ended) {
                exchange.trailers(rsgi_core::Trailers::NotSent);
            }
        };
        let head = start_response.start(rsgi_core::http::StatusCode::OK, [("content-type", "text/plain")])?;
        Ok(head.body(body.watch(watch)))
    });
    only(&checks::CAPABILITY_ABSENT, &found);
}

#[test]
fn a_good_environ_has_no_finding() {
    let app = rsgi_test::lint::lint(crate::asking::once(|start_response| {
        Ok(start_response.status(rsgi_core::http::StatusCode::NO_CONTENT).empty())
    }));
    crate::asking::ask(&app, environ());
    none(&app.findings());
}
