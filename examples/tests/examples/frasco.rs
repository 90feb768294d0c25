//! `frasco`: the talk's app, word for word, on both servers, alone and under the master, and behind a web server.

use crate::child::{Child, SERVERS};
use crate::gateway::{by_fastcgi, by_uwsgi};

const PROGRAM: &str = env!("CARGO_BIN_EXE_frasco");

/// The client gives fields in small letters.
const ALLOWED: &str = "get, head, options";

#[test]
fn the_talks_app_answers_on_every_server_alone_and_with_five_workers() {
    for server in SERVERS {
        for arguments in [&[][..], &["-w", "5"]] {
            let child = Child::launch_as(PROGRAM, server, arguments);
            let answer = child.ask("GET /ping", "");
            assert_eq!((answer.status(), &*answer.text()), ("200", "pong"));
            assert_eq!(answer.field("content-type"), "text/html; charset=utf-8");
            assert_eq!(answer.field("content-length"), "4");
            let head = child.ask("HEAD /ping", "");
            assert_eq!((head.status(), head.field("content-length"), head.body.len()), ("200", "4", 0));
            let post = child.ask("POST /ping", "Content-Length: 0\r\n");
            assert_eq!((post.status(), post.field("allow")), ("405", ALLOWED));
            let options = child.ask("OPTIONS /ping", "");
            assert_eq!((options.status(), options.field("allow")), ("200", ALLOWED));
            assert_eq!(child.ask("GET /ping/", "").status(), "404");
            let unknown = child.ask("GET /unknown", "");
            assert_eq!(
                (unknown.status(), unknown.field("content-type")),
                ("404", "text/html; charset=utf-8")
            );
            assert!(unknown.text().contains("<h1>Not Found</h1>"));
            child.end();
        }
    }
}

#[test]
fn its_rules_are_shown() {
    let output = std::process::Command::new(PROGRAM).arg("routes").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    assert_eq!(told, "Endpoint   Methods  Rule\n---------  -------  -----\nping.ping  GET      /ping\n");
}

#[test]
fn behind_a_web_server_it_is_the_same_app() {
    for server in SERVERS {
        let child = Child::launch_as(PROGRAM, server, &["--protocol", "fastcgi"]);
        let answer = by_fastcgi(&mut child.connect(), "/ping", &[]);
        assert!(answer.starts_with("Status: 200") && answer.ends_with("\r\n\r\npong"), "{answer}");
        assert!(by_fastcgi(&mut child.connect(), "/unknown", &[]).starts_with("Status: 404"));
        child.end();
        let child = Child::launch_as(PROGRAM, server, &["--protocol", "uwsgi"]);
        let answer = by_uwsgi(&mut child.connect(), "/ping");
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\npong"), "{answer}");
        child.end();
    }
}
