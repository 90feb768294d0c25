//! Tests of the trust policy: whose word counts, every form in which it comes, and what spoofing clients try.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::forwarded::Element;
use super::{Client, ForwardedHeaders, IpNet, Trust, Trusted, XElement, XForwarded};
use crate::connection::Scheme;
use crate::endpoint::Endpoint;
use crate::server::ServeErrorKind;

const PROXY: &str = "10.0.0.1:40000";

fn standard() -> Trust {
    Trust::new(ForwardedHeaders::Standard).network("10.0.0.0/8".parse().unwrap())
}

fn x(fields: XForwarded) -> Trust {
    Trust::new(ForwardedHeaders::X(fields)).network("10.0.0.0/8".parse().unwrap())
}

fn x_all() -> Trust {
    x(XForwarded::FOR.with_proto().with_host().with_port())
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

/// Resolves over a plain connection to `inner:8000`, and writes the three results in one line.
fn told(trust: &Trust, peer: &str, lines: &[(&str, &str)]) -> String {
    let headers = headers(lines);
    let peer = Endpoint::Tcp(peer.parse().unwrap());
    let Trusted { client, scheme, host } = trust.resolve(&peer, Scheme::Http, Some("inner:8000"), &headers);
    format!("{client} {} {}", scheme.as_str(), host.unwrap_or_default())
}

#[test]
fn nobody_is_trusted_by_default() {
    let lines = [("forwarded", "for=1.1.1.1;proto=https;host=evil"), ("x-forwarded-for", "1.1.1.1")];
    assert_eq!(told(&Trust::default(), PROXY, &lines), "10.0.0.1 http inner:8000");
    assert!(Trust::default().trusts_nobody() && Trust::nobody() == Trust::default());
}

#[test]
fn a_peer_outside_the_networks_decides_nothing() {
    let lines = [("forwarded", "for=1.1.1.1;proto=https;host=evil"), ("x-forwarded-for", "1.1.1.1")];
    for trust in [standard(), x_all()] {
        assert_eq!(told(&trust, "192.0.2.9:1", &lines), "192.0.2.9 http inner:8000");
    }
}

#[test]
fn an_untrusted_peer_costs_no_copy_of_the_host() {
    let map = headers(&[("forwarded", "for=1.1.1.1;host=evil")]);
    let peer = Endpoint::Tcp("192.0.2.9:1".parse().unwrap());
    let trusted = standard().resolve(&peer, Scheme::Https, Some("a"), &map);
    assert!(matches!(trusted.host, Some(std::borrow::Cow::Borrowed("a"))));
    assert_eq!((trusted.client.port(), trusted.scheme), (Some(1), Scheme::Https));
}

#[test]
fn forwarded_is_read_from_the_right_to_the_first_untrusted_hop() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "10.0.0.1 http inner:8000"),
        (&["for=192.0.2.60;proto=https;host=example.com"], "192.0.2.60 https example.com"),
        // What the client wrote itself stands further left, and is never reached.
        (&["for=9.9.9.9;proto=https;host=evil, for=192.0.2.60"], "192.0.2.60 http inner:8000"),
        (&["for=9.9.9.9;host=evil", "for=192.0.2.60"], "192.0.2.60 http inner:8000"),
        (&["for=10.9.9.9;host=evil, for=192.0.2.60;host=good"], "192.0.2.60 http good"),
        // Two proxies: what the outer one says about the client wins.
        (&["for=192.0.2.60;proto=https;host=a, for=10.0.0.2;proto=http;host=b"], "192.0.2.60 https a"),
        (&["for=192.0.2.60;proto=https", "for=10.0.0.2;host=b"], "192.0.2.60 https b"),
        (&["for=9.9.9.9;host=evil, for=192.0.2.60;proto=https, for=10.0.0.2"], "192.0.2.60 https inner:8000"),
        // Everyone on the way is ours: the request began at the leftmost.
        (&["for=10.0.0.3, for=10.0.0.2"], "10.0.0.3 http inner:8000"),
        // Empty elements and white space.
        (&[", ,for=192.0.2.60 ,, "], "192.0.2.60 http inner:8000"),
        (&["for=9.9.9.9", " , "], "9.9.9.9 http inner:8000"),
        (&["for=192.0.2.60 ; proto=https;;"], "192.0.2.60 https inner:8000"),
        // A hop that hides its client, or doesn't tell.
        (&["for=9.9.9.9, for=unknown"], "unknown http inner:8000"),
        (&["for=9.9.9.9, for=_gazonk;proto=https"], "_gazonk https inner:8000"),
        (&["for=9.9.9.9, proto=https"], "unknown https inner:8000"),
        // Schemes and hosts that can't be are passed over.
        (&["for=192.0.2.60;proto=gopher;host=\"a b\""], "192.0.2.60 http inner:8000"),
        (&["for=192.0.2.60;proto=WSS;host=\"example.com:8443\""], "192.0.2.60 https example.com:8443"),
        (&["for=192.0.2.60;host=\"user@evil\""], "192.0.2.60 http inner:8000"),
    ];
    for (lines, expected) in cases {
        let lines: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
        assert_eq!(told(&standard(), PROXY, &lines), *expected, "{lines:?}");
    }
}

