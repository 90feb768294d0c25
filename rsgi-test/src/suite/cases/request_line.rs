//! What an environ says of method, target, version, host and both ends of the connection.
//!
//! Targets as they are sent; what forwarding fields may change is in `trust.rs`, the other request fields in
//! `fields.rs`, that all of it is the same on every way in `ways.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{BoxApp, Mount};

use crate::suite::apps::{plain, watching};
use crate::suite::case::Case;
use crate::suite::endpoint::Reach;
use crate::suite::notes::Notes;
use crate::suite::seen::Seen;
use crate::suite::talk::{Talk, Way};

pub(super) const CASES: &[Case] = &[
    Case::message("any_token_is_a_method_and_keeps_its_case", &[1, 2], watching, |talk| {
        for method in ["get", "Get", "DELETE", "PURGE", "M-SEARCH", "QUERY", "!#$%&'*+-.^_`|~9"] {
            assert_eq!(talk.request(method, "/").answer().status(), 200, "{method}");
            let seen = talk.seen();
            assert_eq!((seen.method.as_str(), seen.var("REQUEST_METHOD")), (method, Some(method)));
        }
    }),
    Case::message("the_target_arrives_as_sent", &[3, 6, 12, 13], watching, |talk| {
        for target in
            ["/", "//", "/a//b/", "/a/../b/./c", "/%7e%41%2f", "/a?b?c/d?", "/;p=1,2/@:!$&'()*+=~-._"]
        {
            assert_eq!(talk.get(target).answer().text(), "seen", "{target}");
            let (seen, whole) = (talk.seen(), talk.at(target));
            assert_eq!(
                (seen.target.as_str(), seen.var("REQUEST_URI")),
                (whole.as_str(), Some(whole.as_str()))
            );
            let path = target.split('?').next().unwrap();
            assert_eq!((seen.script_name.as_str(), seen.path_info.as_str()), (talk.prefix(), path));
            assert_eq!(seen.var("SCRIPT_NAME"), Some(talk.prefix()));
        }
    }),
    Case::message("a_path_is_decoded_once_and_keeps_bytes_that_are_no_text", &[4, 5], watching, |talk| {
        talk.get("/%2541/%ff%C3%A9%00/+").answer();
        let seen = talk.seen();
        assert_eq!(seen.path_info, "/%2541/%ff%C3%A9%00/+");
        assert_eq!(seen.path_info_decoded, b"/%41/\xff\xc3\xa9\x00/+");
        assert_eq!(seen.vars["PATH_INFO"], b"/%41/\xff\xc3\xa9\x00/+");
    }),
    Case::message("a_query_is_apart_and_an_empty_one_is_not_none", &[7], watching, |talk| {
        for (target, query) in
            [("/p", None), ("/p?", Some("")), ("/p?a=%20&b", Some("a=%20&b")), ("/p?a?b", Some("a?b"))]
        {
            talk.get(target).answer();
            let seen = talk.seen();
            assert_eq!((seen.path_info.as_str(), seen.query.as_deref()), ("/p", query), "{target}");
            assert_eq!(seen.var("QUERY_STRING"), Some(query.unwrap_or("")), "{target}");
        }
    }),
    // Refused, or cut off by the server: RFC 9112 section 3.2 knows no fragment, and no app sees one.
    Case::wire("a_fragment_never_reaches_the_app", &[8], watching, |talk| {
        for target in ["/a#b", "/a#b?c"] {
            let mut client = talk.raw();
            let _closed_early = client.try_send(talk.raw_get(target));
            let answer = client.answer();
            if answer.status() == 400 {
                client.expect_end();
                talk.unseen();
            } else {
                assert_eq!((answer.status(), answer.text()), (200, "seen"));
                let seen = talk.seen();
                assert_eq!((seen.target, seen.query), (talk.at("/a"), None), "{target}");
            }
        }
    }),
    Case::wire("options_asterisk_is_the_asterisk", &[9], watching, |talk| {
        let seen = sees(talk, format!("OPTIONS * HTTP/1.1\r\nhost: test\r\n{}\r\n", talk.line()));
        assert_eq!((seen.target.as_str(), seen.path_info.as_str()), ("*", "*"));
        assert_eq!((seen.script_name.as_str(), seen.url.as_str()), ("", "http://test"));
    })
    .at_the_root(),
    Case::wire("the_asterisk_is_for_options_alone", &[9], watching, |talk| {
        for method in ["GET", "POST", "PURGE"] {
            let head = format!("{method} * HTTP/1.1\r\nhost: test\r\n{}\r\n", talk.line());
            refused(talk, head, &[400]);
        }
    })
    .at_the_root(),
    Case::wire("connect_gives_the_authority", &[10], seen_and_forbidden, |talk| {
        let head = format!("CONNECT far.test:443 HTTP/1.1\r\nhost: far.test:443\r\n{}\r\n", talk.line());
        let answer = talk.raw().ask(head);
        assert_eq!((answer.status(), answer.text()), (403, "no"));
        names_the_far_end(&talk.seen());
    })
    .at_the_root(),
    Case::frames("connect_gives_the_authority_on_http_2", &[10], seen_and_forbidden, |talk| {
        let (name, value) = talk.field();
        let request = rsgi_core::http::Request::builder().method("CONNECT").uri("far.test:443");
        let mut client = talk.http2();
        let (answer, _stream) = client.send(request.header(name, value).body(()).unwrap(), true);
        let answer = client.answer(answer);
        assert_eq!((answer.status, answer.text()), (403, "no"));
        names_the_far_end(&talk.seen());
    })
    .at_the_root(),
    // RFC 9112 section 3.3: the authority of the target URI is the target, whatever Host says.
    Case::wire("an_authority_says_the_host_and_overrides_the_field", &[10], seen_and_forbidden, |talk| {
        for host in ["other.test", "far.test", "far.test:80", ""] {
            let head = format!("CONNECT far.test:443 HTTP/1.1\r\nhost: {host}\r\n{}\r\n", talk.line());
            assert_eq!(talk.raw().ask(head).status(), 403, "{host:?}");
            names_the_far_end(&talk.seen());
        }
    })
    .at_the_root(),
    Case::wire("an_absolute_target_says_the_host_and_overrides_the_field", &[11], watching, |talk| {
        let target = format!("http://real.test:81{}", talk.at("/x?y"));
        let seen = sees(talk, format!("GET {target} HTTP/1.1\r\nhost: other.test\r\n{}\r\n", talk.line()));
        assert_eq!(seen.host.as_deref(), Some("real.test:81"));
        assert_eq!((seen.path_info.as_str(), seen.query.as_deref()), ("/x", Some("y")));
        assert_eq!((seen.target.as_str(), seen.url.as_str()), (target.as_str(), target.as_str()));
    }),
    // A prefix is compared decoded, segment by segment, and the target stays what it was.
    Case::message(
        "a_mount_moves_the_prefix_and_cannot_be_slipped_past",
        &[12, 13, 15],
        || BoxApp::new(Mount::new().at("/admin", watching())),
        |talk| {
            for (target, script_name, path_info) in [
                ("/admin", "/admin", ""),
                ("/admin/", "/admin", "/"),
                ("/%61dmin/x?q", "/%61dmin", "/x"),
                ("/admin//a%2Fb", "/admin", "//a%2Fb"),
            ] {
                assert_eq!(talk.get(target).answer().status(), 200, "{target}");
                let seen = talk.seen();
                assert_eq!((seen.script_name, seen.path_info.as_str()), (talk.at(script_name), path_info));
                assert_eq!(seen.target, talk.at(target));
            }
            for target in ["/", "/adminx", "/admin%2Fx", "/ADMIN", "//admin", "/x/admin"] {
                assert_eq!(talk.get(target).answer().status(), 404, "{target}");
            }
            talk.nothing("seen");
        },
    ),
    Case::message("the_version_is_told", &[16], watching, |talk| {
        talk.get("/").answer();
        let version = if talk.way() == Way::Http2 { "HTTP/2.0" } else { "HTTP/1.1" };
        let seen = talk.seen();
        assert_eq!((seen.version.as_str(), seen.var("SERVER_PROTOCOL")), (version, Some(version)));
    }),
    Case::wire("http_1_0_is_told_and_needs_no_host", &[16], watching, |talk| {
        let old = sees(talk, format!("GET {} HTTP/1.0\r\n{}\r\n", talk.at("/"), talk.line()));
        assert_eq!((old.version.as_str(), old.var("SERVER_PROTOCOL")), ("HTTP/1.0", Some("HTTP/1.0")));
        assert_eq!((old.host, old.vars.get("HTTP_HOST")), (None, None));
    }),
    // A unix socket has neither addresses nor ports, and none are made up.
    Case::message("both_ends_and_the_url_are_told", &[17, 20, 21, 24, 25, 26], watching, |talk| {
        talk.get("/a%20b?q").header("host", "front.test:81").answer();
        let seen = talk.seen();
        assert_eq!(seen.host.as_deref(), Some("front.test:81"), "as it was sent");
        assert_eq!(seen.url, format!("http://front.test:81{}", talk.at("/a%20b?q")));
        assert_eq!((seen.scheme.as_str(), seen.tls.is_none()), ("http", true));
        assert_eq!(seen.var("SERVER_NAME"), Some(seen.server_name.as_str()));
        assert_eq!(seen.var("SERVER_PORT"), Some(seen.server_port.to_string().as_str()));
        if seen.peer.unix {
            assert!(seen.local.unix && seen.peer.port.is_none(), "{seen:?}");
            assert_eq!((seen.server_name.as_str(), seen.server_port), ("front.test", 81));
        } else {
            assert_eq!(seen.local.ip.as_deref(), Some(seen.server_name.trim_matches(['[', ']'])));
            assert_eq!((seen.local.port, seen.local.unix), (Some(seen.server_port), false));
            assert!(seen.peer.port.is_some_and(|port| port != 0), "{seen:?}");
            assert_eq!(seen.var("REMOTE_ADDR"), seen.peer.ip.as_deref());
            assert_eq!(seen.var("REMOTE_PORT"), seen.peer.port.map(|it| it.to_string()).as_deref());
        }
    }),
    Case::wire("the_ends_are_those_of_the_sockets", &[24, 25], watching, |talk| {
        let mut client = talk.raw();
        client.ask(talk.raw_get("/"));
        let (seen, own) = (talk.seen(), rustix::net::getsockname(client.socket()).unwrap());
        match talk.reach() {
            Reach::Tcp(address) => {
                let own = std::net::SocketAddr::try_from(own).unwrap();
                assert_eq!((seen.local.text, seen.peer.text), (address.to_string(), own.to_string()));
            }
            Reach::Unix(path) => {
                assert!(seen.local.text.ends_with(&path.display().to_string()), "{:?}", seen.local);
            }
        }
    }),
    Case::wire("without_a_host_the_url_has_the_servers_name", &[20, 21], watching, |talk| {
        let seen = sees(talk, format!("GET {} HTTP/1.0\r\n{}\r\n", talk.at("/x"), talk.line()));
        let port = if seen.server_port == 80 { String::new() } else { format!(":{}", seen.server_port) };
        assert!(!seen.server_name.is_empty());
        assert_eq!(seen.url, format!("http://{}{port}{}", seen.server_name, talk.at("/x")));
    }),
    Case::wire("a_missing_repeated_or_invalid_host_is_refused", &[22], watching, |talk| {
        let (target, line) = (talk.at("/"), talk.line());
        refused(talk, format!("GET {target} HTTP/1.1\r\n{line}\r\n"), &[400]);
        refused(talk, format!("GET {target} HTTP/1.1\r\nhost: a\r\nhost: a\r\n{line}\r\n"), &[400]);
        refused(talk, format!("GET http://a{target} HTTP/1.1\r\n{line}\r\n"), &[400]);
        for host in ["a b", "a/b", "u@a", "a:b", "[::1", "a\\b", "a?b", "a#b", "\u{e9}"] {
            refused(talk, format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{line}\r\n"), &[400]);
        }
    }),
    Case::wire("legal_hosts_of_every_kind_pass", &[22], watching, |talk| {
        for host in ["", "a", "a.test:8080", "127.0.0.1", "[::1]:80", "a:", "xn--bcher-kva.test"] {
            let head = format!("GET {} HTTP/1.1\r\nHOST: {host}\r\n{}\r\n", talk.at("/"), talk.line());
            assert_eq!(sees(talk, head).all("host"), [host]);
        }
    }),
    // And it says the same each time: that is known before the first request.
    Case::message(
        "the_server_says_who_it_is",
        &[27],
        || {
            BoxApp::new(plain(|environ, start_response| {
                let server = environ.server();
                let can = server.capabilities.to_string();
                let how = (server.multithread, server.multiprocess, server.run_once);
                Notes::of(&environ).tell("server", &(server.name, server.version, how, can));
                Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("told"))
            }))
        },
        |talk| {
            type Told = (String, String, (bool, bool, bool), String);
            assert_eq!((talk.get("/").answer().text(), talk.post("/x").answer().text()), ("told", "told"));
            let (first, second): (Told, Told) = (talk.note("server"), talk.note("server"));
            assert_eq!(first, second);
            let (name, version, (_, _, run_once), can) = first;
            assert!(!name.is_empty() && !version.is_empty() && !can.is_empty(), "{name} {version} {can}");
            assert!(!run_once, "it answers a second request");
        },
    ),
    // For logs, which join what several lines say of one connection.
    Case::wire("a_request_is_named_by_connection_and_number", &[], watching, |talk| {
        let (mut first, mut second) = (talk.raw(), talk.raw());
        let mut ids = Vec::new();
        for client in [&mut first, &mut second] {
            for _ in 0..2 {
                assert_eq!(client.ask(talk.raw_get("/")).status(), 200);
                ids.push(talk.seen().request_id);
            }
        }
        let [a, b, c, d] = ids[..] else { panic!("four requests, {ids:?}") };
        assert!(a.0 == b.0 && c.0 == d.0 && a.0 != c.0, "two connections: {ids:?}");
        assert!(a.1 != b.1 && c.1 != d.1, "two requests on each: {ids:?}");
    })
    .parallel(),
];

