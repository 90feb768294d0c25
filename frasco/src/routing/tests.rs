//! The router alone: which rule a path leads to, and which path a rule.

use super::converter::{Converter, Converters};
use super::*;

pub(super) fn router(rules: &[&str]) -> Router {
    with_converters(rules, &Converters::default())
}

fn with_converters(rules: &[&str], converters: &Converters) -> Router {
    let entries = rules.iter().map(|line| {
        let (methods, text) = line.split_once(' ').unwrap();
        Entry {
            rule: Rule::read(text, converters).unwrap(),
            endpoint: text.to_owned(),
            methods: methods.split(',').map(|method| method.parse().unwrap()).collect(),
            defaults: Vec::new(),
            strict_slashes: true,
            scope: 0,
        }
    });
    Router::new(entries.collect()).unwrap()
}

/// What a path leads to, in words.
fn found(router: &Router, method: &Method, path: &str) -> String {
    match router.find(path, method) {
        Found::Entry(index, values) if values.is_empty() => router.entry(index).endpoint.clone(),
        Found::Entry(index, values) => format!("{} {values:?}", router.entry(index).endpoint),
        Found::Redirect(path) => format!("-> {path}"),
        Found::OtherMethods(methods) => format!("not {methods:?}"),
        Found::Options(methods) => format!("allows {methods:?}"),
        Found::Nothing => "nothing".to_owned(),
    }
}

fn all(rules: &[&str], expected: &[(&str, &str)]) {
    let turned: Vec<&str> = rules.iter().rev().copied().collect();
    for router in [router(rules), router(&turned)] {
        for (path, expected) in expected {
            assert_eq!(found(&router, &Method::GET, path), *expected, "{path} of {rules:?}");
        }
    }
}

#[test]
fn the_most_specific_rule_is_taken_whatever_the_order() {
    all(
        &[
            "GET /<path:rest>",
            "GET /user/<name>",
            "GET /user/<int:id>",
            "GET /user/me",
            "GET /user/<name>/<what>",
            "GET /<a>/<b>",
        ],
        &[
            ("/user/me", "/user/me"),
            ("/user/7", "/user/<int:id> [\"7\"]"),
            ("/user/ada", "/user/<name> [\"ada\"]"),
            ("/user/ada/posts", "/user/<name>/<what> [\"ada\", \"posts\"]"),
            ("/other/ada", "/<a>/<b> [\"other\", \"ada\"]"),
            ("/user", "/<path:rest> [\"user\"]"),
            ("/a/b/c/d", "/<path:rest> [\"a/b/c/d\"]"),
            ("/", "nothing"),
        ],
    );
}

#[test]
fn what_a_converter_refuses_goes_on_to_the_next_rule() {
    all(
        &[
            "GET /<int(max=9):small>",
            "GET /<int:number>",
            "GET /<string(length=2):code>",
            "GET /<any(ab, cde):word>/x",
            "GET /<uuid:id>/x",
            "GET /<float:number>/x",
        ],
        &[
            ("/9", "/<int(max=9):small> [\"9\"]"),
            ("/10", "/<int:number> [\"10\"]"),
            ("/de", "/<string(length=2):code> [\"de\"]"),
            ("/def", "nothing"),
            ("/-1", "/<string(length=2):code> [\"-1\"]"),
            ("/cde/x", "/<any(ab, cde):word>/x [\"cde\"]"),
            ("/abc/x", "nothing"),
            ("/1.5/x", "/<float:number>/x [\"1.5\"]"),
            ("/1/x", "nothing"),
            (
                "/0190163D-8694-739B-AEA5-966C26F8AD91/x",
                "/<uuid:id>/x [\"0190163D-8694-739B-AEA5-966C26F8AD91\"]",
            ),
        ],
    );
}

#[test]
fn a_path_may_stand_in_the_middle() {
    all(
        &["GET /wiki/<path:page>/edit", "GET /wiki/<path:page>"],
        &[
            ("/wiki/a/b/edit", "/wiki/<path:page>/edit [\"a/b\"]"),
            ("/wiki/a/edit/edit", "/wiki/<path:page>/edit [\"a/edit\"]"),
            ("/wiki/a/b", "/wiki/<path:page> [\"a/b\"]"),
        ],
    );
}