#[test]
fn a_malformed_element_ends_the_walk_and_never_names_one_of_our_machines() {
    for element in [
        "for",
        "for=",
        "=x",
        "for =1.1.1.1",
        "for= 1.1.1.1",
        "for=1.1.1.1;for=2.2.2.2",
        "for=1.1.1.1:80",
        "for=\"1.1.1.1",
        "for=\"1.1.1.1\"x",
        "for=2001:db8::1",
        "for=\"2001:db8::1\"",
        "for=\"[2001:db8::1\"",
        "for=\"[1.1.1.1]\"",
        "for=\"1.1.1.1:\"",
        "for=\"1.1.1.1:99999\"",
        "for=\"1.1.1.1:123456\"",
        "for=1.1.1",
        "for=01.1.1.1",
        "for=_",
        "for=\"_a b\"",
        "for=localhost",
        "for=1.1.1.1 proto=https",
        "for=1.1.1.1;proto",
        "for=\"\u{e9}\"",
        "garbage",
    ] {
        let line = format!("for=9.9.9.9;proto=https;host=evil, {element}");
        assert_eq!(told(&standard(), PROXY, &[("forwarded", &line)]), "unknown http inner:8000", "{element}");
    }
}

#[test]
fn a_quote_that_a_client_leaves_open_cannot_swallow_what_the_proxy_appends() {
    let line = "for=\"9.9.9.9, for=192.0.2.60;proto=https";
    assert_eq!(told(&standard(), PROXY, &[("forwarded", line)]), "unknown http inner:8000");
    let separate = [("forwarded", "for=\"9.9.9.9"), ("forwarded", "for=192.0.2.60;proto=https")];
    assert_eq!(told(&standard(), PROXY, &separate), "192.0.2.60 https inner:8000");
}

#[test]
fn an_element_is_parsed_with_quotes_escapes_any_case_and_extensions() {
    let parsed = |text: &'static str| {
        let element = Element::parse(text.as_bytes()).unwrap();
        [element.node, element.proto, element.host].map(Option::unwrap_or_default).join(" ")
    };
    assert_eq!(
        parsed("For=\"[2001:db8:cafe::17]:4711\";PROTO=http;Host=h"),
        "[2001:db8:cafe::17]:4711 http h"
    );
    assert_eq!(parsed("for=\"\\1\\.1.1.1\";by=_me;secret=\"a,b;c=\\\"d\""), "1.1.1.1  ");
    assert_eq!(parsed(""), "  ");
    assert_eq!(
        told(&standard(), PROXY, &[("forwarded", "for=1.1.1.1;x=\"a,b;\\\"for=2.2.2.2\"")]),
        "1.1.1.1 http inner:8000"
    );
}

