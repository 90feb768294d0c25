//! Who the client is: nobody is believed by default, and trusted proxies only as far as the trust goes.
//!
//! The policy itself is tested in rsgi-core; here it is proved that every adapter asks it, and speaks the PROXY
//! protocol where it is told to.

use rsgi_core::Scheme;
use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::server::Config;
use rsgi_core::trust::{ForwardedHeaders, Trust};
use rsgi_tests::bytes::{get, request};
use rsgi_tests::deadline::Events;
use rsgi_tests::probe::{Seen, watching};
use rsgi_tests::{On, Server, mount};

fn trusting(on: On, headers: ForwardedHeaders, network: &str) -> (Server, Events<Seen>) {
    let policy = Trust::new(headers).network(network.parse().unwrap());
    let (app, seen) = watching();
    (on.serve_with(app, |config| config.trust(policy)), seen)
}

/// rule(17, 18)
fn nobody_is_believed_by_default(on: On) {
    let (app, seen) = watching();
    let server = on.serve(app);
    let fields = [
        ("forwarded", "for=192.0.2.1;proto=https;host=evil.test"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.test"),
    ];
    server.client().ask(request("GET", "/", &fields, b""));
    let seen = seen.next("the request");
    assert_eq!((seen.scheme, seen.host.as_deref()), (Scheme::Http, Some("test")));
    assert_eq!((seen.trusted_client.as_str(), seen.trusted_scheme), ("127.0.0.1", Scheme::Http));
    assert_eq!(seen.trusted_host.as_deref(), Some("test"));
    assert_eq!(seen.var("REMOTE_ADDR"), Some("127.0.0.1"));
}

/// rule(19)
fn a_trusted_proxy_is_believed_up_to_the_first_stranger(on: On) {
    let (server, seen) = trusting(on, ForwardedHeaders::Standard, "127.0.0.0/8");
    let forwarded = "for=198.51.100.9, for=192.0.2.1;proto=https;host=front.test, for=127.0.0.5";
    server.client().ask(request("GET", "/", &[("forwarded", forwarded)], b""));
    let seen = seen.next("the request");
    assert_eq!((seen.trusted_client.as_str(), seen.trusted_scheme), ("192.0.2.1", Scheme::Https));
    assert_eq!(seen.trusted_host.as_deref(), Some("front.test"));
    assert_eq!((seen.scheme, seen.host.as_deref()), (Scheme::Http, Some("test")), "the last hop stays");
    assert_eq!(seen.peer.ip().unwrap().to_string(), "127.0.0.1");
}

/// rule(18)
fn a_stranger_is_not_believed(on: On) {
    let (server, seen) = trusting(on, ForwardedHeaders::Standard, "192.0.2.0/24");
    server.client().ask(request("GET", "/", &[("forwarded", "for=192.0.2.1;proto=https")], b""));
    let seen = seen.next("the request");
    assert_eq!((seen.trusted_client.as_str(), seen.trusted_scheme), ("127.0.0.1", Scheme::Http));
}

fn proxied(on: On, version: ProxyProtocol, network: &str) -> (Server, Events<Seen>) {
    let policy = Trust::nobody().network(network.parse().unwrap());
    let (app, seen) = watching();
    (on.serve_with(app, |config: Config| config.trust(policy).proxy_protocol(version)), seen)
}

/// PROXY protocol version 2, from 192.0.2.7:4000 to 198.51.100.1:443.
fn version_2() -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend_from_slice(&[192, 0, 2, 7, 198, 51, 100, 1]);
    header.extend_from_slice(&[&4000_u16.to_be_bytes()[..], &443_u16.to_be_bytes()[..]].concat());
    header
}

const VERSION_1: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 4000 443\r\n";