#[test]
fn escapes_are_decoded_once_and_an_escaped_slash_never_separates() {
    all(
        &["GET /f/<name>", "GET /f/<a>/<b>", "GET /café", "GET /100%"],
        &[
            ("/f/a%2Fb", "/f/<name> [\"a/b\"]"),
            ("/f/a%252Fb", "/f/<name> [\"a%2Fb\"]"),
            ("/f/%C3%A9", "/f/<name> [\"é\"]"),
            ("/%66/x", "/f/<name> [\"x\"]"),
            ("/caf%C3%A9", "/café"),
            ("/100%25", "/100%"),
            ("/f/%FF", "nothing"),
        ],
    );
}

/// Such a value had a length below nothing: the router panicked on a path of a client's.
#[test]
fn no_rule_cuts_an_escape_in_two() {
    all(
        &["GET /<a>2<b>", "GET /<name>F", "GET /x/<word><int:number>", "GET /word/<any(50%, c):word>"],
        &[
            ("/%2F", "nothing"),
            ("/a%25", "nothing"),
            ("/a2%25", "/<a>2<b> [\"a\", \"%\"]"),
            ("/a%2F2b", "/<a>2<b> [\"a/\", \"b\"]"),
            ("/x/a%25", "nothing"),
            ("/word/50%25", "/word/<any(50%, c):word> [\"50%\"]"),
        ],
    );
    let mut converters = Converters::default();
    converters.add("rest", |_| Ok(Rest));
    let router = with_converters(&["GET /<rest:a>F"], &converters);
    assert_eq!(found(&router, &Method::GET, "/a%2F"), "nothing");
}

/// Anything, with slashes at its end.
#[derive(Debug)]
struct Rest;

impl Converter for Rest {
    fn pattern(&self) -> String {
        ".*".to_owned()
    }

    fn sample(&self) -> String {
        "a/".to_owned()
    }
}

/// It was sent to one slash more each time.
#[test]
fn a_variable_that_takes_the_last_slash_redirects_no_more() {
    let mut converters = Converters::default();
    converters.add("rest", |_| Ok(Rest));
    let router = with_converters(&["GET /files/<rest:a>/"], &converters);
    assert_eq!(found(&router, &Method::GET, "/files/a"), "-> /files/a/");
    assert_eq!(found(&router, &Method::GET, "/files/a/"), "/files/<rest:a>/ [\"a/\"]");
}

#[test]
fn a_folder_without_its_slash_and_doubled_slashes_are_redirected() {
    all(
        &["GET /docs/", "GET /u/<name>/", "GET /ping", "GET /a/b"],
        &[
            ("/docs", "-> /docs/"),
            ("/docs/", "/docs/"),
            ("/u/ada", "-> /u/ada/"),
            ("/u/ada/", "/u/<name>/ [\"ada\"]"),
            ("/ping/", "nothing"),
            ("//a//b", "-> /a/b"),
            ("//x", "nothing"),
            ("", "nothing"),
        ],
    );
}

#[test]
fn a_folder_without_its_slash_is_that_folder_and_no_later_rule() {
    all(
        &[
            "GET /about/",
            "GET /<page>",
            "GET /both/",
            "GET /both",
            "GET /<a>/<b>/",
            "GET /<a>/<b>",
            "GET /u/<a>/",
        ],
        &[
            ("/about", "-> /about/"),
            ("/about/", "/about/"),
            ("/other", "/<page> [\"other\"]"),
            ("/both", "/both"),
            ("/both/", "/both/"),
            ("/x/y", "/<a>/<b> [\"x\", \"y\"]"),
            ("/x/y/", "/<a>/<b>/ [\"x\", \"y\"]"),
            ("/u/ada", "-> /u/ada/"),
        ],
    );
}

#[test]
fn methods_of_all_rules_of_a_path_are_allowed_and_each_goes_its_way() {
    let router = router(&["GET,HEAD /x/<name>", "POST /x/<name>", "PUT /x/me", "DELETE /<path:all>"]);
    assert_eq!(found(&router, &Method::POST, "/x/a"), "/x/<name> [\"a\"]");
    assert_eq!(found(&router, &Method::GET, "/x/me"), "/x/<name> [\"me\"]");
    assert_eq!(found(&router, &Method::PUT, "/x/a"), "not [DELETE, GET, HEAD, OPTIONS, POST]");
    assert_eq!(found(&router, &Method::OPTIONS, "/x/me"), "allows [DELETE, GET, HEAD, OPTIONS, POST, PUT]");
    assert_eq!(found(&router, &Method::OPTIONS, "/"), "nothing");
}