#[test]
fn a_node_has_an_address_and_perhaps_a_port() {
    let node = |text: &str| Client::from_node(text).map(|client| (client.to_string(), client.port()));
    let is = |name: &str, port| Some((name.to_owned(), port));
    assert_eq!(node("192.0.2.43:47011"), is("192.0.2.43", Some(47011)));
    assert_eq!(node("[2001:db8:cafe::17]"), is("2001:db8:cafe::17", None));
    assert_eq!(node("[::ffff:192.0.2.43]:1"), is("192.0.2.43", Some(1)));
    assert_eq!(node("192.0.2.43:_hidden"), is("192.0.2.43", None));
    assert_eq!(node("UNKNOWN:80"), is("unknown", None));
    assert_eq!(node("_SEVKISEK:_x"), is("_SEVKISEK", None));
    for bad in
        ["", ":80", "[", "[]", "[::1]80", "[::1]:", "1.1.1.1:_", "1.1.1.1:+8", "_\u{e9}", "unix:", "::1"]
    {
        assert_eq!(node(bad), None, "{bad}");
    }
}

#[test]
fn x_forwarded_for_is_read_from_the_right_to_the_first_untrusted_hop() {
    let cases: &[(&[&str], &str)] = &[
        (&["192.0.2.60"], "192.0.2.60"),
        (&["9.9.9.9, 192.0.2.60"], "192.0.2.60"),
        (&["9.9.9.9", "192.0.2.60"], "192.0.2.60"),
        (&["10.9.9.9, 192.0.2.60,10.0.0.2"], "192.0.2.60"),
        (&["192.0.2.60, 10.0.0.2", "10.0.0.3"], "192.0.2.60"),
        (&[" , 192.0.2.60 ,\t,"], "192.0.2.60"),
        (&["192.0.2.60:5000"], "192.0.2.60"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["[2001:db8::1]:5000"], "2001:db8::1"),
        (&["::ffff:192.0.2.60"], "192.0.2.60"),
        (&["192.0.2.60, ::ffff:10.0.0.2"], "192.0.2.60"),
        (&["9.9.9.9, unknown"], "unknown"),
        (&["9.9.9.9, _hidden"], "unknown"),
        (&["9.9.9.9, example.com"], "unknown"),
        (&["9.9.9.9, \"192.0.2.60\""], "unknown"),
        (&["9.9.9.9, 192.0.2.60 10.0.0.2"], "unknown"),
        (&["9.9.9.9, unix:"], "unknown"),
        (&["9.9.9.9, \u{e9}"], "unknown"),
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (&[], "10.0.0.1"),
    ];
    for (lines, client) in cases {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        assert_eq!(told(&x_all(), PROXY, &lines), format!("{client} http inner:8000"), "{lines:?}");
    }
}