/// rule(146)
fn the_proxy_protocol_tells_both_ends(on: On) {
    let headers = [(ProxyProtocol::V1, VERSION_1.as_bytes().to_vec()), (ProxyProtocol::V2, version_2())];
    for (version, header) in
        headers.clone().into_iter().chain(headers.map(|(_, header)| (ProxyProtocol::Any, header)))
    {
        let (server, seen) = proxied(on, version, "127.0.0.0/8");
        let mut client = server.client();
        client.send(&header[..3]).send(&header[3..]);
        for _ in 0..2 {
            assert_eq!(client.ask(get("/")).status(), 200);
            let seen = seen.next("the request");
            assert_eq!(seen.peer.to_string(), "192.0.2.7:4000");
            assert_eq!(seen.local.to_string(), "198.51.100.1:443");
            assert_eq!(seen.trusted_client, "192.0.2.7");
        }
        let mut client = server.client();
        assert_eq!(client.ask([header, get("/")].concat()).status(), 200, "in one packet");
    }
}

/// rule(146)
fn the_proxy_protocol_is_read_only_when_on_and_only_at_the_start(on: On) {
    let (app, seen) = watching();
    let off = on.serve(app);
    let mut client = off.client();
    client.send(VERSION_1).send(get("/"));
    assert_eq!(client.answer().status(), 400);
    assert!(seen.try_next().is_none());
    let (server, seen) = proxied(on, ProxyProtocol::V1, "127.0.0.0/8");
    let mut client = server.client();
    assert_eq!(client.send(VERSION_1).ask(get("/")).status(), 200);
    seen.next("the request");
    client.send(VERSION_1).send(get("/"));
    assert_eq!(client.answer().status(), 400);
    assert!(seen.try_next().is_none());
}

/// rule(146)
fn a_trusted_peer_must_begin_with_it_where_it_is_on(on: On) {
    let (server, seen) = proxied(on, ProxyProtocol::Any, "127.0.0.0/8");
    for bytes in
        [get("/"), b"PROXY TCP4 nonsense\r\n".to_vec(), b"PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n".to_vec()]
    {
        let mut client = server.client();
        client.send(bytes);
        let (rest, _) = client.rest();
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 400"), "{:?}", String::from_utf8_lossy(&rest));
    }
    assert!(seen.try_next().is_none());
}

/// rule(146): a stranger can't pose as somebody else by it.
fn a_stranger_may_not_speak_it(on: On) {
    let (server, seen) = proxied(on, ProxyProtocol::Any, "192.0.2.0/24");
    let mut client = server.client();
    client.send(VERSION_1).send(get("/"));
    let (rest, _) = client.rest();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 400"), "{:?}", String::from_utf8_lossy(&rest));
    assert!(seen.try_next().is_none());
    assert_eq!(server.client().ask(get("/")).status(), 200, "without it a stranger is served");
    assert_eq!(seen.next("the request").trusted_client, "127.0.0.1");
}

/// rule(146): a health check of the balancer's own (`LOCAL`, `UNKNOWN`) keeps the connection's own ends.
fn a_local_header_keeps_the_ends_of_the_connection(on: On) {
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0".to_vec();
    for header in [local, b"PROXY UNKNOWN\r\n".to_vec()] {
        let (server, seen) = proxied(on, ProxyProtocol::Any, "127.0.0.0/8");
        assert_eq!(server.client().ask([header, get("/")].concat()).status(), 200);
        assert_eq!(seen.next("the request").peer.ip().unwrap().to_string(), "127.0.0.1");
    }
}

/// rule(130, 146): half a header is let go by the handshake's clock.
fn half_a_proxy_header_is_let_go(on: On) {
    let policy = Trust::nobody().network("127.0.0.0/8".parse().unwrap());
    let (app, _seen) = watching();
    let server = on.serve_with(app, |config| {
        let soon = Some(std::time::Duration::from_millis(250));
        let config = config.trust(policy).proxy_protocol(ProxyProtocol::Any);
        config.timeouts(|timeouts| timeouts.handshake = soon)
    });
    let mut client = server.client();
    client.send("PROXY TCP4 192.0.2.7").rest();
}

mount!(
    nobody_is_believed_by_default,
    a_trusted_proxy_is_believed_up_to_the_first_stranger,
    a_stranger_is_not_believed,
    the_proxy_protocol_tells_both_ends,
    the_proxy_protocol_is_read_only_when_on_and_only_at_the_start,
    a_trusted_peer_must_begin_with_it_where_it_is_on,
    a_stranger_may_not_speak_it,
    a_local_header_keeps_the_ends_of_the_connection,
    half_a_proxy_header_is_let_go,
);
