//! warp, poem and salvo: each has the same three routes, and so the same test.

use rsgi_test::Client;

use crate::child::Child;
use crate::fastcgi;

const PROGRAMS: [(&str, &str); 3] = [
    ("warp", env!("CARGO_BIN_EXE_warp")),
    ("poem", env!("CARGO_BIN_EXE_poem")),
    ("salvo", env!("CARGO_BIN_EXE_salvo")),
];

/// One process, and two workers under a master.
const WAYS: [&[&str]; 2] = [&[], &["-w", "2"]];

#[test]
fn paths_bodies_and_refusals_are_the_frameworks_own() {
    each(|name, client| {
        let answer = client.get("/hello/ada").answer();
        assert!(
            answer.status() == 200 && answer.text().starts_with("hello ada"),
            "{name}: {}",
            answer.text()
        );
        // poem and salvo are told the peer; warp no longer asks.
        assert!(name == "warp" || answer.text().contains("127.0.0.1:"), "{name}: {}", answer.text());
        assert_eq!(client.head("/hello/ada").answer().body().len(), 0, "{name}");
        assert_eq!(client.get("/nowhere").answer().status(), 404, "{name}");
        assert_eq!(client.post("/hello/ada").answer().status(), 405, "{name}");
        let answer = client.post("/length").body("0123456789").answer();
        assert_eq!((answer.status(), answer.text()), (200, "10 bytes\n"), "{name}");
        if name != "warp" {
            let answer = client.post("/length").pieces(["01234", "56789"]).answer();
            assert_eq!((answer.status(), answer.text()), (200, "10 bytes\n"), "{name}, chunked");
        }
    });
}

#[test]
fn warps_limit_refuses_a_longer_body_and_one_without_a_length() {
    let child = Child::start(PROGRAMS[0].1, "hyper", &[]);
    let client = child.client();
    assert_eq!(client.post("/length").body("0123456789abcdefg").answer().status(), 413);
    assert_eq!(client.post("/length").pieces(["01234", "56789"]).answer().status(), 411);
    child.end();
}

#[test]
fn a_websocket_sends_every_message_back() {
    each(|name, client| {
        let mut open = client
            .get("/echo")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .open()
            .unwrap();
        assert_eq!(open.head().unwrap().status(), 101, "{name}");
        let mut tunnel = open.upgraded().unwrap();
        // RFC 6455 section 5.3: a client masks, here by zeros.
        tunnel.send([b"\x81\x82\0\0\0\0".as_slice(), b"hi"].concat());
        assert_eq!(tunnel.exactly(4), b"\x81\x02hi".as_slice(), "{name}");
        tunnel.send([b"\x88\x82\0\0\0\0".as_slice(), &[0x03, 0xe8]].concat());
        assert_eq!(tunnel.exactly(4), [0x88, 0x02, 0x03, 0xe8].as_slice(), "{name}");
        assert!(tunnel.receive().is_none(), "{name}: the stream ends with the conversation");
    });
}

#[test]
fn by_fastcgi_all_but_the_websocket_works() {
    for (name, program) in PROGRAMS {
        for server in SERVERS {
            let child = Child::start(program, server, &["--protocol", "fastcgi"]);
            let text = |output| String::from_utf8(output).unwrap();
            let answer = text(fastcgi::ask(&child, "GET", "/hello/ada", &[], b""));
            assert!(answer.starts_with("Status: 200"), "{name}: {answer}");
            assert!(answer.contains("\r\n\r\nhello ada"), "{name}: {answer}");
            let answer = text(fastcgi::ask(&child, "POST", "/length", &[], b"0123456789"));
            assert!(answer.ends_with("\r\n\r\n10 bytes\n"), "{name}: {answer}");
            let offer = [
                ("HTTP_CONNECTION", "upgrade"),
                ("HTTP_UPGRADE", "websocket"),
                ("HTTP_SEC_WEBSOCKET_VERSION", "13"),
                ("HTTP_SEC_WEBSOCKET_KEY", "dGhlIHNhbXBsZSBub25jZQ=="),
            ];
            let answer = text(fastcgi::ask(&child, "GET", "/echo", &offer, b""));
            // Each framework has a status of its own for a server without upgrades.
            let refusal = ["Status: 4", "Status: 5"].iter().any(|start| answer.starts_with(start));
            assert!(refusal, "{name}: {answer}");
            child.end();
        }
    }
}

const SERVERS: [&str; 2] = ["std", "hyper"];

/// Each framework, on each server, in each way.
fn each(ask: impl Fn(&str, &Client)) {
    for (name, program) in PROGRAMS {
        for server in SERVERS {
            for arguments in WAYS {
                let child = Child::start(program, server, arguments);
                ask(name, &child.client());
                child.end();
            }
        }
    }
}
