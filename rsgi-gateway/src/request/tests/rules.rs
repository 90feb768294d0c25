//! The rules, each with the least that shows it; what real servers send is in `seen.rs`.

use http::{Method, Version};
use rsgi_core::server::Limits;
use rsgi_core::{Endpoint, InputLength, Scheme, TlsVersion, path};

use super::super::{Refusal, Request, Unsaid};
use super::{environ_of, request_of};

/// A plain request, and more.
fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let plain = [("REQUEST_METHOD", "GET"), ("REQUEST_URI", "/a?b"), ("SERVER_PROTOCOL", "HTTP/1.1")];
    plain.into_iter().chain(more.iter().copied()).collect()
}

fn refusal(variables: &[(&str, &str)]) -> Refusal {
    request_of(variables.iter().copied()).err().unwrap()
}

#[test]
fn a_method_is_any_token_and_there_is_one() {
    for method in ["GET", "PURGE", "M-SEARCH", "get"] {
        let environ = environ_of([("REQUEST_METHOD", method), ("REQUEST_URI", "/")]).unwrap();
        assert_eq!(environ.method().as_str(), method);
    }
    for wrong in [vec![("REQUEST_URI", "/")], vec![("REQUEST_METHOD", ""), ("REQUEST_URI", "/")]] {
        assert_eq!(refusal(&wrong).status, 400);
    }
    assert!(refusal(&[("REQUEST_METHOD", "G T"), ("REQUEST_URI", "/")]).reason.contains("REQUEST_METHOD"));
}

#[test]
fn a_version_is_the_clients_and_else_1_1() {
    for (protocol, version) in [
        ("HTTP/0.9", Version::HTTP_09),
        ("HTTP/1.0", Version::HTTP_10),
        ("HTTP/1.1", Version::HTTP_11),
        ("HTTP/2.0", Version::HTTP_2),
        ("HTTP/2", Version::HTTP_2),
        ("HTTP/3.0", Version::HTTP_3),
        ("INCLUDED", Version::HTTP_11),
        ("", Version::HTTP_11),
    ] {
        let request = request_of(with(&[("SERVER_PROTOCOL", protocol)])).unwrap();
        assert_eq!(request.version, version, "{protocol}");
    }
}

#[test]
fn a_target_has_one_of_the_four_forms_and_stays_as_it_was_sent() {
    let read = |method, target| {
        environ_of([("REQUEST_METHOD", method), ("REQUEST_URI", target), ("HTTP_HOST", "h")])
    };
    for target in ["/", "/%41/%2f?a=%zz&", "//a//b", "/a?", "/?a?b", "/;p=1/@:!$&'()*+,="] {
        let environ = read("GET", target).unwrap();
        assert_eq!((&*environ.target(), environ.script_name()), (target, ""));
        assert_eq!(environ.path_info(), target.split('?').next().unwrap());
    }
    let all = read("OPTIONS", "*").unwrap();
    assert_eq!((&*all.target(), all.path_info()), ("*", "*"));
    let absolute = read("GET", "HTTP://other.example:81/x?y").unwrap();
    assert_eq!((&*absolute.target(), absolute.path_info()), ("HTTP://other.example:81/x?y", "/x"));
    assert_eq!(
        (absolute.host(), absolute.header("host")),
        (Some("other.example:81"), Some("other.example:81"))
    );
    let connect = read("CONNECT", "h:443").unwrap();
    assert_eq!((&*connect.target(), connect.path_info()), ("h:443", ""));
    for (method, target) in [
        ("GET", "*"),
        ("GET", "a"),
        ("GET", "h:80"),
        ("GET", "/a#b"),
        ("GET", "/a b"),
        ("GET", "/\u{7f}"),
        ("GET", "http://"),
        ("GET", "http://u@h/"),
        ("CONNECT", "/"),
        ("CONNECT", "http://h/"),
    ] {
        let refusal = read(method, target).err().unwrap_or_else(|| panic!("{method} {target}"));
        assert_eq!(refusal.status, 400, "{method} {target}");
        assert!(refusal.reason.contains("REQUEST_URI"));
    }
}

