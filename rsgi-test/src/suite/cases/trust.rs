//! Who the client is: nobody is believed by default, and trusted proxies only as far as the trust goes.
//!
//! The policy itself is tested in rsgi-core; here it is proved that every adapter asks it, and speaks the PROXY
//! protocol where it is told to.

use std::time::Duration;

use rsgi_core::proxy_protocol::ProxyProtocol;
use rsgi_core::trust::{ForwardedHeaders, Trust};

use crate::suite::apps::{text, watching};
use crate::suite::case::Case;
use crate::suite::ground::{Ground, Server};
use crate::suite::noting::{Noted, noting};
use crate::wire::RawClient;
use crate::wire::bytes::{get, request};

pub(super) const CASES: &[Case] = &[
    Case::message("nobody_is_believed_by_default", &[17, 18], watching, |talk| {
        let request = talk.get("/").header("host", "test");
        let request = request.header("forwarded", "for=192.0.2.1;proto=https;host=evil.test");
        let request = request.header("x-forwarded-for", "192.0.2.1").header("x-forwarded-proto", "https");
        request.header("x-forwarded-host", "evil.test").header("x-forwarded-port", "444").answer();
        let seen = talk.seen();
        let peer = seen.peer.ip.clone().unwrap_or_else(|| seen.peer.text.clone());
        assert_ne!(peer, "192.0.2.1");
        assert_eq!((seen.scheme.as_str(), seen.host.as_deref()), ("http", Some("test")));
        assert_eq!((seen.trusted_client.as_str(), seen.trusted_scheme.as_str()), (peer.as_str(), "http"));
        assert_eq!(seen.trusted_host.as_deref(), Some("test"));
        assert_eq!(seen.var("REMOTE_ADDR"), Some(seen.peer.ip.as_deref().unwrap_or("")));
        assert!(seen.url.starts_with("http://test/"), "{}", seen.url);
    }),
    // What was the last hop stays so: `trusted` says the rest.
    Case::hosted("a_trusted_proxy_is_believed_up_to_the_first_stranger", &[18, 19], |ground| {
        let (server, noted) = trusting(ground, ForwardedHeaders::Standard, "127.0.0.0/8");
        let forwarded = "for=198.51.100.9, for=192.0.2.1;proto=https;host=front.test, for=127.0.0.5";
        server.client().ask(request("GET", "/", &[("forwarded", forwarded)], b""));
        let seen = noted.seen();
        assert_eq!((seen.trusted_client.as_str(), seen.trusted_scheme.as_str()), ("192.0.2.1", "https"));
        assert_eq!(seen.trusted_host.as_deref(), Some("front.test"));
        assert_eq!((seen.scheme.as_str(), seen.host.as_deref()), ("http", Some("test")));
        assert_eq!(seen.peer.ip.as_deref(), Some("127.0.0.1"));
    }),
    Case::hosted("a_stranger_is_not_believed", &[18], |ground| {
        let (server, noted) = trusting(ground, ForwardedHeaders::Standard, "192.0.2.0/24");
        server.client().ask(request("GET", "/", &[("forwarded", "for=192.0.2.1;proto=https")], b""));
        let seen = noted.seen();
        assert_eq!((seen.trusted_client.as_str(), seen.trusted_scheme.as_str()), ("127.0.0.1", "http"));
    }),
    Case::hosted("the_proxy_protocol_tells_both_ends", &[146], |ground| {
        let headers = [(ProxyProtocol::V1, VERSION_1.as_bytes().to_vec()), (ProxyProtocol::V2, version_2())];
        let any = headers.clone().map(|(_, header)| (ProxyProtocol::Any, header));
        for (version, header) in headers.into_iter().chain(any) {
            let (server, noted) = proxied(ground, version, "127.0.0.0/8");
            let mut client = server.client();
            client.send(&header[..3]).send(&header[3..]);
            for _ in 0..2 {
                assert_eq!(client.ask(get("/")).status(), 200);
                let seen = noted.seen();
                assert_eq!(
                    (seen.peer.text.as_str(), seen.local.text.as_str()),
                    ("192.0.2.7:4000", "198.51.100.1:443")
                );
                assert_eq!(seen.trusted_client, "192.0.2.7");
            }
            let mut slow = server.client().byte_by_byte();
            assert_eq!(slow.send(&header).ask(get("/")).status(), 200, "byte by byte");
            let mut client = server.client();
            assert_eq!(client.ask([header, get("/")].concat()).status(), 200, "in one packet");
        }
    }),
    Case::hosted("the_proxy_protocol_is_read_only_when_on_and_only_at_the_start", &[146], |ground| {
        let (app, noted) = noting(watching());
        let off = ground.serve(app);
        assert_eq!(off.client().send(VERSION_1).send(get("/")).answer().status(), 400);
        noted.unseen();
        let (server, noted) = proxied(ground, ProxyProtocol::V1, "127.0.0.0/8");
        let mut client = server.client();
        assert_eq!(client.send(VERSION_1).ask(get("/")).status(), 200);
        noted.seen();
        assert_eq!(client.send(VERSION_1).send(get("/")).answer().status(), 400);
        noted.unseen();
    }),
    Case::hosted("a_trusted_peer_must_begin_with_it_where_it_is_on", &[146], |ground| {
        let (server, noted) = proxied(ground, ProxyProtocol::Any, "127.0.0.0/8");
        let bad = ["PROXY TCP4 nonsense\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n"];
        for bytes in [get("/"), bad[0].into(), bad[1].into()] {
            turned_away(server.client().send(bytes));
        }
        noted.unseen();
    }),
    // A stranger can't pose as somebody else by it.
    Case::hosted("a_stranger_may_not_speak_it", &[146], |ground| {
        let (server, noted) = proxied(ground, ProxyProtocol::Any, "192.0.2.0/24");
        turned_away(server.client().send([VERSION_1.as_bytes(), &get("/")].concat()));
        noted.unseen();
        assert_eq!(server.client().ask(get("/")).status(), 200, "without it a stranger is served");
        assert_eq!(noted.seen().trusted_client, "127.0.0.1");
    }),
    // A health check of the balancer's own (`LOCAL`, `UNKNOWN`).
    Case::hosted("a_local_header_keeps_the_ends_of_the_connection", &[146], |ground| {
        let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0".to_vec();
        for header in [local, b"PROXY UNKNOWN\r\n".to_vec()] {
            let (server, noted) = proxied(ground, ProxyProtocol::Any, "127.0.0.0/8");
            assert_eq!(server.client().ask([header, get("/")].concat()).status(), 200);
            assert_eq!(noted.seen().peer.ip.as_deref(), Some("127.0.0.1"));
        }
    }),
    // By the handshake's clock.
    Case::hosted("half_a_proxy_header_is_let_go", &[130, 146], |ground| {
        let policy = Trust::nobody().network("127.0.0.0/8".parse().unwrap());
        let server = ground.serve_with(text("x"), |config| {
            let config = config.trust(policy).proxy_protocol(ProxyProtocol::Any);
            config.timeouts(|timeouts| timeouts.handshake = Some(Duration::from_millis(250)))
        });
        server.client().send("PROXY TCP4 192.0.2.7").rest();
    }),
];

fn trusting(ground: &Ground, headers: ForwardedHeaders, network: &str) -> (Server, Noted) {
    let policy = Trust::new(headers).network(network.parse().unwrap());
    let (app, noted) = noting(watching());
    (ground.serve_with(app, |config| config.trust(policy)), noted)
}

fn proxied(ground: &Ground, version: ProxyProtocol, network: &str) -> (Server, Noted) {
    let policy = Trust::nobody().network(network.parse().unwrap());
    let (app, noted) = noting(watching());
    (ground.serve_with(app, |config| config.trust(policy).proxy_protocol(version)), noted)
}

/// Expects an end, and before it a 400 or nothing.
fn turned_away(client: &mut RawClient) {
    let (rest, _) = client.rest();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 400"), "{:?}", String::from_utf8_lossy(&rest));
}

const VERSION_1: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 4000 443\r\n";

/// PROXY protocol version 2, from 192.0.2.7:4000 to 198.51.100.1:443.
fn version_2() -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend_from_slice(&[192, 0, 2, 7, 198, 51, 100, 1]);
    header.extend_from_slice(&[&4000_u16.to_be_bytes()[..], &443_u16.to_be_bytes()[..]].concat());
    header
}