/// What the app sees of a request that is written by hand.
pub(super) fn sees(talk: &Talk, request: impl AsRef<[u8]>) -> Seen {
    let answer = talk.raw().ask(request);
    assert_eq!((answer.status(), answer.text()), (200, "seen"));
    talk.seen()
}

/// Sends a request that must be answered by one of these statuses before any app is called, and the connection closed.
pub(super) fn refused(talk: &Talk, request: impl AsRef<[u8]>, statuses: &[u16]) {
    let request = request.as_ref();
    let sent = String::from_utf8_lossy(request);
    let mut client = talk.raw();
    // Who refuses early need not read on.
    let _closed_early = client.try_send(request);
    let answer = client.try_answer("GET").unwrap_or_else(|broken| panic!("{broken} for {sent:?}"));
    assert!(statuses.contains(&answer.status()), "{} for {sent:?}", answer.status());
    client.expect_end();
    talk.unseen();
}

/// Tells what it saw and opens no tunnel.
fn seen_and_forbidden() -> BoxApp {
    BoxApp::new(plain(|environ, start_response| {
        Notes::of(&environ).tell("seen", &Seen::of(&environ));
        Ok(start_response.start(StatusCode::FORBIDDEN, [("content-type", "text/plain")])?.body("no"))
    }))
}

fn names_the_far_end(seen: &Seen) {
    assert_eq!((seen.target.as_str(), seen.path_info.as_str()), ("far.test:443", ""));
    assert_eq!(seen.host.as_deref(), Some("far.test:443"));
    assert_eq!((seen.all("host"), seen.var("HTTP_HOST")), (vec!["far.test:443"], Some("far.test:443")));
}
