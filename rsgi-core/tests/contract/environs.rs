//! The environ: targets and mounts, what names server and client, slots, the way to `http::Request` and back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rsgi_core::http::{HeaderValue, Method, Request, Uri, Version};
use rsgi_core::trust::{ForwardedHeaders, Trust, XForwarded};
use rsgi_core::{Connection, Endpoint, Environ, Exchange, Input, Scheme, Server, Tls, TlsVersion};

use crate::asking::{plain, request};

fn of(method: &str, target: &str) -> Environ {
    Environ::on_server(request(method, target), plain())
}

fn path(environ: &Environ) -> (&str, &str) {
    (environ.script_name(), environ.path_info())
}

/// An environ on a TCP connection whose own end is `local`.
fn on_tcp(local: &str, scheme: Scheme, request: Request<Input>) -> Environ {
    let local: SocketAddr = local.parse().unwrap();
    let peer: SocketAddr = "192.0.2.1:40000".parse().unwrap();
    let mut connection = Connection::new(Arc::new(plain()), 9, peer.into(), local.into());
    connection.scheme = scheme;
    let (head, input) = request.into_parts();
    Environ::new(head, input, Exchange::new(Arc::new(connection)))
}

#[test]
fn a_method_is_any_token_with_its_case_kept() {
    // rule(1), rule(2)
    for method in ["GET", "get", "PROPFIND", "X!"] {
        assert_eq!(of(method, "/").method().as_str(), method);
    }
}

#[test]
fn every_form_of_target_gives_its_path_and_stays_as_it_is() {
    // rule(3), rule(8), rule(9), rule(10), rule(11), rule(13)
    for (method, target, path_info, host) in [
        ("GET", "/a/b?c", "/a/b", None),
        ("GET", "//a//b/", "//a//b/", None),
        ("GET", "/%61%2F%C3%A9", "/%61%2F%C3%A9", None),
        ("OPTIONS", "*", "*", None),
        ("CONNECT", "a.example:443", "", Some("a.example:443")),
        ("GET", "http://a.example:8080/x?y", "/x", Some("a.example:8080")),
        ("GET", "http://evil@a.example/x", "/x", Some("a.example")),
    ] {
        let environ = of(method, target);
        assert_eq!((path(&environ), environ.target().as_ref()), (("", path_info), target));
        assert_eq!(environ.host(), host);
    }
    let asked = Request::get("http://named.example/").header("host", "other.example").body(Input::empty());
    assert_eq!(Environ::on_server(asked.unwrap(), plain()).host(), Some("named.example"));
}

#[test]
fn a_query_is_separate_and_an_empty_one_is_not_none() {
    // rule(7)
    for (target, query) in [("/a", None), ("/a?", Some("")), ("/a?b?c", Some("b?c"))] {
        assert_eq!(of("GET", target).query(), query);
    }
}

#[test]
fn a_path_is_decoded_once_and_its_bytes_survive() {
    // rule(4), rule(5), rule(6)
    for (target, decoded) in [
        ("/a%20b", &b"/a b"[..]),
        ("/%2541", b"/%41"),
        ("/%ff%fe", b"/\xff\xfe"),
        ("//a///", b"//a///"),
        ("/%zz", b"/%zz"),
    ] {
        assert_eq!(&of("GET", target).path_info_decoded()[..], decoded);
    }
}

#[test]
fn a_mount_moves_the_split_and_nothing_else() {
    // rule(12), rule(13), rule(15)
    let mut environ = of("GET", "/%61dmin/users/7?q=1");
    assert!(!environ.mount("/administrator") && !environ.mount("/users"));
    assert!(environ.mount("/admin"));
    assert_eq!(path(&environ), ("/%61dmin", "/users/7"));
    assert!(environ.mount("/users/7"));
    assert_eq!(path(&environ), ("/%61dmin/users/7", ""));
    assert!(environ.mount("/") && environ.mount(""));
    assert_eq!(path(&environ), ("/%61dmin/users/7", ""));
    assert_eq!((environ.target().as_ref(), environ.query()), ("/%61dmin/users/7?q=1", Some("q=1")));
}

#[test]
fn an_encoded_slash_never_separates() {
    // rule(15)
    for target in ["/admin%2Fusers", "/admin%2fusers", "/%2Fadmin", "//admin", "/./admin", "/ADMIN"] {
        assert!(!of("GET", target).mount("/admin"), "{target}");
    }
}