#[test]
fn a_target_without_request_uri_is_put_together() {
    let read = |script_name, path_info, query| {
        environ_of([
            ("REQUEST_METHOD", "GET"),
            ("SCRIPT_NAME", script_name),
            ("PATH_INFO", path_info),
            ("QUERY_STRING", query),
        ])
    };
    for (script_name, path_info, query, target) in [
        ("", "/", "", "/"),
        ("/cgi-bin/app", "", "", "/cgi-bin/app"),
        ("/a b", "/100%/\u{e9}", "x=%20", "/a%20b/100%25/%C3%A9?x=%20"),
        ("", "", "", "/"),
    ] {
        let environ = read(script_name, path_info, query).unwrap();
        assert_eq!(environ.target(), target);
        assert_eq!(*path::decode(environ.script_name()), *script_name.as_bytes());
        let wanted = if script_name.is_empty() && path_info.is_empty() { "/" } else { path_info };
        assert_eq!(*path::decode(environ.path_info()), *wanted.as_bytes());
    }
    assert!(read("", "/", "a b").err().unwrap().reason.contains("QUERY_STRING"));
    assert!(read("", "/", "a#b").err().unwrap().reason.contains("QUERY_STRING"));
    assert_eq!(refusal(&[("REQUEST_METHOD", "GET")]).status, 400);
}

#[test]
fn a_rewritten_request_is_the_web_servers_and_its_target_the_clients() {
    let read =
        |query, path_info| environ_of(with(&[("QUERY_STRING", query), ("PATH_INFO", path_info)])).unwrap();
    let kept = read("b", "/a");
    assert_eq!((kept.query(), kept.uri().to_string()), (Some("b"), "/a?b".into()));
    let query = read("c=1", "/a");
    assert_eq!((query.query(), query.path_info(), &*query.target()), (Some("c=1"), "/a", "/a?b"));
    let path = read("b", "/c d");
    assert_eq!((path.query(), path.path_info(), &*path.target()), (Some("b"), "/c%20d", "/a?b"));
    let without = read("", "/a");
    assert_eq!((without.query(), &*without.target()), (None, "/a?b"));
    let unsaid = environ_of(with(&[])).unwrap();
    assert_eq!((unsaid.query(), unsaid.path_info()), (Some("b"), "/a"));
}

#[test]
fn the_split_is_raw_where_the_target_has_it_and_an_escaped_slash_separates_nothing() {
    let read = |target, script_name, path_info| {
        let pairs = [("REQUEST_METHOD", "GET"), ("REQUEST_URI", target)];
        let split = [("SCRIPT_NAME", script_name), ("PATH_INFO", path_info)];
        let environ = environ_of(pairs.into_iter().chain(split)).unwrap();
        (environ.script_name().to_owned(), environ.path_info().to_owned(), environ.uri().path().to_owned())
    };
    let own = |parts: (&str, &str, &str)| (parts.0.to_owned(), parts.1.to_owned(), parts.2.to_owned());
    assert_eq!(read("/%61pp/%2F", "/app", "//"), own(("/%61pp", "/%2F", "/%61pp/%2F")));
    assert_eq!(read("/app%2Fx", "/app", "/x"), own(("/app", "/x", "/app/x")));
    assert_eq!(read("/app/x", "app", "x"), own(("/app", "/x", "/app/x")));
    // A path that repeats its mount is not mounted twice.
    assert_eq!(read("/a/a/x", "/a", "/a/x"), own(("/a", "/a/x", "/a/a/x")));
    assert_eq!(read("/a//a/x", "/a", "/a/x"), own(("/a", "/a/x", "/a/a/x")));
    assert_eq!(read("/a//x", "/a", "/a/x"), own(("/a", "/x", "/a/x")));
    assert_eq!(read("/a/x", "/a", "/a/x"), own(("/a", "/x", "/a/x")));
    assert_eq!(read("/a", "/a", "/a"), own(("/a", "", "/a")));
}

