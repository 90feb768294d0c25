//! The same request is the same environ: under a prefix, on HTTP/2, in memory.
//!
//! What a single part of the environ must say is in `request_line.rs` and `fields.rs`; here whole environs are compared.

use std::collections::BTreeMap;

use rsgi_core::http::Version;
use rsgi_core::{BoxApp, Mount};
use serde_json::Value;

use crate::Client;
use crate::suite::apps::watching;
use crate::suite::case::Case;
use crate::suite::noting::noting;
use crate::suite::seen::{Octets, Seen};

pub(super) const CASES: &[Case] = &[
    Case::message(
        "under_a_prefix_an_app_sees_the_same_but_for_the_split",
        &[14],
        || BoxApp::new(Mount::new().at("/pre/fix", watching()).at("/", watching())),
        |talk| {
            for rest in ["/", "/a%20b//c?q=1", "/%ff?"] {
                let mut seen = ["", "/pre/fix"].map(|prefix| {
                    let request = talk.post(&format!("{prefix}{rest}")).header("host", "test");
                    request.header("x-a", "1").header("x-a", "2").body("body").answer();
                    talk.seen()
                });
                let prefix = talk.at("/pre/fix");
                assert_eq!(seen.each_ref().map(|it| it.script_name.as_str()), [talk.prefix(), &prefix]);
                assert_eq!(seen[1].url, format!("http://test{prefix}{rest}"));
                // What the split is made of, and what no two requests have in common.
                let [bare, mounted] = &mut seen;
                for name in ["SCRIPT_NAME", "REQUEST_URI", "REMOTE_PORT"] {
                    assert_eq!(bare.vars.remove(name).is_some(), mounted.vars.remove(name).is_some());
                }
                bare.script_name.clone_from(&mounted.script_name);
                bare.target.clone_from(&mounted.target);
                bare.url.clone_from(&mounted.url);
                bare.peer.clone_from(&mounted.peer);
                bare.request_id = mounted.request_id;
                assert_eq!(bare, mounted);
            }
        },
    ),
    // The same words for each protocol, and for none: whatever carried the request, nothing else is left to tell.
    Case::message("every_way_tells_the_same_environ_but_for_the_version", &[16, 154], watching, |talk| {
        for (method, target) in [("POST", "/a%20b//c?q=1"), ("PURGE", "/%2541/%ff"), ("PUT", "/?")] {
            let request = talk.request(method, target).header("host", "front.test").header("x-a", "1");
            let request = request.header("x-b", "2").header("x-a", "3").header("cookie", "a=1; b=2");
            assert_eq!(request.header("content-type", "text/x").body("hello").answer().text(), "seen");
            let seen = talk.seen();
            assert_eq!((seen.method.as_str(), seen.target.as_str()), (method, talk.at(target).as_str()));
            assert_eq!(seen.url, format!("http://front.test{}", talk.at(target)));
            assert_eq!((seen.host.as_deref(), seen.scheme.as_str()), (Some("front.test"), "http"));
            assert_eq!(
                (seen.trusted_host.as_deref(), seen.trusted_scheme.as_str()),
                (Some("front.test"), "http")
            );
            assert_eq!((seen.text(), seen.input_length.as_str()), ("hello", "Known(5)"));
            let mut headers = seen.headers.clone();
            headers.retain(|(name, _)| name != "host");
            headers.sort_by(|one, other| one.0.cmp(&other.0));
            assert_eq!(
                headers,
                HEADERS.map(|(name, value)| (name.to_owned(), Octets::from(value.as_bytes())))
            );
            assert_eq!(variables(&seen), VARIABLES.to_vec());
        }
    }),
    Case::hosted("the_test_client_tells_an_app_what_a_server_tells", &[28], |ground| {
        let (app, on_server) = noting(watching());
        let server = ground.serve(app);
        let live = Client::live(&format!("http://{}", server.address())).unwrap();
        let (app, in_memory) = noting(watching());
        let memory = Client::new(app);
        for number in 0..REQUESTS {
            for client in [&live, &memory] {
                assert_eq!(ask(client, number).status(), 200);
            }
            let (served, remembered) = (flat(&on_server.seen()), flat(&in_memory.seen()));
            let names = |of: &BTreeMap<String, Value>| of.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&served), names(&remembered), "request {number}");
            for (name, value) in &served {
                let other = &remembered[name];
                let presence = (value.is_null(), value.is_string(), value.is_number());
                assert_eq!(presence, (other.is_null(), other.is_string(), other.is_number()), "{name}");
                assert!(OWN.contains(&name.as_str()) || value == other, "{name}: {value}, in memory {other}");
            }
        }
    }),
];