#[test]
fn the_root_holds_every_form_of_target() {
    for (method, target) in [("OPTIONS", "*"), ("CONNECT", "a:1"), ("GET", "/"), ("GET", "http://a/")] {
        let mut environ = of(method, target);
        assert!(environ.mount("/") && environ.mount(""));
        assert_eq!(environ.script_name(), "");
    }
}

#[test]
fn a_split_of_a_gateways_own_is_shifted_like_any_other() {
    // rule(14)
    let mut environ = of("GET", "/ignored");
    environ.set_split("/app", "/shop/%63art");
    environ.set_target("/app/shop/%63art");
    assert_eq!(environ.shift_path_info().as_deref(), Some("shop"));
    assert!(environ.mount("/cart"));
    assert_eq!(path(&environ), ("/app/shop/%63art", ""));
    assert_eq!(environ.shift_path_info(), None);
    assert_eq!(environ.target(), "/app/shop/%63art");
}

#[test]
fn the_servers_name_and_port_are_never_empty() {
    // rule(20)
    for (local, name, port) in [
        ("192.0.2.9:8000", "192.0.2.9", 8000),
        ("[::1]:80", "[::1]", 80),
        ("[::ffff:192.0.2.9]:1", "192.0.2.9", 1),
    ] {
        let environ = on_tcp(local, Scheme::Http, request("GET", "/"));
        assert_eq!((environ.server_name().as_ref(), environ.server_port()), (name, port));
    }
    for (host, name, port) in [
        (None, "localhost", 80),
        (Some(""), "localhost", 80),
        (Some("a.example"), "a.example", 80),
        (Some("a.example:81"), "a.example", 81),
        (Some("[::1]"), "[::1]", 80),
        (Some("[::1]:81"), "[::1]", 81),
        (Some("a.example:x"), "a.example", 80),
    ] {
        let mut environ = of("GET", "/");
        if let Some(host) = host {
            environ.headers_mut().insert("host", HeaderValue::from_static(host));
        }
        assert_eq!((environ.server_name().as_ref(), environ.server_port()), (name, port), "{host:?}");
    }
    let mut told = of("GET", "/");
    told.set_server("gateway.example", 8443);
    assert_eq!((told.server_name().as_ref(), told.server_port()), ("gateway.example", 8443));
}

#[test]
fn the_url_is_rebuilt_from_the_host_as_sent() {
    // rule(21)
    for (method, target, host, url) in [
        ("GET", "/a%20b?c", Some("A.example:80"), "http://A.example:80/a%20b?c"),
        ("GET", "/", None, "http://192.0.2.9:8000/"),
        ("OPTIONS", "*", Some("a.example"), "http://a.example"),
        ("CONNECT", "a.example:443", None, "http://a.example:443"),
        ("GET", "http://b.example/x?", Some("a.example"), "http://b.example/x?"),
    ] {
        let mut environ = on_tcp("192.0.2.9:8000", Scheme::Http, request(method, target));
        if let Some(host) = host {
            environ.headers_mut().insert("host", HeaderValue::from_static(host));
        }
        assert_eq!(environ.url(), url);
        environ.mount("/a b");
        assert_eq!(environ.url(), url, "a mount changes no URL");
    }
    for (local, scheme, url) in [
        ("[::1]:443", Scheme::Https, "https://[::1]/"),
        ("[::1]:80", Scheme::Https, "https://[::1]:80/"),
        ("192.0.2.9:80", Scheme::Http, "http://192.0.2.9/"),
    ] {
        assert_eq!(on_tcp(local, scheme, request("GET", "/")).url(), url);
    }
}

#[test]
fn peer_and_local_end_are_always_there() {
    // rule(24), rule(25), rule(28)
    let tcp = on_tcp("192.0.2.9:80", Scheme::Http, request("GET", "/"));
    assert_eq!(
        (tcp.peer().to_string(), tcp.local().to_string()),
        ("192.0.2.1:40000".into(), "192.0.2.9:80".into())
    );
    let own = of("GET", "/");
    assert_eq!((own.peer(), own.local()), (&Endpoint::unix(None, None), &Endpoint::unix(None, None)));
    assert!(own.tls().is_none());
}