#[test]
fn a_rule_that_is_none_says_why() {
    let converters = Converters::default();
    for (rule, why) in [
        ("x", "begins with a slash"),
        ("/<x", "'>' is missing"),
        ("/x>", "stands alone"),
        ("/<>", "no variable's name"),
        ("/<1a>", "no variable's name"),
        ("/<a>/<a>", "twice"),
        ("/<itn:a>", "there are any, default, float, int, path, string, uuid"),
        ("/<int(mni=1):a>", "no argument mni"),
        ("/<int(min=x):a>", "min=x is no number"),
        ("/<any:a>", "any(a, b)"),
        ("/<string(minlength=3, maxlength=2):a>", "3 characters"),
        ("/a?b", "no query"),
    ] {
        let told = Rule::read(rule, &converters).unwrap_err();
        assert!(told.contains(why), "{rule}: {told}");
    }
}

#[test]
fn what_is_built_leads_back() {
    let rules =
        ["GET /user/<name>", "GET /n/<int:n>", "GET /w/<path:page>/edit", "GET /café/<any('a/b', c):x>"];
    let router = router(&rules);
    for (endpoint, name, value, path) in [
        ("/user/<name>", "name", "a b/c%?é", "/user/a%20b%2Fc%25%3F%C3%A9"),
        ("/n/<int:n>", "n", "7", "/n/7"),
        ("/w/<path:page>/edit", "page", "a/b%", "/w/a/b%25/edit"),
    ] {
        let url =
            UrlFor::new(&router, endpoint.to_owned(), "", (String::new(), String::new())).with(name, value);
        assert_eq!(url.build().unwrap(), path);
        assert_eq!(found(&router, &Method::GET, path), format!("{endpoint} [{value:?}]"));
    }
}

#[test]
fn a_url_that_cannot_be_says_why() {
    let router = router(&["GET /n/<int:n>"]);
    let url = |endpoint: &str| UrlFor::new(&router, endpoint.to_owned(), "", (String::new(), String::new()));
    for (url, why) in [
        (url("other"), "no such endpoint"),
        (url("/n/<int:n>"), "a value for \"n\" is missing"),
        (url("/n/<int:n>").with("n", "x"), "\"x\" is no value for \"n\""),
    ] {
        let told = url.build().unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
    }
}

/// A float that is whole has no point where Rust writes it.
#[test]
fn a_number_is_written_as_its_converter_reads_it() {
    let rules =
        ["GET /f/<float(signed=True):n>", "GET /y/<int(fixed_digits=4):n>", "GET /i/<int(signed=True):n>"];
    let router = router(&rules);
    let url = |at: usize, n: f64| {
        let endpoint = rules[at].trim_start_matches("GET ").to_owned();
        UrlFor::new(&router, endpoint, "", (String::new(), String::new())).with("n", n).build()
    };
    assert_eq!(url(0, 1.0).unwrap(), "/f/1.0");
    assert_eq!(url(0, -1.5).unwrap(), "/f/-1.5");
    assert_eq!(url(0, -2.0).unwrap(), "/f/-2.0");
    assert_eq!(url(1, 5.0).unwrap(), "/y/0005");
    assert_eq!(url(2, -5.0).unwrap(), "/i/-5");
    assert!(url(0, f64::NAN).is_err());
    assert!(url(1, 12345.0).is_err());
}

/// By a converter of the app's own that takes a slash first.
#[test]
fn a_url_is_never_of_another_host() {
    let mut converters = Converters::default();
    converters.add("rest", |_| Ok(Rest));
    let router = with_converters(&["GET /<rest:a>"], &converters);
    let url = |mount| UrlFor::new(&router, "/<rest:a>".to_owned(), mount, (String::new(), String::new()));
    assert_eq!(url("").with("a", "/evil.org").build().unwrap(), "/.//evil.org");
    assert_eq!(url("/app").with("a", "/evil.org").build().unwrap(), "/app//evil.org");
}

#[test]
fn a_url_may_be_external_with_a_query_and_an_anchor() {
    let router = router(&["GET /n/<int:n>"]);
    let host = ("http".to_owned(), "example.org".to_owned());
    let url = UrlFor::new(&router, "/n/<int:n>".to_owned(), "/app", host);
    let url = url.with("n", 1).with("q", "a b&c").anchor("top").scheme("https");
    assert_eq!(url.build().unwrap(), "https://example.org/app/n/1?q=a+b%26c#top");
}
