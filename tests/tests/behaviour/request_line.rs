//! What an environ says of method, target, version, host and both ends of the connection.
//!
//! Targets as they are sent; what forwarding fields may change is in `trust.rs`, the other request fields in
//! `fields.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{Endpoint, Environ, Mount, Scheme, StartResponse};
use rsgi_tests::bytes::{get, request};
use rsgi_tests::deadline::events;
use rsgi_tests::probe::{Seen, app, watching};
use rsgi_tests::{Client, On, mount};

/// What the app sees of one request; the answer is awaited.
fn seen(on: On, bytes: impl AsRef<[u8]>) -> Seen {
    let (app, seen) = watching();
    let server = on.serve(app);
    let answer = server.client().ask(bytes);
    assert_eq!((answer.status(), answer.text()), (200, "seen"));
    seen.next("the request")
}

/// Sends a request that must be refused by 400 before the app is called, and the connection closed.
fn refused(on: On, bytes: impl AsRef<[u8]>) {
    let (app, seen) = watching();
    let server = on.serve(app);
    let mut client = server.client();
    let answer = client.ask(&bytes);
    let sent = String::from_utf8_lossy(bytes.as_ref()).into_owned();
    assert_eq!(answer.status(), 400, "{sent:?}");
    client.expect_end();
    assert!(seen.try_next().is_none(), "the app was called for {sent:?}");
}

/// rule(1, 2)
fn any_token_is_a_method_and_keeps_its_case(on: On) {
    for method in ["get", "Get", "DELETE", "PURGE", "M-SEARCH", "QUERY", "!#$%&'*+-.^_`|~9"] {
        let seen = seen(on, request(method, "/", &[], b""));
        assert_eq!((seen.method.as_str(), seen.var("REQUEST_METHOD")), (method, Some(method)));
    }
}

/// rule(3, 6)
fn the_target_arrives_as_sent(on: On) {
    for target in ["/", "//", "/a//b/", "/a/../b/./c", "/%7e%41%2f", "/a?b?c/d?", "/;p=1,2/@:!$&'()*+=~-._"] {
        let seen = seen(on, get(target));
        assert_eq!(seen.target, target);
        let path = target.split('?').next().unwrap();
        assert_eq!((seen.script_name.as_str(), seen.path_info.as_str()), ("", path));
        assert_eq!(seen.var("REQUEST_URI"), Some(target));
    }
}

/// rule(4, 5)
fn a_path_is_decoded_once_and_keeps_bytes_that_are_no_text(on: On) {
    let seen = seen(on, get("/%2541/%ff%C3%A9%00/+"));
    assert_eq!(seen.path_info, "/%2541/%ff%C3%A9%00/+");
    assert_eq!(seen.path_info_decoded, b"/%41/\xff\xc3\xa9\x00/+");
    assert_eq!(seen.vars["PATH_INFO"], b"/%41/\xff\xc3\xa9\x00/+");
}

/// rule(7)
fn a_query_is_apart_and_an_empty_one_is_not_none(on: On) {
    for (target, query) in
        [("/p", None), ("/p?", Some("")), ("/p?a=%20&b", Some("a=%20&b")), ("/p?a?b", Some("a?b"))]
    {
        let seen = seen(on, get(target));
        assert_eq!((seen.path_info.as_str(), seen.query.as_deref()), ("/p", query), "{target}");
    }
}

/// rule(8): refused on rsgi-std; hyper cuts it off before its adapter sees it. No app sees one on either.
fn a_fragment_never_reaches_the_app(on: On) {
    match on {
        On::Std(_) => refused(on, get("/a#b")),
        On::Hyper(_) => assert_eq!(seen(on, get("/a#b")).target, "/a"),
    }
}

/// rule(9)
fn options_asterisk_is_the_asterisk(on: On) {
    let seen = seen(on, request("OPTIONS", "*", &[], b""));
    assert_eq!((seen.target.as_str(), seen.path_info.as_str()), ("*", "*"));
    if on.is_std() {
        refused(on, get("*"));
    }
}

