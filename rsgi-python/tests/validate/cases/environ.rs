//! "environ Variables": what an application is told of a request.

use crate::asked::Asked;
use crate::doors::{Door, Host};
use crate::scene::Case;

pub(crate) const CASES: &[Case] = &[
    Case::new("the_environ_is_a_dictionary_of_native_strings", |scene| {
        assert_eq!(scene.get().text(), "fine");
        assert_eq!(scene.post("content").text(), "fine");
    }),
    Case::new("the_environ_is_the_applications_own", |scene| {
        let first = scene.get();
        assert!(
            first.text().contains("SERVER_PROTOCOL") && first.text().contains("wsgi.errors"),
            "{first:?}"
        );
        assert_eq!(first.text(), scene.get().text());
    }),
    Case::new("variables_are_those_of_the_request", |scene| {
        let here = scene.here();
        let protocol = if scene.door == Door::Http2 { "HTTP/2.0" } else { "HTTP/1.1" };
        let told = |method, query, kind, length| {
            let rest = format!("SERVER_PROTOCOL={protocol}\nwsgi.url_scheme=http");
            format!(
                "REQUEST_METHOD={method}\nSCRIPT_NAME=\nPATH_INFO={here}\nQUERY_STRING={query}\n\
                 CONTENT_TYPE={kind}\nCONTENT_LENGTH={length}\n{rest}"
            )
        };
        let got = scene.query("a=b");
        // PEP 3333: these "may be empty or missing".
        let text = got.text().replace("=None", "=");
        assert_eq!(text, told("GET", "a=b", "", ""));
        assert_eq!(scene.post("content").text(), told("POST", "", "application/octet-stream", "7"));
    }),
    Case::new("paths_are_decoded_and_latin_1", |scene| {
        let path = |path: &str| scene.ask(Asked::get(path)).text().to_owned();
        assert_eq!(path("/caf%C3%A9/%E2%82%AC"), r"'/caf\xc3\xa9/\xe2\x82\xac' '/caf\xe9/\u20ac'");
        assert_eq!(path("/no-text%FF"), r"'/no-text\xff' '/no-text\ufffd'");
        assert_eq!(path("/a%20b+c/%3F%23"), "'/a b+c/?#' '/a b+c/?#'");
    }),
    Case::new("the_query_is_as_it_was_sent", |scene| {
        assert_eq!(scene.query("a=%41%26&b=+&c").text(), "'a=%41%26&b=+&c'");
        assert_eq!(scene.get().text(), "''");
    }),
    Case::new("a_mount_is_the_script_name", |scene| {
        let ask = |path: &str| scene.ask(Asked::get(path).with("Host", "localhost")).text().to_owned();
        assert_eq!(ask("/m%C3%A9/caf%C3%A9?q"), "/mÃ©|/cafÃ©|http://localhost/m%C3%A9/caf%C3%A9?q");
        assert_eq!(ask("/m%C3%A9/"), "/mÃ©|/|http://localhost/m%C3%A9/");
        assert_eq!(ask("/m%C3%A9"), "/mÃ©||http://localhost/m%C3%A9");
    })
    .at("/mé"),
    Case::new("the_url_can_be_put_together_again", |scene| {
        let ask = |path: &str| scene.ask(Asked::get(path).with("Host", "a.example:8000")).text().to_owned();
        assert_eq!(ask("/a/b?c=%20d"), "http://a.example:8000/a/b?c=%20d");
        assert_eq!(ask("/"), "http://a.example:8000/");
    }),
    Case::new("fields_are_variables", |scene| {
        let asked = Asked::post(scene.here(), "x")
            .with("X-Thing", "one")
            .with("Cookie", "a=1")
            .with("X-Latin", b"caf\xe9")
            .with("X-Thing", "two")
            .with("Cookie", "b=2")
            .with("Proxy", "http://evil.example/");
        let told = "HTTP_X_THING='one, two'\nHTTP_COOKIE='a=1; b=2'\nHTTP_X_LATIN='caf\\xe9'\n\
                    HTTP_CONTENT_TYPE=None\nHTTP_CONTENT_LENGTH=None\nHTTP_PROXY=None";
        assert_eq!(scene.ask(asked).text(), told);
    }),
    // Web servers refuse or drop such a field before it gets here.
    Case::new("a_field_with_an_underscore_poses_as_none", |scene| {
        assert_eq!(scene.ask(Asked::get(scene.here()).with("X_User", "root")).text(), "None");
        let both = Asked::get(scene.here()).with("X_User", "root").with("X-User", "me");
        assert_eq!(scene.ask(both).text(), "'me'");
    })
    .only(Door::is_http),
    Case::new("concurrency_is_told_as_it_is", |scene| {
        let told = match scene.door {
            // A thread for the call, and a process for the request.
            Door::Cgi(Host::Threads | Host::Tokio) => "False True True",
            _ => "True False False",
        };
        assert_eq!(scene.get().text(), told);
    }),
    Case::new("a_request_of_no_path_has_an_empty_one", |scene| {
        let got = scene.ask(Asked::get("*").by("OPTIONS"));
        assert_eq!(got.text(), "('OPTIONS', '', '')");
    })
    .only(Door::is_http),
    Case::new("methods_are_passed_on", |scene| {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let got = scene.ask(Asked::get(scene.here()).by(method));
            assert_eq!((got.status, got.is_whole, got.all("x-method")), (200, true, vec![method]));
            assert_eq!(scene.told(), method);
            let content: &[u8] = if method == "HEAD" { b"" } else { b"content" };
            assert_eq!(got.content, content, "{method}");
        }
    }),
];
