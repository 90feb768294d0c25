//! "The `start_response()` Callable", "The `write()` Callable" and what an application may not say.

use crate::asked::Asked;
use crate::doors::Door;
use crate::scene::{Case, Scene};

pub(crate) const CASES: &[Case] = &[
    Case::new("what_is_written_goes_before_what_is_returned", |scene| {
        // The second time the server may know that this application writes.
        for _ in 0..2 {
            assert_eq!(scene.get().text(), "one two three four");
        }
    }),
    Case::new("writing_may_be_all_there_is", |scene| {
        for _ in 0..2 {
            let got = scene.get();
            assert_eq!((got.status, got.all("x-way")), (201, vec!["written"]));
            assert_eq!(got.text(), "0123456789abcdef".repeat(256 * 64));
        }
    }),
    Case::new("a_second_start_without_exc_info_is_an_error", |scene| {
        let got = scene.get();
        assert_eq!((got.status, got.all("x-start")), (200, vec!["first"]));
        assert!(got.text().contains("exc_info"), "{got:?}");
    }),
    Case::new("an_error_before_the_head_is_sent_replaces_it", |scene| {
        let got = scene.get();
        assert_eq!((got.status, got.all("x-start"), &got.content[..]), (503, vec!["second"], &b"sorry"[..]));
        assert!(got.is_whole);
    }),
    Case::new("the_head_waits_for_the_first_content", |scene| {
        let got = scene.get();
        assert_eq!((got.status, got.all("x-start"), &got.content[..]), (503, vec!["second"], &b"sorry"[..]));
    }),
    Case::new("an_error_behind_the_head_is_raised_again", |scene| {
        let got = scene.get();
        assert_eq!((got.status, got.is_whole, &got.content[..]), (200, false, &b"begun"[..]));
        assert_eq!(scene.told(), "again: 'planned behind the head'");
        scene.logged(&got, &["planned behind the head", &scene.here()]);
    }),
    // The validator finds it first.
    Case::new("an_application_that_never_starts_is_an_error", |scene| {
        let got = scene.get();
        failed(scene, &got, "start_response");
    })
    .breaks(&["A16"])
    .bare(),
    Case::new("the_list_of_headers_stays_as_it_was", |scene| {
        let told = "[('Content-Type', 'text/plain'), ('X-Mine', 'as it was')]";
        assert_eq!(scene.get().text(), told);
        assert_eq!(scene.get().text(), told);
    }),
    Case::new("the_status_is_what_the_application_says", |scene| {
        for (status, code) in [("200+OK", 200), ("404+Not+Found", 404), ("299+Any+reason:+at+(all)", 299)] {
            let got = scene.query(status);
            assert_eq!((got.status, &got.content[..]), (code, &b"answered"[..]));
        }
    }),
    Case::new("a_bad_status_is_an_error_that_says_so", |scene| {
        let statuses = [
            "empty", "short", "long", "word", "below", "glued", "lines", "null", "bytes", "number", "none",
            "euro",
        ];
        for status in statuses {
            let got = scene.query(status);
            failed(scene, &got, &format!("?{status} "));
            scene.logged(&got, &[&format!("?{status} "), "status is"]);
        }
    })
    .breaks(&["A16"])
    .bare(),
    Case::new("bad_headers_are_an_error_that_says_so", |scene| {
        for (headers, said) in BAD_HEADERS {
            let got = scene.query(headers);
            failed(scene, &got, said);
            scene.logged(&got, &[&format!("?{headers} "), said]);
        }
    })
    .breaks(&["A16"])
    .bare(),
    Case::new("fields_are_sent_as_they_are", |scene| {
        let got = scene.get();
        assert_eq!(got.text(), "sent");
        assert_eq!(got.all("set-cookie"), ["a=1", "b=2"]);
        assert_eq!((got.all("x-latin"), got.all("x-empty")), (vec!["café"], vec![""]));
        // A web server adds its own.
        assert!(
            scene.door.is_gateway() || scene.door == Door::Memory || got.all("date").len() == 1,
            "{got:?}"
        );
    }),
    Case::new("a_head_goes_without_its_content", |scene| {
        let got = scene.ask(Asked::get(scene.here()).by("HEAD"));
        assert_eq!((got.status, got.all("content-length")), (200, vec!["7"]));
        assert!(got.content.is_empty() && got.is_whole, "{got:?}");
        assert_eq!(scene.get().text(), "content");
    })
    .bare(),
];

/// A 500 of the server's, for a reason that stands in the log and not in the answer.
#[track_caller]
fn failed(scene: &Scene, got: &crate::asked::Got, said: &str) {
    assert_eq!(got.status, 500, "{got:?}");
    let content = String::from_utf8_lossy(&got.content);
    assert!(!content.contains("Traceback") && !content.contains("Error:"), "{content}");
    assert!(got.all("x-smuggled").is_empty());
    scene.logged(got, &[&scene.here(), said]);
}

/// Each with what the log says of it.
const BAD_HEADERS: &[(&str, &str)] = &[
    ("tuple", "not tuple"),
    ("dict", "not dict"),
    ("none", "not NoneType"),
    ("list-in-list", "a header is a tuple of two str"),
    ("triple", "a header is a tuple of two str"),
    ("single", "a header is a tuple of two str"),
    ("bytes-name", "a header is a tuple of two str"),
    ("bytes-value", "a header is a tuple of two str"),
    ("number", "a header is a tuple of two str"),
    ("no-name", "header name ''"),
    ("space", "header name 'Content Type'"),
    ("colon", "header name 'Content-Type:'"),
    ("line-in-name", "header name 'Content-Type\\n'"),
    ("latin-name", "header name 'X-\\u{e9}'"),
    ("line", "header x-line"),
    ("return", "header x-line"),
    ("null", "header x-null"),
    ("euro", "header x-euro"),
    ("connection", "connection"),
    ("keep-alive", "keep-alive"),
    ("te", "te"),
    ("transfer-encoding", "transfer-encoding"),
    ("upgrade", "upgrade"),
    ("two-lengths", "content-length"),
    ("bad-length", "content-length"),
];
