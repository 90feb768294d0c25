//! `Expect: 100-continue`: sent when the app first reads, and only then (RFC 9110 section 10.1.1).
//!
//! Informational responses that the app asks for are in `informational.rs`.

use rsgi_core::http::StatusCode;
use rsgi_core::{BoxApp, Environ, Error, StartResponse, Started, app_fn, blocking};

use crate::suite::apps::{plain, watching};
use crate::suite::case::Case;
use crate::suite::notes::Notes;
use crate::wire::bytes::{chunks, request};

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];
const EXPECT: [(&str, &str); 2] = [("content-length", "5"), ("expect", "100-continue")];

pub(super) const CASES: &[Case] = &[
    Case::wire(
        "continue_comes_when_the_app_first_reads",
        &[62],
        || {
            BoxApp::new(app_fn(|environ: Environ, start_response: StartResponse| async move {
                if environ.method() == "POST" {
                    Notes::of(&environ).gate("read").opened().await;
                }
                read(environ, start_response).await
            }))
        },
        |talk| {
            let mut client = talk.raw();
            client.send(talk.raw_request("POST", "/", &EXPECT, b""));
            client.expect_silence();
            talk.open("read");
            assert_eq!(client.head().status, 100);
            let answer = client.send("hello").answer();
            assert_eq!((answer.status(), answer.text()), (200, "hello"));
            assert!(answer.informational.is_empty(), "once is enough");
            assert_eq!(client.ask(talk.raw_get("/")).status(), 200);
        },
    )
    .parallel(),
    // The same for an app that blocks, and for chunks.
    Case::wire(
        "continue_comes_for_blocking_apps_and_for_chunks",
        &[62, 68],
        || {
            BoxApp::new(blocking(|mut environ: Environ, start_response: StartResponse| {
                let mut text = String::new();
                std::io::Read::read_to_string(environ.input_mut(), &mut text)?;
                Ok(start_response.start(StatusCode::OK, PLAIN)?.body(text))
            }))
        },
        |talk| {
            let mut client = talk.raw();
            let fields = [("transfer-encoding", "chunked"), ("Expect", "100-Continue")];
            for _ in 0..2 {
                client.send(talk.raw_request("POST", "/", &fields, b""));
                assert_eq!(client.head().status, 100);
                assert_eq!(client.send(chunks(&[b"he", b"llo"])).answer().text(), "hello");
            }
        },
    ),
    Case::wire(
        "no_continue_when_the_app_answers_without_reading",
        &[63],
        || BoxApp::new(plain(forbidden)),
        |talk| {
            let mut client = talk.raw();
            let answer = client.ask(talk.raw_request("POST", "/", &EXPECT, b""));
            assert_eq!((answer.status(), answer.text()), (403, "no"));
            assert!(answer.informational.is_empty());
            // The client may send its content or leave it, and the server can't know which: so it says that it closes.
            if answer.says_close() {
                client.half_close();
                client.expect_closed();
            } else {
                assert_eq!(client.send("hello").ask(talk.raw_get("/")).status(), 403);
            }
        },
    ),
    // Above the wire the content is kept back too, or sent where the protocol has no asking for it; the answer comes.
    Case::message(
        "an_expectation_that_nobody_meets_has_its_answer",
        &[63],
        || BoxApp::new(plain(forbidden)),
        |talk| {
            for _ in 0..2 {
                let answer = talk.post("/").expect_continue().body("hello").answer();
                assert_eq!((answer.status(), answer.text()), (403, "no"));
                assert!(answer.informational().is_empty());
            }
        },
    ),
    Case::wire("no_continue_for_http_1_0_nor_without_a_body", &[64], reading, |talk| {
        let (target, line) = (talk.at("/"), talk.line());
        let old =
            format!("POST {target} HTTP/1.0\r\n{line}content-length: 5\r\nexpect: 100-continue\r\n\r\nhello");
        let answer = talk.raw().ask(old);
        assert_eq!((answer.text(), answer.informational.len()), ("hello", 0));
        let answer = talk.raw().ask(talk.raw_request("GET", "/", &[("expect", "100-continue")], b""));
        assert_eq!((answer.status(), answer.informational.len()), (200, 0));
        let none = [("expect", "100-continue"), ("content-length", "0")];
        let answer = talk.raw().ask(talk.raw_request("POST", "/", &none, b""));
        assert_eq!((answer.status(), answer.informational.len()), (200, 0));
    }),
    // Content that is there already needs no asking for, but may get it.
    Case::wire("content_sent_without_waiting_is_read", &[62], reading, |talk| {
        let answer = talk.raw().ask(talk.raw_request("POST", "/", &EXPECT, b"hello"));
        assert_eq!((answer.status(), answer.text()), (200, "hello"));
        assert!(
            answer.informational.iter().all(|head| head.status == 100) && answer.informational.len() <= 1
        );
    }),
    Case::message("content_that_was_asked_for_is_read", &[62], reading, |talk| {
        for _ in 0..2 {
            let answer = talk.post("/").expect_continue().body("hello").answer();
            assert_eq!((answer.status(), answer.text()), (200, "hello"));
        }
    }),
    // A server may refuse what it can't meet, and then calls no app; or ignore it, and then everything is as ever.
    Case::message("another_expectation_is_handled_by_policy", &[65], watching, |talk| {
        for expectation in ["the-unexpected", "101-continue"] {
            let answer = talk.get("/").header("expect", expectation).answer();
            match answer.status() {
                417 => talk.unseen(),
                status => {
                    assert_eq!((status, answer.text()), (200, "seen"));
                    assert_eq!(talk.seen().text(), "");
                }
            }
        }
    }),
    // A server that reads small bodies ahead doesn't do so here, as that would be a promise of the app's.
    Case::hosted("the_request_buffer_does_not_touch_an_expectation", &[62], |ground| {
        let server = ground
            .serve_with(plain(forbidden), |config| config.limits(|limits| limits.request_buffer = 1024));
        let answer = server.client().ask(request("POST", "/", &EXPECT, b""));
        assert_eq!((answer.status(), answer.informational.len()), (403, 0));
    }),
];

/// Answers without a look at the content.
fn forbidden(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    Ok(start_response.start(StatusCode::FORBIDDEN, PLAIN)?.body("no"))
}

/// Answers with the content.
fn reading() -> BoxApp {
    BoxApp::new(app_fn(read))
}

async fn read(mut environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let whole = environ.input_mut().collect(100).await?;
    Ok(start_response.start(StatusCode::OK, PLAIN)?.body(whole))
}