#[test]
fn forwarded_fields_change_nothing_unless_trust_is_configured() {
    // rule(17), rule(18)
    let asked = Request::get("/")
        .header("host", "a.example")
        .header("x-forwarded-for", "198.51.100.1")
        .header("x-forwarded-proto", "https")
        .header("forwarded", "for=198.51.100.1;proto=https;host=evil.example");
    let environ = on_tcp("192.0.2.9:80", Scheme::Http, asked.body(Input::empty()).unwrap());
    let trusted = environ.trusted();
    assert_eq!(trusted.client.ip().map(|ip| ip.to_string()).as_deref(), Some("192.0.2.1"));
    assert_eq!((trusted.scheme, trusted.host.as_deref()), (Scheme::Http, Some("a.example")));
}

#[test]
fn what_the_server_is_can_be_asked() {
    // rule(27)
    let mut server = Server::new("toy", "1.2");
    (server.multithread, server.run_once) = (true, true);
    let environ = Environ::on_server(request("GET", "/"), server);
    assert_eq!((environ.server().name, environ.server().version), ("toy", "1.2"));
    assert!(environ.server().multithread && environ.server().run_once && !environ.server().multiprocess);
    assert!(environ.server().capabilities.is_empty());
}

#[test]
fn times_and_a_deadline_are_told() {
    let mut environ = of("GET", "/");
    assert!(environ.accepted() <= environ.arrived());
    assert!(environ.queued() <= environ.accepted().elapsed());
    assert_eq!(environ.deadline(), None);
    let soon = Instant::now() + Duration::from_secs(1);
    environ.set_deadline(soon);
    environ.set_deadline(soon + Duration::from_secs(1));
    assert_eq!(environ.deadline(), Some(soon), "nobody can give more time than there is");
}

/// A value without `Clone`.
#[derive(Debug, PartialEq)]
struct Session(u32);

#[test]
fn a_slot_holds_one_owned_value_of_a_type() {
    let mut environ = of("GET", "/");
    assert_eq!(environ.get::<Session>(), None);
    assert_eq!(environ.insert(Session(1)), None);
    assert_eq!(environ.insert(Session(2)), Some(Session(1)));
    environ.insert(String::from("other"));
    environ.get_mut::<Session>().unwrap().0 += 1;
    assert_eq!(environ.get(), Some(&Session(3)));
    assert_eq!((environ.remove(), environ.remove::<Session>()), (Some(Session(3)), None));
    assert_eq!(environ.get::<String>().map(String::as_str), Some("other"));
}

#[test]
fn a_round_trip_through_a_request_loses_nothing() {
    let mut environ = of("PUT", "/shop/cart?x");
    environ.insert(Session(7));
    environ.mount("/shop");
    environ.set_gateway_vars(vec![("REMOTE_USER".into(), b"ada".to_vec())]);
    let exchange = Arc::clone(environ.exchange());
    let mut asked = environ.into_request();
    assert_eq!((asked.method(), asked.uri().path()), (&Method::PUT, "/shop/cart"));
    asked.headers_mut().insert("x-by", HeaderValue::from_static("middleware"));
    asked.extensions_mut().insert(1_u8);
    let environ = Environ::from_request(asked);
    assert_eq!(path(&environ), ("/shop", "/cart"));
    assert_eq!((environ.get(), environ.header("x-by")), (Some(&Session(7)), Some("middleware")));
    assert_eq!(environ.var("REMOTE_USER").as_deref(), Some(&b"ada"[..]));
    assert!(Arc::ptr_eq(environ.exchange(), &exchange));
    assert_eq!(environ.into_request().extensions().get(), Some(&1_u8));
}

#[test]
fn a_path_that_a_framework_rewrote_is_split_anew_and_the_target_stays() {
    // rule(15)
    for (rewritten, split) in [
        ("/shop/list?y", ("/shop", "/list")),
        ("/shop", ("/shop", "")),
        ("/list", ("", "/list")),
        ("/shopping", ("", "/shopping")),
        ("/", ("", "/")),
    ] {
        for own_values in [false, true] {
            let mut environ = of("GET", "/shop/cart?x");
            if own_values {
                environ.set_split("/shop", "/cart");
            } else {
                environ.mount("/shop");
            }
            let mut asked = environ.into_request();
            *asked.uri_mut() = Uri::from_static(rewritten);
            let environ = Environ::from_request(asked);
            assert_eq!((path(&environ), environ.target().as_ref()), (split, "/shop/cart?x"));
        }
    }
}

