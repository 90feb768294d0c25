//! The examples of the first hour: `hello`, `ping`, `middleware`, `mount`.

use crate::child::{Child, SERVERS};

#[test]
fn hello_answers_what_the_simple_app_of_pep_3333_does() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_hello"), server);
        let answer = child.ask("GET /anything", "");
        assert_eq!((answer.status(), answer.field("content-type")), ("200", "text/plain"));
        assert_eq!((answer.field("content-length"), &*answer.body), ("13", &b"Hello world!\n"[..]));
        child.end();
    }
}

#[test]
fn ping_answers_pong() {
    for server in SERVERS {
        let child = Child::launch(env!("CARGO_BIN_EXE_ping"), server);
        let answer = child.ask("GET /ping", "");
        assert_eq!((answer.status(), &*answer.body), ("200", &b"pong"[..]));
        assert_eq!(answer.field("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.field("content-length"), "4");
        let answer = child.ask("HEAD /ping", "");
        assert_eq!((answer.status(), answer.field("content-length")), ("200", "4"));
        assert!(answer.body.is_empty());
        let answer = child.ask("POST /ping", "Content-Length: 0\r\n");
        assert_eq!((answer.status(), answer.field("allow")), ("405", "get, head, options"));
        let answer = child.ask("OPTIONS /ping", "");
        assert_eq!((answer.status(), answer.field("allow")), ("200", "get, head, options"));
        for path in ["/ping/", "/pin", "/", "/ping/pong"] {
            assert_eq!(child.ask(&format!("GET {path}"), "").status(), "404", "{path}");
        }
        child.end();
    }
}

#[test]
fn middleware_adds_its_fields() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_middleware"), server);
        let answer = child.ask("GET /", "");
        assert_eq!((answer.status(), answer.field("x-content-type-options")), ("200", "nosniff"));
        let milliseconds = answer.field("server-timing").strip_prefix("app;dur=").unwrap();
        assert!(milliseconds.parse::<f64>().is_ok(), "{milliseconds}");
        assert!(answer.text().contains("7 squared is 49\n"));
        child.end();
    }
}

#[test]
fn each_mounted_app_sees_its_own_part_of_the_path() {
    for server in SERVERS {
        let child = Child::start(env!("CARGO_BIN_EXE_mount"), server);
        for (path, status, text) in [
            ("/shop", "200", "welcome to the shop at /shop/\n"),
            ("/shop/cart/7", "200", "cart /7; the shop is at /shop/\n"),
            ("/%73hop/cart/7", "200", "cart /7; the shop is at /%73hop/\n"),
            ("/blog/2026/hello?draft", "200", "post /2026/hello of the blog at /blog\n"),
            ("/shop/attic", "404", "no such shelf\n"),
            ("/shopping", "404", "404 Not Found\n"),
        ] {
            let answer = child.ask(&format!("GET {path}"), "");
            assert_eq!((answer.status(), &*answer.text()), (status, text), "{path}");
        }
        child.end();
    }
}