/// The fields that the request of the case has, sorted.
const HEADERS: [(&str, &str); 6] = [
    ("content-length", "5"),
    ("content-type", "text/x"),
    ("cookie", "a=1; b=2"),
    ("x-a", "1"),
    ("x-a", "3"),
    ("x-b", "2"),
];

/// The variables that don't depend on target, version, prefix and the two ends.
const VARIABLES: [(&str, &str); 7] = [
    ("CONTENT_LENGTH", "5"),
    ("CONTENT_TYPE", "text/x"),
    ("GATEWAY_INTERFACE", "CGI/1.1"),
    ("HTTP_COOKIE", "a=1; b=2"),
    ("HTTP_HOST", "front.test"),
    ("HTTP_X_A", "1, 3"),
    ("HTTP_X_B", "2"),
];

fn variables(seen: &Seen) -> Vec<(&str, &str)> {
    let elsewhere = ["PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "REQUEST_URI", "SCRIPT_NAME"];
    let told = |name: &&str| {
        !elsewhere.contains(name) && !name.starts_with("SERVER_") && !name.starts_with("REMOTE_")
    };
    let names = seen.vars.keys().map(String::as_str).filter(told);
    names.filter_map(|name| Some((name, seen.var(name)?))).collect()
}

/// Facts that are there on both and have values of their own: the two ends, and who serves.
const OWN: [&str; 12] = [
    "/local/port",
    "/local/text",
    "/peer/port",
    "/peer/text",
    "/request_id/0",
    "/request_id/1",
    "/server_port",
    "/vars/REMOTE_PORT",
    "/vars/SERVER_PORT",
    "/vars/SERVER_SOFTWARE",
    "/server_name",
    "/vars/SERVER_NAME",
];

/// How many kinds of request [`ask`] knows.
const REQUESTS: usize = 5;

fn ask(client: &Client, number: usize) -> crate::Answer {
    let request = match number {
        0 => client.get("/a%20b//c?q=1"),
        1 => client.post("/").header("content-type", "text/x").body("hello"),
        2 => client.put("/%ff?").pieces(["hel", "lo"]),
        3 => client.request("PURGE", "http://far.test:81/x"),
        _ => client.get("/").version(Version::HTTP_10),
    };
    request
        .header("host", "far.test:81")
        .header("x-a", "1")
        .header("x-a", "2")
        .header("cookie", "a=1")
        .answer()
}

/// All that an app saw, each fact by its path.
fn flat(seen: &Seen) -> BTreeMap<String, Value> {
    fn add(path: &str, value: Value, all: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(members) => {
                members.into_iter().for_each(|(name, value)| add(&format!("{path}/{name}"), value, all));
            }
            Value::Array(items) => {
                items
                    .into_iter()
                    .enumerate()
                    .for_each(|(at, value)| add(&format!("{path}/{at}"), value, all));
            }
            plain => drop(all.insert(path.to_owned(), plain)),
        }
    }
    let (mut all, mut seen) = (BTreeMap::new(), seen.clone());
    // Between fields of different names there is no order.
    seen.headers.sort_by(|one, other| one.0.cmp(&other.0));
    add("", serde_json::to_value(seen).unwrap(), &mut all);
    all
}