/// rule(10)
fn connect_gives_the_authority(on: On) {
    let (teller, seen) = events();
    let server = on.serve(app(move |environ: Environ, start_response: StartResponse| {
        teller.tell(Seen::of(&environ));
        Ok(start_response.status(StatusCode::FORBIDDEN).body("no"))
    }));
    let answer = server.client().ask("CONNECT far.test:443 HTTP/1.1\r\nhost: far.test:443\r\n\r\n");
    assert_eq!((answer.status(), answer.text()), (403, "no"));
    let seen = seen.next("the request");
    assert_eq!((seen.target.as_str(), seen.path_info.as_str()), ("far.test:443", ""));
    assert_eq!(seen.host.as_deref(), Some("far.test:443"));
}

/// rule(11)
fn an_absolute_target_says_the_host_and_overrides_the_field(on: On) {
    let seen = seen(on, "GET http://real.test:81/x?y HTTP/1.1\r\nhost: other.test\r\n\r\n");
    assert_eq!(seen.host.as_deref(), Some("real.test:81"));
    assert_eq!((seen.path_info.as_str(), seen.query.as_deref()), ("/x", Some("y")));
    assert_eq!(seen.target, "http://real.test:81/x?y");
    assert_eq!(seen.url, "http://real.test:81/x?y");
}

/// rule(12, 13, 15)
fn a_mount_moves_the_prefix_and_cannot_be_slipped_past(on: On) {
    let (admin, seen) = watching();
    let server = on.serve(Mount::new().at("/admin", admin));
    let mut client = server.client();
    for (target, script_name, path_info) in [
        ("/admin", "/admin", ""),
        ("/admin/", "/admin", "/"),
        ("/%61dmin/x?q", "/%61dmin", "/x"),
        ("/admin//a%2Fb", "/admin", "//a%2Fb"),
    ] {
        assert_eq!(client.ask(get(target)).status(), 200, "{target}");
        let seen = seen.next("the request");
        assert_eq!((seen.script_name.as_str(), seen.path_info.as_str()), (script_name, path_info));
        assert_eq!(seen.target, target, "a mount leaves the target alone");
    }
    for target in ["/", "/adminx", "/admin%2Fx", "/ADMIN", "//admin", "/x/admin"] {
        assert_eq!(client.ask(get(target)).status(), 404, "{target}");
    }
}

/// rule(14)
fn under_a_prefix_an_app_sees_the_same_but_for_the_split(on: On) {
    let (bare, seen_bare) = watching();
    let (mounted, seen_mounted) = watching();
    let (bare, mounted) = (on.serve(bare), on.serve(Mount::new().at("/pre/fix", mounted)));
    let fields = [("x-a", "1"), ("x-a", "2"), ("content-length", "4")];
    for rest in ["/", "/a%20b//c?q=1", "/%ff?"] {
        let request = |target: &str| request("POST", target, &fields, b"body");
        assert_eq!(bare.client().ask(request(rest)).text(), "seen");
        assert_eq!(mounted.client().ask(request(&format!("/pre/fix{rest}"))).text(), "seen");
        let (bare, mounted) = (seen_bare.next("the bare"), seen_mounted.next("the mounted"));
        assert_eq!((bare.script_name.as_str(), mounted.script_name.as_str()), ("", "/pre/fix"));
        assert_eq!(mounted.path_info, bare.path_info);
        assert_eq!(mounted.path_info_decoded, bare.path_info_decoded);
        assert_eq!((mounted.query, mounted.headers), (bare.query, bare.headers));
        assert_eq!((mounted.body, mounted.input_length), (bare.body, bare.input_length));
        assert_eq!(mounted.url, bare.url.replacen("http://test", "http://test/pre/fix", 1));
    }
}

/// rule(16)
fn the_version_is_told(on: On) {
    assert_eq!(seen(on, get("/")).var("SERVER_PROTOCOL"), Some("HTTP/1.1"));
    let old = seen(on, "GET / HTTP/1.0\r\n\r\n");
    assert_eq!((old.version.as_str(), old.var("SERVER_PROTOCOL")), ("HTTP/1.0", Some("HTTP/1.0")));
    assert_eq!(old.host, None);
}

