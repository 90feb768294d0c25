//! What the app sees: the environ is as complete as a real server's (SPEC S84, conformance rule 28).

use std::sync::{Arc, Mutex};

use rsgi_core::http::{StatusCode, Version};
use rsgi_core::{App, Environ, InputLength, Scheme, UpgradeKind, app_fn};
use rsgi_test::{Client, ClientErrorKind, Memory};

/// An app that answers with what `look` sees.
fn seen<F>(look: F) -> impl App
where
    F: Fn(&Environ) -> String + Send + Sync + 'static,
{
    let look = Arc::new(look);
    app_fn(move |environ: Environ, start_response| {
        let look = Arc::clone(&look);
        async move { Ok(start_response.status(StatusCode::OK).body(look(&environ))) }
    })
}

#[test]
fn every_fact_of_a_real_server_is_there() {
    // rule(28)
    let client = Client::new(app_fn(|environ: Environ, start_response| async move {
        assert!(environ.peer().ip().unwrap().is_loopback() && environ.peer().port().unwrap() >= 49152);
        assert_eq!(environ.local().to_string(), "127.0.0.1:80");
        assert_eq!((environ.scheme(), environ.tls().is_none()), (Scheme::Http, true));
        assert_eq!(environ.header("host"), Some("localhost"));
        assert_eq!((environ.target().as_ref(), environ.query()), ("/a%20b?c=d", Some("c=d")));
        assert_eq!((environ.script_name(), environ.path_info()), ("", "/a%20b"));
        assert_eq!((environ.server().name, environ.version()), ("rsgi-test", Version::HTTP_11));
        assert_eq!(environ.input_length(), InputLength::None);
        assert_eq!(environ.var("SERVER_PORT").unwrap().as_ref(), b"80");
        Ok(start_response.status(StatusCode::OK).body(environ.method().to_string()))
    }));
    assert_eq!(client.request("brew", "/a%20b").query(&[("c", "d")]).answer().text(), "brew");
}

#[test]
fn requests_in_a_row_share_a_connection_and_are_numbered() {
    let client = Client::new(seen(|environ| format!("{:?}", environ.request_id())));
    let ids: Vec<String> = (0..3).map(|_| client.get("/").answer().text().to_owned()).collect();
    let connection = ids[0].split(',').next().unwrap();
    assert_eq!(ids, [1, 2, 3].map(|number| format!("{connection}, {number})")));
    let closing = client.get("/").header("connection", "close").answer();
    assert_eq!(closing.field("connection"), Some("close"));
    assert!(!client.get("/").answer().text().starts_with(&format!("{connection},")));
}

#[test]
fn requests_beside_each_other_have_connections_of_their_own() {
    let peers = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&peers);
    let client = Client::new(app_fn(move |environ: Environ, start_response| {
        seen.lock().unwrap().push((environ.request_id().0, environ.peer().port()));
        async move { Ok(start_response.status(StatusCode::OK).empty()) }
    }));
    let (mut first, mut second) = (client.get("/").open().unwrap(), client.get("/").open().unwrap());
    assert_eq!((first.head().unwrap().status(), second.head().unwrap().status()), (200, 200));
    let peers = peers.lock().unwrap();
    assert!(peers[0].0 != peers[1].0 && peers[0].1 != peers[1].1, "{peers:?}");
}

#[test]
fn a_target_with_an_authority_sets_the_host() {
    let client =
        Client::new(seen(|environ| format!("{} {}", environ.header("host").unwrap(), environ.target())));
    let answer = client.get("http://example.com:8080/x").answer();
    assert_eq!(answer.text(), "example.com:8080 http://example.com:8080/x");
    let answer = client.request("CONNECT", "example.com:443").header("host", "other").answer();
    assert_eq!(answer.text(), "example.com:443 example.com:443");
}

#[test]
fn the_asterisk_and_an_authority_arrive_as_such() {
    let client = Client::new(seen(|environ| environ.path_info().to_owned()));
    assert_eq!(client.options("*").answer().text(), "*");
    let client = Client::new(app_fn(|environ: Environ, start_response| async move {
        let kind = environ.upgrade()?.map(|upgrade| upgrade.kind());
        assert_eq!((environ.target().as_ref(), kind), ("example.com:443", Some(UpgradeKind::Connect)));
        Ok(start_response.status(StatusCode::FORBIDDEN).empty())
    }));
    assert_eq!(client.request("CONNECT", "example.com:443").answer().status(), 403);
}

#[test]
fn a_request_with_two_hosts_is_refused_as_a_server_does() {
    let client = Client::new(seen(|_| unreachable!("no app sees it")));
    let answer = client.get("/").header("host", "a").header("host", "b").answer();
    assert_eq!((answer.status(), answer.field("connection")), (400, Some("close")));
    assert_eq!(client.get("/").header("host", "a b").answer().status(), 400);
}

#[test]
fn what_cannot_be_written_is_told_and_not_sent() {
    let client = Client::new(seen(|_| unreachable!("no app sees it")));
    for request in [
        client.get("no-slash"),
        client.get("/#fragment"),
        client.request("BAD METHOD", "/"),
        client.get("/").header("x y", "1"),
        client.get("/").header("x", "a\r\nb"),
    ] {
        assert_eq!(request.send().unwrap_err().kind(), ClientErrorKind::Request);
    }
}

#[test]
fn defaults_and_the_base_are_put_before_what_a_request_says() {
    let client = Client::new(seen(|environ| {
        format!("{} {} {}", environ.target(), environ.header("x-a").unwrap(), environ.header("host").unwrap())
    }));
    let client = client.default_header("x-a", "1").default_header("host", "h").base("/pre/fix/");
    assert_eq!(client.get("/x").answer().text(), "/pre/fix/x 1 h");
    assert_eq!(client.get("/x").header("x-a", "2").answer().text(), "/pre/fix/x 2 h");
}

#[test]
fn settings_of_the_server_reach_the_app() {
    let memory = Memory::new().scheme(Scheme::Https).capabilities(rsgi_core::Capabilities::NONE);
    let client = Client::with(
        seen(|environ| format!("{} {}", environ.local(), environ.server().capabilities)),
        memory,
    );
    assert_eq!(client.get("/").answer().text(), "127.0.0.1:443 none");
}
