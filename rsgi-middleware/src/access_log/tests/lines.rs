//! What a line says of each kind of end, and what nobody can make it say.

use rsgi_core::http::StatusCode;
use rsgi_core::trust::{ForwardedHeaders, Trust, XForwarded};
use rsgi_core::{App, Body, Environ, Error, Middleware, StartResponse, Started, app_fn};
use rsgi_test::{Client, Memory, Step};

use super::{AccessFormat, AccessLog, hello, line, line_of, lines, memory};

#[test]
fn the_default_line_is_gunicorns() {
    let line = line_of(AccessFormat::combined(), |client| {
        client
            .get("/shop?x=1")
            .header("referer", "http://a/")
            .header("user-agent", "test/1 (\"x\")")
            .header("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    });
    let (before, rest) = line.split_once('[').unwrap();
    let (time, after) = rest.split_once("] ").unwrap();
    assert_eq!(before, "192.0.2.7 - Aladdin ");
    assert_eq!(time.len(), "23/Nov/2026:10:00:00 +0000".len());
    assert_eq!(after, r#""GET /shop?x=1 HTTP/1.1" 200 13 "http://a/" "test/1 (\"x\")""#);
}

#[test]
fn each_atom_says_its_fact() {
    let format = "%(h)s|%(l)s|%(u)s|%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(b)s|%(f)s|%(a)s|%(p)s|%(x)s\
                  |%({host}i)s|%({none}i)s|%({x-kind}o)s|%({content-length}o)s|%({date}o)s|%({REMOTE_PORT}e)s|%({NONE}e)s";
    let line = line(format, |client| client.get("/a%20b?c=d&e").header("host", "shop"));
    assert_eq!(
        line,
        format!(
            "192.0.2.7|-|-|GET|/a%20b|c=d&e|HTTP/1.1|200|13|13|-|-|<{}>|-|shop|-|a, b|13|-|4711|-",
            std::process::id()
        )
    );
}

#[test]
fn an_answer_without_content_has_a_dash_for_its_bytes() {
    let line = line("%(m)s %(B)s %(b)s|%(q)s|", |client| client.head("/"));
    assert_eq!(line, "HEAD 0 -||");
}

#[test]
fn the_four_clocks_say_the_same_time() {
    let line = line("%(T)s %(M)s %(D)s %(L)s", |client| client.get("/"));
    let parts: Vec<_> = line.split(' ').collect();
    let micros: u64 = parts[2].parse().unwrap();
    assert_eq!(parts[0], (micros / 1_000_000).to_string());
    assert_eq!(parts[1], (micros / 1000).to_string());
    assert_eq!(parts[3], format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000));
}

#[test]
fn a_hostile_client_forges_neither_a_line_nor_a_field() {
    // base64 of `a b" - [x] "GET:p`
    let credentials = "Basic YSBiIiAtIFt4XSAiR0VUOnA=";
    let hostile = b"x\" 200 0 \"y\\\t\xff\xc2\x85";
    let line = line_of(AccessFormat::combined(), |client| {
        client
            .get("/%0d%0a%22")
            .header("authorization", credentials)
            .header("referer", hostile)
            .header("user-agent", "\\")
    });
    assert!(line.starts_with("192.0.2.7 - a\\x20b\\\"\\x20-\\x20[x]\\x20\\\"GET ["), "{line}");
    assert!(
        line.ends_with(r#""GET /%0d%0a%22 HTTP/1.1" 200 13 "x\" 200 0 \"y\\\x09\xff\xc2\x85" "\\""#),
        "{line}"
    );
}

#[test]
fn json_has_the_same_facts_and_those_of_the_outcome() {
    let lines = lines(AccessFormat::json(), memory(), hello, |client| {
        let request = client.get("/a?b").header("host", "shop").header("referer", b"\"\xff\\");
        drop(request.header("x-request-id", "id-1").answer());
        drop(client.post("/b").answer());
    });
    let first: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    for (key, value) in [
        ("client", "192.0.2.7"),
        ("peer", "192.0.2.7:4711"),
        ("method", "GET"),
        ("target", "/a?b"),
        ("protocol", "HTTP/1.1"),
        ("scheme", "http"),
        ("host", "shop"),
        ("referer", "\"\u{fffd}\\"),
        ("request_id", "id-1"),
        ("delivery", "whole"),
        ("cause", "accepted_by_caller"),
        ("phase", "end"),
    ] {
        assert_eq!(first[key], value, "{key}");
    }
    assert_eq!((&first["status"], &first["bytes"]), (&200.into(), &13.into()));
    assert_eq!(first["pid"], std::process::id());
    assert!(first["fault"].is_null() && first["user"].is_null() && first["user_agent"].is_null());
    assert!(first["microseconds"].is_u64());
    let second: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!(first["connection"], second["connection"]);
    assert_ne!(first["request"], second["request"]);
}

#[test]
fn the_client_is_whom_the_trust_policy_names() {
    let forwarded = |client: &Client| {
        drop(client.get("/").header("x-forwarded-for", "203.0.113.9, 198.51.100.1").answer());
    };
    let format = || AccessFormat::parse("%(h)s").unwrap();
    let nobody = lines(format(), memory(), hello, forwarded);
    assert_eq!(nobody, ["192.0.2.7"], "anybody can send a field");
    let fields = ForwardedHeaders::X(XForwarded::FOR);
    let trust = Trust::new(fields).network("192.0.2.0/24".parse().unwrap());
    let trusting = lines(format(), memory().trust(trust), hello, forwarded);
    assert_eq!(trusting, ["198.51.100.1"], "the last one that our proxy wrote");
}

#[test]
fn an_unix_peer_has_a_name_of_its_own() {
    let unix = Memory::new().peer(rsgi_core::Endpoint::unix(None, None));
    let lines = lines(AccessFormat::parse("%(h)s").unwrap(), unix, hello, |client| {
        drop(client.get("/").answer());
    });
    assert_eq!(lines, ["unix:"]);
}

#[test]
fn errors_and_panics_have_lines_with_their_faults() {
    let app = app_fn(|environ: Environ, _| async move {
        assert_ne!(environ.path_info(), "/panic", "as the test wants it");
        Err::<Started, Error>("wrong".into())
    });
    let lines = lines(AccessFormat::json(), memory(), app, |client| {
        drop(client.get("/error").answer());
        drop(client.get("/panic").answer());
    });
    for (line, fault) in lines.iter().zip(["error", "panic"]) {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&object["status"], &object["fault"]), (&500.into(), &fault.into()));
    }
    assert_eq!(lines.len(), 2);
}

#[test]
fn a_client_that_goes_away_has_its_line_too() {
    let app = app_fn(|_: Environ, start_response: StartResponse| async move {
        std::future::pending::<()>().await;
        Ok(start_response.status(StatusCode::OK).body(Body::empty()))
    });
    let format = AccessFormat::json();
    let lines = lines(format, memory(), app, |client| {
        let mut open = client.get("/slow").open().unwrap();
        assert!(matches!(open.poll(), Step::Pending));
        open.vanish();
    });
    let object: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&object["delivery"], &object["cause"]), (&"aborted".into(), &"closed".into()));
    assert_eq!(object["phase"], "app");
    assert!(object["status"].is_null());
}