#[test]
fn fields_are_named_as_on_the_wire_and_repeated_ones_stay_apart() {
    let environ = environ_of(with(&[
        ("HTTP_X_ONE", "1"),
        ("HTTP_ACCEPT", "a"),
        ("HTTP_ACCEPT", "b"),
        ("HTTP_COOKIE", "x=1"),
        ("CONTENT_TYPE", "text/plain"),
        ("HTTP_CONTENT_TYPE", "text/evil"),
        ("HTTP_CONTENT_LENGTH", "9"),
        ("HTTP_PROXY", "http://evil/"),
        ("HTTP_TRANSFER_ENCODING", "chunked"),
        ("HTTP_TE", "trailers"),
    ]))
    .unwrap();
    assert_eq!(environ.header("x-one"), Some("1"));
    assert_eq!(environ.header_all("accept").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(environ.header("content-type"), Some("text/plain"));
    assert_eq!(environ.headers().len(), 5, "{:?}", environ.headers());
    assert_eq!((environ.var("HTTP_PROXY"), environ.var("HTTP_X_ONE").as_deref()), (None, Some(&b"1"[..])));
}

#[test]
fn the_whitespace_round_a_value_is_none_of_it() {
    for value in ["a b", "\ta b", "a b\t", " \t a b\t \t"] {
        let environ = environ_of(with(&[("HTTP_X_NOTE", value), ("CONTENT_TYPE", value)])).unwrap();
        assert_eq!((environ.header("x-note"), environ.header("content-type")), (Some("a b"), Some("a b")));
    }
    let environ = environ_of(with(&[("HTTP_X_NOTE", "\t ")])).unwrap();
    assert_eq!(environ.header("x-note"), Some(""));
}

#[test]
fn fields_that_are_none_are_refused_by_name_and_without_their_value() {
    for (name, value) in [("HTTP_", "v"), ("HTTP_A B", "v"), ("HTTP_A", "secret\n"), ("HTTP_A", "secret\0")] {
        let refusal = refusal(&with(&[(name, value)]));
        assert_eq!(refusal.status, 400, "{name:?} {value:?}");
        assert!(!refusal.reason.contains("secret"), "{}", refusal.reason);
    }
    assert!(refusal(&with(&[("HTTP_A\u{e9}", "v")])).reason.contains("HTTP_A\\xc3\\xa9"));
    for host in ["a b", "u@h", "h:x"] {
        assert_eq!(refusal(&with(&[("HTTP_HOST", host)])).reason, "HTTP_HOST is no host");
    }
    assert_eq!(refusal(&with(&[("HTTP_HOST", "a"), ("HTTP_HOST", "a")])).reason, "HTTP_HOST came twice");
    assert!(environ_of(with(&[("HTTP_HOST", "")])).is_ok());
}

#[test]
fn each_limit_is_kept_to_the_byte() {
    let mut limits = Limits::default();
    (limits.target_bytes, limits.header_count, limits.header_bytes, limits.head_bytes) = (4, 2, 6, 8);
    let status = |variables: &[(&str, &str)]| {
        let variables = variables.iter().copied().collect();
        Request::read(variables, &limits).err().map_or(200, |refusal| refusal.status.as_u16())
    };
    assert_eq!(status(&with(&[])), 200);
    assert_eq!(status(&with(&[("REQUEST_URI", "/abc")])), 200);
    assert_eq!(status(&with(&[("REQUEST_URI", "/abcd")])), 414);
    let parts = [("REQUEST_METHOD", "GET"), ("PATH_INFO", "/ "), ("QUERY_STRING", "q")];
    assert_eq!(status(&parts), 414, "as it is encoded");
    assert_eq!(status(&with(&[("HTTP_AB", "1234")])), 200);
    assert_eq!(status(&with(&[("HTTP_AB", "12345")])), 431);
    assert_eq!(status(&with(&[("HTTP_A", "123"), ("HTTP_B", "123")])), 200);
    assert_eq!(status(&with(&[("HTTP_A", "123"), ("HTTP_B", "1234")])), 431);
    assert_eq!(status(&with(&[("HTTP_A", ""), ("HTTP_B", ""), ("HTTP_C", "")])), 431);
}

#[test]
fn a_scheme_is_https_if_one_says_so_and_none_denies_it() {
    let scheme = |more: &[(&str, &str)]| environ_of(with(more)).unwrap().scheme();
    for https in ["on", "ON", "1", "true"] {
        assert_eq!(scheme(&[("HTTPS", https), ("REQUEST_SCHEME", "http")]), Scheme::Https, "{https}");
    }
    assert_eq!(scheme(&[("HTTPS", ""), ("REQUEST_SCHEME", "https")]), Scheme::Https);
    assert_eq!(scheme(&[("HTTPS", "off"), ("REQUEST_SCHEME", "https")]), Scheme::Http);
    assert_eq!(scheme(&[("REQUEST_SCHEME", "HTTPS")]), Scheme::Https);
    assert_eq!((scheme(&[]), scheme(&[("UWSGI_SCHEME", "https")])), (Scheme::Http, Scheme::Http));
}

#[test]
fn peers_are_clients_and_never_the_web_server_for_a_want_of_an_address() {
    let peer = |more: &[(&str, &str)]| environ_of(with(more)).map(|environ| environ.peer().clone());
    let tcp = |address: &str| Endpoint::Tcp(address.parse().unwrap());
    assert_eq!(peer(&[("REMOTE_ADDR", "192.0.2.1"), ("REMOTE_PORT", "9")]), Ok(tcp("192.0.2.1:9")));
    assert_eq!(peer(&[("REMOTE_ADDR", "192.0.2.1")]), Ok(tcp("192.0.2.1:0")));
    assert_eq!(peer(&[("REMOTE_ADDR", "2001:db8::1"), ("REMOTE_PORT", "x")]), Ok(tcp("[2001:db8::1]:0")));
    assert_eq!(peer(&[("REMOTE_ADDR", "fe80::1%eth0")]), Ok(tcp("[fe80::1]:0")));
    assert_eq!(peer(&[("REMOTE_ADDR", "unix:"), ("REMOTE_PORT", "")]), Ok(Endpoint::unix(None, None)));
    assert_eq!(peer(&[]), Ok(Endpoint::unix(None, None)), "the socket's own");
    assert_eq!(peer(&[("REMOTE_ADDR", "localhost")]).unwrap_err().reason, "REMOTE_ADDR is no address");
    let local = environ_of(with(&[("SERVER_ADDR", "::1"), ("SERVER_PORT", "80")])).unwrap();
    assert_eq!(*local.local(), tcp("[::1]:80"));
}

#[test]
fn the_servers_name_is_a_host_and_its_port_a_number() {
    let server = |name, port, host| {
        let variables = with(&[("SERVER_NAME", name), ("SERVER_PORT", port), ("HTTP_HOST", host)]);
        let environ = environ_of(variables).unwrap();
        (environ.server_name().into_owned(), environ.server_port())
    };
    let own = |name: &str, port| (name.to_owned(), port);
    assert_eq!(server("a.example", "8080", "b:1"), own("a.example", 8080));
    assert_eq!(server("::1", "80", ""), own("[::1]", 80));
    assert_eq!(server("[::1]", "80", ""), own("[::1]", 80));
    assert_eq!(server("a.example:8080", "9", ""), own("a.example", 9), "HAProxy");
    for pattern in ["", "_", "*.a.example", "a.*", ".a.example", "~^(www\\.)?(.+)$"] {
        assert_eq!(server(pattern, "80", "h.example:81"), own("h.example", 80), "{pattern}");
    }
    assert_eq!(server("", "", "[::1]:81"), own("[::1]", 81));
    assert_eq!(server("", "0", "h"), own("h", 80));
    assert_eq!(server("_", "80", "_"), own("localhost", 80), "nginx without a Host");
}

#[test]
fn the_facts_of_tls_are_the_web_servers() {
    let environ = environ_of(with(&[
        ("HTTPS", "on"),
        ("SSL_PROTOCOL", "TLSv1.3"),
        ("SSL_CIPHER", "TLS_AES_256_GCM_SHA384"),
        ("SSL_TLS_SNI", "a.example"),
        ("SSL_CLIENT_VERIFY", "SUCCESS"),
        ("SSL_CLIENT_CERT", "-----BEGIN CERTIFICATE-----\n\tAQID\n\t-----END CERTIFICATE-----\n"),
        ("SSL_SESSION_ID", "f00"),
    ]))
    .unwrap();
    let tls = environ.tls().unwrap();
    assert_eq!((tls.version, &*tls.cipher), (TlsVersion::V1_3, "TLS_AES_256_GCM_SHA384"));
    assert_eq!(
        (tls.sni.as_deref(), &tls.client_certificates[..]),
        (Some("a.example"), &[[1, 2, 3][..].into()][..])
    );
    for (name, value) in
        [("SSL_PROTOCOL", "TLSv1.3"), ("SSL_TLS_SNI", "a.example"), ("SSL_SESSION_ID", "f00")]
    {
        assert_eq!(environ.var(name).as_deref(), Some(value.as_bytes()));
    }
    for name in ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"] {
        let environ = environ_of(with(&[("SSL_PROTOCOL", name)])).unwrap();
        assert_eq!(environ.var("SSL_PROTOCOL").as_deref(), Some(name.as_bytes()));
    }
    let unverified = [
        ("SSL_PROTOCOL", "TLSv1.2"),
        ("SSL_CLIENT_VERIFY", "FAILED:self-signed certificate"),
        ("SSL_CLIENT_CERT", "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n"),
    ];
    assert!(environ_of(with(&unverified)).unwrap().tls().unwrap().client_certificates.is_empty());
    assert!(environ_of(with(&[("HTTPS", "on"), ("SSL_PROTOCOL", "")])).unwrap().tls().is_none());
}