#[test]
fn the_other_family_of_fields_is_never_looked_at() {
    let forwarded = [("forwarded", "for=9.9.9.9;proto=https;host=evil")];
    assert_eq!(told(&x_all(), PROXY, &forwarded), "10.0.0.1 http inner:8000");
    let others =
        [("x-forwarded-for", "9.9.9.9"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil")];
    assert_eq!(told(&standard(), PROXY, &others), "10.0.0.1 http inner:8000");
    let off = Trust::new(ForwardedHeaders::Off).danger_everyone();
    assert_eq!(told(&off, PROXY, &others), "10.0.0.1 http inner:8000");
}

#[test]
fn a_sibling_that_is_not_named_is_the_clients_own_and_ignored() {
    let lines = [
        ("x-forwarded-for", "192.0.2.60"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "example.com"),
        ("x-forwarded-port", "8443"),
    ];
    assert_eq!(told(&x(XForwarded::FOR), PROXY, &lines), "192.0.2.60 http inner:8000");
    assert_eq!(told(&x(XForwarded::FOR.with_proto()), PROXY, &lines), "192.0.2.60 https inner:8000");
    assert_eq!(told(&x(XForwarded::FOR.with_host()), PROXY, &lines), "192.0.2.60 http example.com");
    assert_eq!(told(&x_all(), PROXY, &lines), "192.0.2.60 https example.com:8443");
}

#[test]
fn of_several_elements_the_last_counts_which_no_client_can_forge() {
    let lines = [
        ("x-forwarded-for", "9.9.9.9, 192.0.2.60, 10.0.0.2"),
        // The client's, then the outer proxy's; the inner passed them on, so the places don't match.
        ("x-forwarded-proto", "http, https"),
        ("x-forwarded-host", "evil, example.com"),
    ];
    assert_eq!(told(&x_all(), PROXY, &lines), "192.0.2.60 https example.com");
}

#[test]
fn per_hop_takes_the_element_of_the_hop_that_saw_the_client() {
    let trust = x(XForwarded::FOR.with_proto().with_host().with_element(XElement::PerHop));
    let lines = [
        ("x-forwarded-for", "9.9.9.9, 192.0.2.60, 10.0.0.2"),
        ("x-forwarded-proto", "ftp, https, http"),
        ("x-forwarded-host", "evil, example.com, inner.example.com"),
    ];
    assert_eq!(told(&trust, PROXY, &lines), "192.0.2.60 https example.com");
    let short = [("x-forwarded-for", "192.0.2.60, 10.0.0.2"), ("x-forwarded-proto", "https")];
    assert_eq!(
        told(&trust, PROXY, &short),
        "192.0.2.60 http inner:8000",
        "no element at its place: not guessed"
    );
}

#[test]
fn the_clients_port_goes_behind_a_host_that_has_none() {
    let with = |host: &str, proto: &str, port: &str| {
        told(
            &x_all(),
            PROXY,
            &[("x-forwarded-host", host), ("x-forwarded-proto", proto), ("x-forwarded-port", port)],
        )
    };
    assert_eq!(with("a", "https", "443"), "10.0.0.1 https a");
    assert_eq!(with("a", "http", "80"), "10.0.0.1 http a");
    assert_eq!(with("a", "https", "80"), "10.0.0.1 https a:80");
    assert_eq!(with("[::1]", "https", "8443"), "10.0.0.1 https [::1]:8443");
    assert_eq!(with("a:1", "https", "8443"), "10.0.0.1 https a:1");
    assert_eq!(with("a", "https", "x"), "10.0.0.1 https a");
    for bad in ["a/b", "a b", "u@h", "[::1", "[x]", ":80", "a:", "a:99999", "a:b", "::1", "\u{e9}"] {
        assert_eq!(with(bad, "https", "443"), "10.0.0.1 https inner:8000", "{bad}");
    }
}

#[test]
fn trusting_everyone_believes_the_leftmost_element_within_the_bound() {
    let lines = [("x-forwarded-for", "9.9.9.9, 192.0.2.60, 198.51.100.2")];
    let everyone = Trust::new(ForwardedHeaders::X(XForwarded::FOR)).danger_everyone();
    assert_eq!(told(&everyone, "203.0.113.1:1", &lines), "9.9.9.9 http inner:8000");
    assert_eq!(told(&everyone, "[2001:db8::1]:1", &lines), "9.9.9.9 http inner:8000");
    let two = everyone.clone().max_hops(2);
    assert_eq!(told(&two, "203.0.113.1:1", &lines), "192.0.2.60 http inner:8000");
    assert_eq!(told(&everyone.clone().max_hops(0), "203.0.113.1:1", &lines), "198.51.100.2 http inner:8000");
    let long = vec!["9.9.9.9"; 1000].join(",") + &",1.1.1.1".repeat(16);
    assert_eq!(told(&everyone, PROXY, &[("x-forwarded-for", &long)]), "1.1.1.1 http inner:8000");
}

#[test]
fn a_unix_peer_is_trusted_only_where_the_policy_says_so() {
    let map = headers(&[("forwarded", "for=192.0.2.60;proto=https")]);
    let peer = Endpoint::unix(None, None);
    let client = |trust: &Trust| trust.resolve(&peer, Scheme::Http, None, &map).client;
    assert_eq!(client(&standard()), Client::Local);
    assert_eq!(client(&standard().unix_peers()).to_string(), "192.0.2.60");
    assert!(!Trust::nobody().unix_peers().trusts_nobody());
}

#[test]
fn a_dual_listeners_peer_is_matched_as_ipv4() {
    let lines = [("forwarded", "for=192.0.2.60")];
    assert_eq!(told(&standard(), "[::ffff:10.0.0.1]:1", &lines), "192.0.2.60 http inner:8000");
}

#[test]
fn networks_contain_what_their_prefix_says_at_every_length() {
    for (text, bits) in [("203.0.113.171", 32_u8), ("2001:db8:aaaa:5555:f0f0::1", 128)] {
        let address: std::net::IpAddr = text.parse().unwrap();
        let as_bits = |address: std::net::IpAddr| match address {
            std::net::IpAddr::V4(v4) => u128::from(v4.to_bits()),
            std::net::IpAddr::V6(v6) => v6.to_bits(),
        };
        for prefix in 0..=bits {
            let kept = (0..bits)
                .map(|bit| 1_u128 << bit)
                .filter(|bit| bit.trailing_zeros() >= u32::from(bits - prefix));
            let mask = kept.fold(0, |mask, bit| mask | bit);
            let network = as_bits(address) & mask;
            let start: std::net::IpAddr = match address {
                std::net::IpAddr::V4(_) => {
                    std::net::Ipv4Addr::from_bits(u32::try_from(network).unwrap()).into()
                }
                std::net::IpAddr::V6(_) => std::net::Ipv6Addr::from_bits(network).into(),
            };
            let net: IpNet = format!("{start}/{prefix}").parse().unwrap();
            assert!(net.contains(address) && net.contains(start), "{net}");
            assert_eq!(net.to_string(), format!("{start}/{prefix}"));
            if prefix > 0 {
                let other = as_bits(address) ^ 1 << (bits - prefix);
                let other: std::net::IpAddr = match address {
                    std::net::IpAddr::V4(_) => {
                        std::net::Ipv4Addr::from_bits(u32::try_from(other).unwrap()).into()
                    }
                    std::net::IpAddr::V6(_) => std::net::Ipv6Addr::from_bits(other).into(),
                };
                assert!(!net.contains(other), "{net} {other}");
            }
        }
    }
    assert!(!"0.0.0.0/0".parse::<IpNet>().unwrap().contains("2001:db8::1".parse().unwrap()));
    assert_eq!(IpNet::from("::1".parse::<std::net::IpAddr>().unwrap()), "::1".parse().unwrap());
}

#[test]
fn a_wrong_network_is_refused_with_what_to_write_instead() {
    for (text, part) in [
        ("", "no IP network"),
        ("*", "no IP network"),
        ("10.0.0.0/", "10.0.0.0/8"),
        ("10.0.0.0/+8", "10.0.0.0/8"),
        ("10.0.0.0/33", "at most /32"),
        ("::/999", "at most /128"),
        ("10.0.0.1/8", "write 10.0.0.0/8 or 10.0.0.1"),
        ("::ffff:10.0.0.1", "write it as 10.0.0.1"),
        ("localhost", "no IP network"),
    ] {
        let error = text.parse::<IpNet>().unwrap_err();
        assert_eq!((error.kind(), error.setting()), (ServeErrorKind::BadSetting, Some("trust")));
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn nothing_that_a_client_writes_first_changes_whom_the_proxy_names() {
    let pieces = ["for=10.0.0.9", "\"", "\\", ",", ";", "proto=https", "host=evil", " ", "="];
    let mut junk = vec![String::new()];
    for start in 0..(0..4).map(|length| pieces.len().pow(length)).sum() {
        junk.extend(pieces.map(|piece| format!("{}{piece}", junk[start])));
    }
    for (element, expected) in [
        ("for=192.0.2.60", "192.0.2.60 http inner:8000"),
        ("for=\"[2001:db8::1]:1\"", "2001:db8::1 http inner:8000"),
    ] {
        for junk in &junk {
            let separate = [("forwarded", junk.as_str()), ("forwarded", element)];
            assert_eq!(told(&standard(), PROXY, &separate), expected, "{junk:?}");
            let joined = told(&standard(), PROXY, &[("forwarded", &format!("{junk}, {element}"))]);
            assert!(joined == expected || joined == "unknown http inner:8000", "{junk:?}: {joined}");
            let joined = told(&x_all(), PROXY, &[("x-forwarded-for", &format!("{junk}, 192.0.2.60"))]);
            assert_eq!(joined, "192.0.2.60 http inner:8000", "{junk:?}");
        }
    }
}