#[test]
fn an_answers_field_is_a_dash_where_the_app_gave_no_answer() {
    let app = app_fn(|_: Environ, _| async move { Err::<Started, Error>("wrong".into()) });
    let format = AccessFormat::parse("%(s)s %({x-kind}o)s").unwrap();
    let lines = lines(format, memory(), app, |client| drop(client.get("/").answer()));
    assert_eq!(lines, ["500 -"]);
}

#[test]
fn needs_of_the_app_are_passed_on() {
    let needs = rsgi_core::Capabilities::TRAILERS;
    let app = AccessLog::traced().wrap(rsgi_core::requiring(needs, hello));
    assert_eq!(app.requires(), needs);
}

#[test]
fn the_common_form_is_apaches() {
    let line = line_of(AccessFormat::common(), |client| client.get("/shop").header("referer", "http://a/"));
    assert!(
        line.starts_with("192.0.2.7 - - [") && line.ends_with("] \"GET /shop HTTP/1.1\" 200 13"),
        "{line}"
    );
}

#[test]
fn a_request_id_from_outside_the_log_is_in_its_lines() {
    let paper = super::Paper::default();
    let log = AccessLog::to(paper.clone()).format(AccessFormat::parse("%({x-request-id}i)s").unwrap());
    let named = crate::RequestId::new().made_by(|_| "own-1".into());
    drop(Client::new(named.wrap(log.wrap(hello))).get("/").header("x-request-id", "forged").answer());
    assert_eq!(paper.lines(), ["own-1"]);
}
