//! Errors and panics before the head: a 500 that leaks nothing, a connection that lives on, and what is told.
//!
//! What fails behind the head is in `errors_behind_the_head.rs`.

use std::io::Write as _;

use rsgi_core::http::StatusCode;
use rsgi_core::{BoxApp, Environ, Error, StartResponse, Started, app_fn, blocking};

use crate::suite::apps::{TEXT, plain, with_outcome};
use crate::suite::case::Case;
use crate::suite::log;
use crate::suite::notes::Notes;
use crate::suite::seen::fields;
use crate::suite::talk::Talk;
use crate::wire::bytes::get;

pub(super) const CASES: &[Case] = &[
    Case::message(
        "an_error_before_the_head_is_a_500_and_the_connection_lives",
        &[110, 113],
        || BoxApp::new(plain(fails_by_its_path)),
        |talk| fails_and_lives_on(talk, &["/error"]),
    )
    .breaks(&["A16"]),
    Case::message(
        "a_panic_of_async_code_is_a_500_and_the_server_lives",
        &[111, 113],
        || BoxApp::new(app_fn(async |environ, start_response| fails_by_its_path(environ, start_response))),
        |talk| fails_and_lives_on(talk, &["/panic"]),
    )
    .breaks(&["A16"]),
    Case::message(
        "a_panic_of_blocking_code_is_a_500_and_the_server_lives",
        &[111, 113],
        || BoxApp::new(blocking(fails_by_its_path)),
        |talk| fails_and_lives_on(talk, &["/panic", "/error"]),
    )
    .breaks(&["A16"]),
    // A panic in making the future, before there is one to poll.
    Case::message(
        "a_panic_of_the_call_itself_is_a_500",
        &[111],
        || BoxApp::new(plain(fails_by_its_path)),
        |talk| fails_and_lives_on(talk, &["/panic"]),
    )
    .breaks(&["A16"]),
    // The answers are framed, so the connection is as good as before.
    Case::wire(
        "a_failed_request_leaves_its_connection_usable",
        &[110, 111],
        || BoxApp::new(app_fn(async |environ, start_response| fails_by_its_path(environ, start_response))),
        |talk| {
            let mut client = talk.raw();
            for target in ["/error", "/panic", "/error"] {
                assert_eq!(client.ask(talk.raw_get(target)).status(), 500, "{target}");
                assert_eq!(client.ask(talk.raw_get("/")).text(), "fine", "behind {target}");
            }
        },
    )
    .breaks(&["A16"]),
    // PEP 3333, "Input and Error Streams": text mode, line ends of `\n`, and nothing lost that was flushed.
    Case::hosted("the_error_stream_ends_in_the_servers_log", &[], |ground| {
        log::catch();
        let server = ground.serve(plain(|environ: Environ, start_response: StartResponse| {
            let mut errors = environ.errors();
            errors.write_all("a first line for the log\nand a se\u{e7}ond, with \u{0} in it".as_bytes())?;
            errors.flush()?;
            Ok(start_response.status(StatusCode::OK).empty())
        }));
        assert_eq!(server.client().ask(get("/")).status(), 200);
        log::line_with(&["a first line for the log"]);
        log::line_with(&["and a se\u{e7}ond, with"]);
    }),
    Case::hosted("failures_before_the_head_are_logged", &[110, 111], |ground| {
        log::catch();
        let server = ground.serve(blocking(|environ: Environ, _: StartResponse| {
            assert!(environ.path_info() == "/error", "a panic that belongs into the log");
            Err("an error that belongs into the log".into())
        }));
        for (target, text) in [("/panic", "a panic that belongs"), ("/error", "an error that belongs")] {
            assert_eq!(server.client().ask(get(target)).status(), 500);
            log::line_with(&["ERROR", text]);
        }
    })
    .breaks(&["A16"]),
    Case::message(
        "a_failed_app_is_told_as_such",
        &[110, 121],
        || BoxApp::new(with_outcome(|_, _| Err("none".into()))),
        |talk| {
            assert_eq!(talk.get("/").answer().status(), 500);
            let outcome = talk.outcome();
            assert_eq!((outcome.fault.as_deref(), outcome.is_whole()), (Some("Error"), false));
            assert_eq!(outcome.status, Some(500));
            assert!(outcome.delivery.starts_with("Whole"), "the 500 itself was sent: {outcome:?}");
        },
    )
    .breaks(&["A16"]),
    // The outcome survives a panic of the app.
    Case::message(
        "the_outcome_of_a_panic_is_told",
        &[119, 121],
        || {
            BoxApp::new(blocking(|environ: Environ, _: StartResponse| {
                Notes::of(&environ).tell_outcome(&environ);
                panic!("after registering")
            }))
        },
        |talk| {
            assert_eq!(talk.post("/").body("").answer().status(), 500);
            assert_eq!(talk.outcome().fault.as_deref(), Some("Panic"));
        },
    )
    .breaks(&["A16"]),
    // What a failed call held is let go before its outcome is told, as nothing of it is needed any more.
    Case::message(
        "what_a_failed_app_held_is_dropped",
        &[110, 111, 119],
        || {
            BoxApp::new(app_fn(|environ: Environ, start_response: StartResponse| {
                let held = Notes::of(&environ).on_drop("dropped");
                async move {
                    let _held = held;
                    fails_by_its_path(environ, start_response)
                }
            }))
        },
        |talk| {
            for target in ["/error", "/panic", "/"] {
                talk.get(target).answer();
                talk.happened("dropped");
                talk.nothing("dropped");
            }
        },
    )
    .breaks(&["A16"]),
    // What the app had begun to say is gone with its error, fields and all.
    Case::message(
        "a_500_has_nothing_of_the_answer_that_failed",
        &[110, 113],
        || {
            BoxApp::new(plain(|_, start_response| {
                let fields =
                    [("x-secret", "of the app"), ("content-type", "text/x"), ("content-length", "3")];
                let started = start_response.start(StatusCode::CREATED, fields)?.body("abc");
                Err(format!("with {started:?} in hand").into())
            }))
        },
        |talk| {
            let answer = talk.get("/").answer();
            assert_eq!(answer.status(), 500);
            let told = format!("{:?} {}", fields(answer.headers()), answer.text());
            for secret in ["x-secret", "of the app", "text/x", "in hand", "abc"] {
                assert!(!told.contains(secret), "{secret} in {told}");
            }
        },
    )
    .breaks(&["A16"]),
    Case::message(
        "a_500_to_head_has_no_content",
        &[110, 84],
        || BoxApp::new(plain(fails_by_its_path)),
        |talk| {
            for target in ["/error", "/panic"] {
                let answer = talk.head(target).answer();
                assert_eq!((answer.status(), answer.body().len()), (500, 0));
            }
            assert_eq!(talk.get("/").answer().text(), "fine");
        },
    )
    .breaks(&["A16"]),
    Case::message(
        "outcome_callbacks_run_in_reverse_order_and_all_of_them",
        &[120],
        || {
            BoxApp::new(plain(|environ, start_response| {
                for number in 0..4 {
                    let notes = Notes::of(&environ);
                    environ.on_outcome(move |outcome| {
                        notes.tell("callback", &(number, outcome.is_whole()));
                        assert!(number != 2, "one callback panics");
                    });
                }
                Ok(start_response.start(StatusCode::OK, TEXT)?.body("x"))
            }))
        },
        |talk| {
            talk.get("/").answer();
            let order: Vec<(u8, bool)> = (0..4).map(|_| talk.note("callback")).collect();
            assert_eq!(order, [(3, true), (2, true), (1, true), (0, true)]);
        },
    ),
    Case::wire(
        "a_server_survives_many_failures_at_once",
        &[110, 111],
        || BoxApp::new(app_fn(async |environ, start_response| fails_by_its_path(environ, start_response))),
        |talk| {
            let mut clients: Vec<_> = (0..24).map(|_| talk.raw()).collect();
            for _ in 0..4 {
                for (index, client) in clients.iter_mut().enumerate() {
                    client.send(talk.raw_get(["/panic", "/error", "/fine"][index % 3]));
                }
                for (index, client) in clients.iter_mut().enumerate() {
                    assert_eq!(client.answer().status(), [500, 500, 200][index % 3]);
                }
            }
        },
    )
    .parallel()
    .breaks(&["A16"]),
];

const SECRET: &str = "secret of a failure";

/// Fails as its path says, or answers `fine`.
fn fails_by_its_path(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    match environ.path_info() {
        "/error" => Err(SECRET.into()),
        "/panic" => panic!("{SECRET}"),
        _ => Ok(start_response.start(StatusCode::OK, TEXT)?.body("fine")),
    }
}

/// Asks for something that must become a 500, twice, then for `/fine`.
fn fails_and_lives_on(talk: &Talk, failing: &[&str]) {
    for target in failing {
        for _ in 0..2 {
            let answer = talk.get(target).answer();
            assert_eq!(answer.status(), 500);
            assert!(!answer.text().contains("secret"), "leaked: {}", answer.text());
            let all = fields(answer.headers());
            assert!(!format!("{all:?}").contains("secret"), "leaked: {all:?}");
        }
        assert_eq!(talk.get("/fine").answer().text(), "fine");
    }
}