#[test]
fn a_request_from_elsewhere_gets_a_connection_of_its_own() {
    let request = Request::builder().version(Version::HTTP_2).uri("/x").body(Input::empty()).unwrap();
    let environ = Environ::from_request(request);
    assert_eq!((environ.version(), path(&environ)), (Version::HTTP_2, ("", "/x")));
    let twice = environ.into_request();
    let copy = Request::from_parts(twice.into_parts().0, Input::empty());
    assert_eq!(Environ::from_request(copy).path_info(), "/x");
}

#[test]
fn a_request_line_outlives_the_environ_without_holding_its_exchange() {
    let mut environ = of("GET", "/a?b");
    let exchange = Arc::clone(environ.exchange());
    let plain = environ.request_line();
    environ.set_target("/raw|target");
    let raw = environ.request_line();
    let id = environ.request_id();
    drop(environ);
    assert_eq!(Arc::strong_count(&exchange), 1);
    assert_eq!((plain.to_string(), plain.id()), ("GET /a?b HTTP/1.1".into(), id));
    assert_eq!(
        (raw.target().as_ref(), raw.method(), raw.version()),
        ("/raw|target", &Method::GET, Version::HTTP_11)
    );
}

#[test]
fn fields_keep_their_repetitions_and_their_bytes() {
    // rule(29), rule(30), rule(32)
    let asked = Request::get("/").header("X-A", "1").header("x-a", "2").header("x-b", &b"\xe9\t"[..]);
    let environ = Environ::on_server(asked.body(Input::empty()).unwrap(), plain());
    assert_eq!(environ.header_all("X-a").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!((environ.header("x-A"), environ.header("x-b")), (Some("1"), None));
    assert_eq!(environ.headers()["x-b"].as_bytes(), b"\xe9\t");
}

#[test]
fn a_priority_is_read_as_far_as_it_can_be() {
    for (fields, urgency, incremental) in [
        (&[][..], 3, false),
        (&["u=0"][..], 0, false),
        (&["u=5, i"][..], 5, true),
        (&["i;x=1,u=7;y"][..], 7, true),
        (&["u=1", "i"][..], 1, true),
        (&["i, i=?0"][..], 3, false),
        (&["u=8", "u=-1", "u=x", "u"][..], 3, false),
        (&["u=2, u=9"][..], 2, false),
        (&["urgency=1"][..], 3, false),
    ] {
        let mut environ = of("GET", "/");
        for field in fields {
            environ.headers_mut().append("priority", HeaderValue::from_static(field));
        }
        let priority = environ.priority();
        assert_eq!((priority.urgency, priority.incremental), (urgency, incremental), "{fields:?}");
    }
}

#[test]
fn early_data_is_told_whoever_saw_it() {
    let mut environ = of("GET", "/");
    assert!(!environ.is_early_data());
    environ.headers_mut().insert("early-data", HeaderValue::from_static("1"));
    assert!(environ.is_early_data());
    let unnamed = Endpoint::unix(None, None);
    let mut connection = Connection::new(Arc::new(plain()), 1, unnamed.clone(), unnamed);
    connection.tls = Some(Tls::new(TlsVersion::V1_3, "TLS_AES_128_GCM_SHA256").with_early_data().into());
    let (head, input) = request("GET", "/").into_parts();
    assert!(Environ::new(head, input, Exchange::new(Arc::new(connection))).is_early_data());
}

// M11: of the request alone, and what the policy doesn't vouch for is the connection's still.
#[test]
fn a_policy_that_middleware_set_is_the_one_that_counts() {
    let request = || Request::get("/").header("x-forwarded-for", "203.0.113.9").body(()).unwrap();
    let trusting = || Arc::new(Trust::new(ForwardedHeaders::X(XForwarded::FOR)).unix_peers());
    let mut environ = Environ::for_test(request());
    assert!(environ.trust().trusts_nobody());
    let before = environ.trusted().client;
    environ.set_trust(trusting());
    assert_eq!(environ.trusted().client.to_string(), "203.0.113.9");
    assert_eq!(environ.trusted().host, None);
    assert!(environ.server().trust.trusts_nobody(), "the server's own stays");
    environ.set_trust(Arc::new(Trust::nobody()));
    assert_eq!(environ.trusted().client, before);
    environ.set_trust(trusting());
    let turned = Environ::from_request(environ.into_request());
    assert_eq!(turned.trusted().client.to_string(), "203.0.113.9", "through http's types as well");
}
