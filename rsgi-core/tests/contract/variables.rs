//! The CGI view: RFC 3875's and PEP 3333's names, of the same facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use rsgi_core::bytes::Bytes;
use rsgi_core::http::{Request, Version};
use rsgi_core::{Connection, Endpoint, Environ, Exchange, Input, Scheme, Tls, TlsVersion};

use crate::asking::plain;

fn text(environ: &Environ, name: &str) -> Option<String> {
    environ.var(name).map(|value| String::from_utf8_lossy(&value).into_owned())
}

/// Every variable, seen by both ways in.
fn all(environ: &Environ) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, value) in environ.vars() {
        assert_eq!(environ.var(&name).as_deref(), Some(&value[..]), "{name}");
        let value = String::from_utf8_lossy(&value).into_owned();
        assert!(all.insert(name.to_string(), value).is_none(), "{name} twice");
    }
    all
}

#[test]
fn the_view_has_the_names_of_rfc_3875_and_no_other() {
    // rule(43)
    let mut environ = Environ::on_server(
        Request::post("/app/caf%C3%A9?q=%20")
            .header("host", "a.example:81")
            .header("content-type", "text/plain")
            .header("content-length", "3")
            .header("accept", "a")
            .header("Accept", "b")
            .body(Input::from_bytes(Bytes::from_static(b"abc")))
            .unwrap(),
        plain(),
    );
    environ.mount("/app");
    let wanted = [
        ("CONTENT_LENGTH", "3"),
        ("CONTENT_TYPE", "text/plain"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("HTTP_ACCEPT", "a, b"),
        ("HTTP_HOST", "a.example:81"),
        ("PATH_INFO", "/café"),
        ("QUERY_STRING", "q=%20"),
        ("REMOTE_ADDR", ""),
        ("REQUEST_METHOD", "POST"),
        ("REQUEST_URI", "/app/caf%C3%A9?q=%20"),
        ("SCRIPT_NAME", "/app"),
        ("SERVER_NAME", "a.example"),
        ("SERVER_PORT", "81"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_SOFTWARE", "toy/1.2"),
    ];
    let wanted: BTreeMap<_, _> =
        wanted.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(all(&environ), wanted);
}

#[test]
fn no_field_poses_as_a_variable_that_is_not_its_own() {
    // rule(41), rule(43)
    let environ = Environ::on_server(
        Request::get("/")
            .header("proxy", "http://evil.example")
            .header("x_real_ip", "198.51.100.1")
            .header("content-length", "5")
            .header("x.y", "dotted")
            .body(Input::empty())
            .unwrap(),
        plain(),
    );
    for name in [
        "HTTP_PROXY",
        "HTTP_X_REAL_IP",
        "HTTP_CONTENT_LENGTH",
        "HTTP_CONTENT_TYPE",
        "HTTP_x.y",
        "HTTP_X-REAL-IP",
        "HTTP_",
        "HTTP_ ",
        "CONTENT_LENGTH",
    ] {
        assert_eq!(text(&environ, name), None, "{name}");
    }
    let http: Vec<_> = all(&environ).into_keys().filter(|name| name.starts_with("HTTP_")).collect();
    assert_eq!(http, ["HTTP_X.Y"]);
}

#[test]
fn cookies_are_joined_as_cookies_and_other_fields_as_lists() {
    // rule(31)
    let asked = Request::get("/")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("x-a", "1")
        .header("x-a", "2");
    let environ = Environ::on_server(asked.body(Input::empty()).unwrap(), plain());
    assert_eq!(text(&environ, "HTTP_COOKIE").as_deref(), Some("a=1; b=2"));
    assert_eq!(text(&environ, "HTTP_X_A").as_deref(), Some("1, 2"));
}

#[test]
fn a_gateways_variables_stand_beside_the_environs_own_and_never_over_them() {
    let mut environ = Environ::on_server(Request::new(Input::empty()), plain());
    environ.set_gateway_vars(vec![
        ("DOCUMENT_ROOT".into(), b"/srv".to_vec()),
        ("REQUEST_METHOD".into(), b"LIE".to_vec()),
        ("HTTP_PROXY".into(), b"http://evil.example".to_vec()),
        ("rsgi.gateway".into(), b"\xff".to_vec()),
    ]);
    let all = all(&environ);
    assert_eq!((all["DOCUMENT_ROOT"].as_str(), all["REQUEST_METHOD"].as_str()), ("/srv", "GET"));
    assert!(!all.contains_key("HTTP_PROXY"));
    assert_eq!(environ.var("rsgi.gateway").as_deref(), Some(&b"\xff"[..]));
    assert_eq!(text(&environ, "HTTP_PROXY"), None);
}

#[test]
fn versions_and_tls_are_told() {
    // rule(16), rule(26)
    for (version, told) in [
        (Version::HTTP_10, "HTTP/1.0"),
        (Version::HTTP_11, "HTTP/1.1"),
        (Version::HTTP_2, "HTTP/2.0"),
        (Version::HTTP_3, "HTTP/3.0"),
    ] {
        let request = Request::builder().version(version).body(Input::empty()).unwrap();
        assert_eq!(text(&Environ::on_server(request, plain()), "SERVER_PROTOCOL").as_deref(), Some(told));
    }
    let peer = Endpoint::Tcp("192.0.2.1:4711".parse().unwrap());
    let mut connection = Connection::new(Arc::new(plain()), 1, peer.clone(), peer);
    connection.scheme = Scheme::Https;
    connection.tls = Some(Tls::new(TlsVersion::V1_3, "TLS_AES_128_GCM_SHA256").with_sni("a.example").into());
    let (head, input) = Request::new(Input::empty()).into_parts();
    let environ = Environ::new(head, input, Exchange::new(Arc::new(connection)));
    for (name, value) in [
        ("HTTPS", "on"),
        ("SSL_PROTOCOL", "TLSv1.3"),
        ("SSL_CIPHER", "TLS_AES_128_GCM_SHA256"),
        ("SSL_TLS_SNI", "a.example"),
        ("REMOTE_ADDR", "192.0.2.1"),
        ("REMOTE_PORT", "4711"),
        ("SERVER_PORT", "4711"),
    ] {
        assert_eq!(text(&environ, name).as_deref(), Some(value));
    }
    all(&environ);
}
