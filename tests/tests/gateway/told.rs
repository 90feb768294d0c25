//! What an app is told of a request, through each front.

use std::net::{SocketAddrV4, TcpStream};

use rsgi_test::suite::seen::Seen;
use rsgi_test::wire::RawClient;
use rsgi_test::wire::bytes::request;
use rsgi_tests::driving::{printed, tool};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::fronts::{Front, Speaks, Web};
use crate::standing::{Belief, Clients, Mount, Setup, Standing};

each_front!(the_client_is_told_and_cant_lie);
each_front!(https_is_told_where_clients_come_by_it);
each_front!(authorization_reaches_the_app);
each_front!(an_upgrade_is_offered_or_not_supported);
each_front!(an_app_below_a_prefix_sees_where_it_is);

/// What the app sees of a request to this target.
pub(crate) fn seen(standing: &Standing, target: &str, fields: &[(&str, &str)]) -> Seen {
    let answer = standing.client().ask(request("GET", target, fields, b""));
    assert_eq!(answer.status(), 200, "{target}: {}", answer.text());
    serde_json::from_str(answer.text()).unwrap()
}

fn the_client_is_told_and_cant_lie(front: &Front) {
    let standing = Standing::with(front, Setup { belief: Belief::TheWebServer, ..Setup::default() });
    let lies = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https"), ("https", "on")];
    let lies = [&lies[..], &[("x-forwarded-host", "evil.test")]].concat();
    // From an address that nobody trusts.
    let here = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&here, &SocketAddrV4::new([127, 0, 0, 2].into(), 0)).unwrap();
    connect(&here, &standing.address).unwrap();
    let answer = RawClient::over(TcpStream::from(here)).ask(request("GET", "/seen", &lies, b""));
    let seen: Seen = serde_json::from_str(answer.text()).unwrap();
    assert_eq!(seen.trusted_client.split(':').next(), Some("127.0.0.2"));
    assert_eq!((seen.trusted_scheme.as_str(), seen.scheme.as_str()), ("http", "http"));
    let host = seen.trusted_host.clone().unwrap();
    assert_eq!(host.split(':').next(), Some("test"), "{host}");
    if front.speaks != Speaks::Http {
        // By its own protocol, or the PROXY protocol's header, the web server's client is the peer.
        assert_eq!(seen.peer.ip.as_deref(), Some("127.0.0.2"));
        assert_eq!(seen.var("REMOTE_ADDR"), Some("127.0.0.2"));
        assert_eq!(seen.server_port, standing.address.port());
    }
    assert!(
        !seen.vars.contains_key("HTTPS") || seen.vars["HTTPS"] == *b"off",
        "{:?}",
        seen.vars.get("HTTPS")
    );
}

/// By the protocol's own variable, or the field that the shipped configuration writes.
fn https_is_told_where_clients_come_by_it(front: &Front) {
    if matches!(front.speaks, Speaks::ProxyV1 | Speaks::ProxyV2) {
        println!("{}: as it is shipped the header of the PROXY protocol has no word for TLS", front.name);
        return;
    }
    let setup = Setup { clients: Clients::Https, belief: Belief::TheWebServer, ..Setup::default() };
    let standing = Standing::with(front, setup);
    let mut curl = tool("curl");
    curl.args(["--insecure", "--silent", "--show-error", "--fail", "--header", "host: test"]);
    let answer = printed(curl.arg(format!("https://{}/seen?a=b", standing.address))).unwrap();
    let seen: Seen = serde_json::from_str(&answer).unwrap();
    assert_eq!(seen.trusted_scheme, "https");
    if front.speaks.is_of_gateways() {
        assert_eq!(seen.scheme, "https");
        assert!(seen.url.starts_with("https://test"), "{}", seen.url);
        assert!(["on", "1"].contains(&seen.var("HTTPS").unwrap()));
    }
}

fn authorization_reaches_the_app(front: &Front) {
    let standing = Standing::of(front);
    let seen = seen(&standing, "/seen", &[("authorization", "Basic dTpw")]);
    assert_eq!(seen.all("authorization"), ["Basic dTpw"]);
}

fn an_upgrade_is_offered_or_not_supported(front: &Front) {
    let standing = Standing::of(front);
    let fields = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let mut client = standing.client();
    client.send(request("GET", "/upgrade", &fields, b""));
    let answer = client.answer();
    let told = answer.text();
    if front.speaks.is_of_gateways() {
        assert!(told.contains("NotSupported") || told == "Ok(false)", "{told}");
    } else {
        assert_eq!(told, "Ok(true)");
    }
}

/// Over HTTP nothing says where the app is: that is `Mount`'s part.
fn an_app_below_a_prefix_sees_where_it_is(front: &Front) {
    if !front.speaks.is_of_gateways() {
        println!("{}: HTTP has no word for a prefix", front.name);
        return;
    }
    let standing = Standing::with(front, Setup { mount: Mount::Shop, ..Setup::default() });
    for (target, path_info) in [("/shop/a%20b/c?q=1", "/a%20b/c"), ("/shop/", "/"), ("/shop", "")] {
        // HAProxy (2.6) sends no variable that is empty, and lighttpd takes a prefix for the beginning of a name.
        if matches!(front.web, Web::Lighttpd | Web::Haproxy) && path_info.is_empty() {
            continue;
        }
        let seen = seen(&standing, target, &[]);
        assert_eq!((seen.script_name.as_str(), seen.path_info.as_str()), ("/shop", path_info), "{target}");
        assert_eq!(seen.target, target);
        let url = seen.url.split_once("://test").map(|(_, rest)| {
            rest.trim_start_matches([':', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        });
        assert_eq!(url, Some(target), "{}", seen.url);
    }
}