#[test]
fn other_variables_are_the_gateways() {
    let environ = environ_of(
        with(&[
            ("REMOTE_USER", "ada"),
            ("AUTH_TYPE", "Basic"),
            ("REDIRECT_STATUS", "200"),
            ("APP_MODE", "a"),
        ])
        .into_iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .chain([(&b"\xff"[..], &b"x"[..]), (b"APP_MODE", b"b\xff")]),
    )
    .unwrap();
    assert_eq!(environ.var("REMOTE_USER").as_deref(), Some(&b"ada"[..]));
    assert_eq!(environ.var("APP_MODE").as_deref(), Some(&b"b\xff"[..]), "the last one");
    let names: Vec<_> = environ.vars().map(|(name, _)| name.into_owned()).collect();
    for name in ["REMOTE_USER", "AUTH_TYPE", "REDIRECT_STATUS", "REQUEST_METHOD"] {
        assert_eq!(names.iter().filter(|known| *known == name).count(), 1, "{name} in {names:?}");
    }
    assert!(names.iter().all(|name| name.is_ascii()), "{names:?}");
}

#[test]
fn content_is_as_long_as_told_and_else_what_the_protocol_has() {
    let length = |more: &[(&str, &str)], unsaid| request_of(with(more)).unwrap().length(unsaid);
    let all = [Unsaid::Nothing, Unsaid::Coded, Unsaid::Streams];
    assert_eq!(all.map(|unsaid| length(&[("CONTENT_LENGTH", "3")], unsaid)), [InputLength::Known(3); 3]);
    assert_eq!(all.map(|unsaid| length(&[("CONTENT_LENGTH", "0")], unsaid)), [InputLength::None; 3]);
    let [none, unknown] = [InputLength::None, InputLength::Unknown];
    assert_eq!(all.map(|unsaid| length(&[("CONTENT_LENGTH", "")], unsaid)), [none, none, unknown]);
    let coded = [("HTTP_TRANSFER_ENCODING", "chunked")];
    assert_eq!(all.map(|unsaid| length(&coded, unsaid)), [none, unknown, unknown]);
    for wrong in ["-1", "a", "1,1"] {
        assert!(refusal(&with(&[("CONTENT_LENGTH", wrong)])).reason.contains("CONTENT_LENGTH"), "{wrong}");
    }
}