/// rule(20, 21, 24, 25, 26)
fn both_ends_and_the_url_are_told(on: On) {
    let (app, seen) = watching();
    let server = on.serve(app);
    let mut client = server.client();
    client.ask(get("/a%20b?q"));
    let seen = seen.next("the request");
    assert_eq!(seen.local, Endpoint::Tcp(server.address()));
    assert_eq!(seen.peer.ip(), Some(server.address().ip()));
    assert!(seen.peer.port().is_some_and(|port| port != 0 && port != server.address().port()));
    assert_eq!((seen.server_name.as_str(), seen.server_port), ("127.0.0.1", server.address().port()));
    assert_eq!(seen.var("REMOTE_ADDR"), Some("127.0.0.1"));
    assert_eq!(seen.var("SERVER_PORT"), Some(server.address().port().to_string().as_str()));
    assert_eq!((seen.host.as_deref(), seen.url.as_str()), (Some("test"), "http://test/a%20b?q"));
    assert_eq!(seen.scheme, Scheme::Http);
    assert!(seen.tls.is_none());
}

/// rule(21)
fn without_a_host_the_url_has_the_servers_name(on: On) {
    let seen = seen(on, "GET /x HTTP/1.0\r\n\r\n");
    assert_eq!(seen.url, format!("http://127.0.0.1:{}/x", seen.server_port));
}

/// rule(22)
fn a_missing_repeated_or_invalid_host_is_refused(on: On) {
    refused(on, "GET / HTTP/1.1\r\n\r\n");
    refused(on, "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n");
    refused(on, "GET http://a/ HTTP/1.1\r\n\r\n");
    for host in ["a b", "a/b", "u@a", "a:b", "[::1", "a\\b", "a?b", "a#b", "\u{e9}"] {
        refused(on, format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n"));
    }
}

/// rule(22)
fn legal_hosts_of_every_kind_pass(on: On) {
    for host in ["", "a", "a.test:8080", "127.0.0.1", "[::1]:80", "a:", "xn--bcher-kva.test"] {
        let seen = seen(on, format!("GET / HTTP/1.1\r\nHOST: {host}\r\n\r\n"));
        assert_eq!(seen.all("host"), [host]);
    }
}

/// rule(27)
fn the_server_says_who_it_is(on: On) {
    let server = seen(on, get("/")).server;
    assert_eq!(server.name, on.name());
    assert!(!server.version.is_empty());
    assert!(server.multithread && !server.run_once);
}

fn a_request_is_named_by_connection_and_number(on: On) {
    let (app, seen) = watching();
    let server = on.serve(app);
    let (mut first, mut second) = (server.client(), server.client());
    let id = |client: &mut Client| {
        client.ask(get("/"));
        seen.next("a request").request_id
    };
    let (a, b, c) = (id(&mut first), id(&mut first), id(&mut second));
    assert_eq!(a.0, b.0, "one connection");
    assert_ne!(a.1, b.1);
    assert_ne!(a.0, c.0);
}

mount!(
    any_token_is_a_method_and_keeps_its_case,
    the_target_arrives_as_sent,
    a_path_is_decoded_once_and_keeps_bytes_that_are_no_text,
    a_query_is_apart_and_an_empty_one_is_not_none,
    a_fragment_never_reaches_the_app,
    options_asterisk_is_the_asterisk,
    connect_gives_the_authority,
    an_absolute_target_says_the_host_and_overrides_the_field,
    a_mount_moves_the_prefix_and_cannot_be_slipped_past,
    under_a_prefix_an_app_sees_the_same_but_for_the_split,
    the_version_is_told,
    both_ends_and_the_url_are_told,
    without_a_host_the_url_has_the_servers_name,
    a_missing_repeated_or_invalid_host_is_refused,
    legal_hosts_of_every_kind_pass,
    the_server_says_who_it_is,
    a_request_is_named_by_connection_and_number,
);
