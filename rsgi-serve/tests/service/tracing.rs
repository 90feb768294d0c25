//! What the app logs says for which request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::driving::{PATIENCE, SERVERS, Service};

pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn a_line_of_the_app_says_for_which_request_it_is() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1"]);
        let port = ask_with(service.address(), "/log/hello?secret", "");
        let line = service.said("hello");
        let tail = format!(" method=GET path=/log/hello peer=127.0.0.1:{port}");
        assert!(
            line.ends_with(&tail) && line.contains("[INFO] hello id=") && !line.contains("otel"),
            "{line}"
        );
        // Another request has another id, and a caller's trace is named.
        ask_with(
            service.address(),
            "/log/again",
            &format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n"),
        );
        let again = service.said("again");
        assert!(again.ends_with(&format!(" trace={TRACE}")), "{again}");
        assert_ne!(id(&line), id(&again));
        ask_with(service.address(), "/log/forged", "traceparent: 00-x\ty-00f067aa0ba902b7-01\r\n");
        assert!(!service.said("forged").contains("trace="));
    }
}

#[test]
fn lines_say_no_more_where_spans_are_not_wanted_and_objects_say_it_in_json() {
    for server in SERVERS {
        let mut service = Service::ready(server, &["-w", "1", "--no-request-spans"]);
        service.get("/log/hello");
        assert!(service.said("hello").ends_with("[INFO] hello"));
        let mut service = Service::ready(server, &["-w", "1", "--log-json"]);
        service.get("/log/hello");
        let line: serde_json::Value = serde_json::from_str(&service.said("hello")).unwrap();
        let fields = &line["fields"];
        assert_eq!((&fields["method"], &fields["path"]), (&"GET".into(), &"/log/hello".into()), "{line}");
        assert!(fields["id"].is_string() && fields["peer"].is_string() && fields.get("trace").is_none());
    }
}

/// Asks with fields more; gives the port that it asked from.
pub(crate) fn ask_with(address: &str, path: &str, fields: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{fields}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    stream.local_addr().unwrap().port()
}

fn id(line: &str) -> &str {
    line.split_once(" id=").and_then(|(_, rest)| rest.split(' ').next()).unwrap()
}