#[test]
fn a_length_that_the_web_server_made_up_is_no_field() {
    let field = |method, length| {
        let variables = [("REQUEST_METHOD", method), ("REQUEST_URI", "/"), ("CONTENT_LENGTH", length)];
        environ_of(variables).unwrap().header("content-length").map(str::to_owned)
    };
    assert_eq!((field("GET", "0"), field("HEAD", "0"), field("GET", "")), (None, None, None));
    assert_eq!((field("POST", "0"), field("GET", "3")), (Some("0".into()), Some("3".into())));
    assert_eq!(request_of(with(&[])).unwrap().method, Method::GET);
}

mod any_bytes {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 12] = [
        "REQUEST_URI",
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "SCRIPT_FILENAME",
        "SERVER_SOFTWARE",
        "HTTP_HOST",
        "SERVER_NAME",
        "REMOTE_ADDR",
        "DOCUMENT_URI",
        "SERVER_PORT",
        "HTTP_X",
    ];
    const PIECES: [&str; 16] = [
        "/",
        "a",
        "%2F",
        "%",
        "..",
        "*",
        "proxy:fcgi://h",
        "nginx",
        "http://h",
        ":",
        "[::1]",
        "\u{e9}",
        " ",
        "?",
        "#",
        "",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_is_sent_the_invariants_hold(
            sent in proptest::collection::vec((0..NAMES.len(), proptest::collection::vec(0..PIECES.len(), 0..6)), 0..8),
            method in 0..3_usize,
        ) {
            let method = ["GET", "OPTIONS", "CONNECT"][method];
            let sent = sent.into_iter().map(|(name, pieces)| {
                (NAMES[name], pieces.into_iter().map(|piece| PIECES[piece]).collect::<String>())
            });
            if let Ok(environ) = environ_of(sent.chain([("REQUEST_METHOD", method.to_owned())])) {
                let (script_name, path_info) = (environ.script_name(), environ.path_info());
                prop_assert!(script_name.is_empty() || script_name.starts_with('/'), "{environ:?}");
                prop_assert!(script_name != "/" && !script_name.ends_with('/'), "{environ:?}");
                let rooted = path_info.starts_with('/') || path_info == "*" || path_info.is_empty();
                prop_assert!(rooted, "{environ:?}");
                prop_assert_eq!(format!("{script_name}{path_info}"), environ.uri().path());
                prop_assert!(!environ.server_name().is_empty());
                let _all = environ.vars().count();
            }
        }
    }
}
