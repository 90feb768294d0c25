//! The request's content: every way to give it, and every way it ends.

use rsgi_core::http::StatusCode;
use rsgi_core::http::Version;
use rsgi_core::{Environ, InputLength, app_fn, blocking};
use rsgi_test::{Client, Memory};

use crate::apps::{duplex, echo, echo_blocking};

#[test]
fn content_arrives_whole_however_it_is_given_and_read() {
    for client in [
        Client::new(echo),
        Client::new(duplex),
        Client::new(blocking(echo_blocking)),
        Client::with(blocking(echo_blocking), Memory::new().threads()),
    ] {
        assert_eq!(client.post("/").body("whole").answer().text(), "whole");
        assert_eq!(client.post("/").pieces(["in", " ", "", "pieces"]).answer().text(), "in pieces");
        assert_eq!(client.post("/").form(&[("a b", "c&")]).answer().text(), "a+b=c%26");
        assert_eq!(client.post("/").answer().text(), "");
    }
}

#[test]
fn the_length_is_known_where_a_server_would_know_it() {
    let client = Client::new(app_fn(|environ: Environ, start_response| async move {
        let seen = format!("{:?} {:?}", environ.input_length(), environ.header("transfer-encoding"));
        Ok(start_response.status(StatusCode::OK).body(seen))
    }));
    let known = format!("{:?} None", InputLength::Known(3));
    assert_eq!(client.post("/").body("abc").answer().text(), known);
    assert_eq!(client.post("/").pieces(["abc"]).version(Version::HTTP_10).answer().text(), known);
    assert_eq!(client.post("/").pieces(["abc"]).answer().text(), "Unknown Some(\"chunked\")");
    assert_eq!(client.post("/").pieces(["abc"]).version(Version::HTTP_2).answer().text(), "Unknown None");
}

#[test]
fn a_body_over_the_limit_is_answered_413() {
    let client = Client::with(echo, Memory::new().body_limit(4));
    assert_eq!(client.post("/").body("1234").answer().status(), 200);
    assert_eq!(client.post("/").body("12345").answer().status(), 413);
    assert_eq!(client.post("/").pieces(["123", "45"]).answer().status(), 413);
}

#[test]
fn content_that_ends_early_is_truncated_and_what_is_beyond_its_length_is_no_part_of_it() {
    let client = Client::new(echo);
    assert_eq!(client.post("/").header("content-length", "9").body("short").answer().status(), 400);
    assert_eq!(client.post("/").header("content-length", "2").body("long").answer().text(), "lo");
}

#[test]
fn the_continue_is_sent_when_the_app_first_reads_and_never_else() {
    let read = Client::new(echo).post("/").expect_continue().body("x").answer();
    assert_eq!(read.informational()[0].status.as_u16(), 100);
    let unread =
        Client::new(app_fn(
            |_, start_response| async move { Ok(start_response.status(StatusCode::OK).empty()) },
        ));
    assert!(unread.post("/").expect_continue().body("x").answer().informational().is_empty());
    let old = Client::new(echo).post("/").expect_continue().body("x").version(Version::HTTP_10).answer();
    assert!(old.informational().is_empty());
}

#[test]
fn trailers_of_the_request_are_known_behind_its_content() {
    let client = Client::new(app_fn(|mut environ: Environ, start_response| async move {
        environ.input_mut().collect(100).await?;
        let sum = environ.input_mut().trailers().map(|trailers| trailers["x-sum"].clone());
        Ok(start_response.status(StatusCode::OK).body(format!("{sum:?}")))
    }));
    let answer = client.post("/").body("abc").trailers(&[("x-sum", "6")]).answer();
    assert_eq!(answer.text(), "Some(\"6\")");
}
