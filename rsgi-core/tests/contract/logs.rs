//! What the log gets: the app's error lines, and every fault that the client isn't told of.

use std::fmt::{Debug, Write as _};
use std::io::Write;
use std::sync::{Arc, Mutex};

use rsgi_core::http::{Request, Response, StatusCode};
use rsgi_core::{
    Body, Connection, Endpoint, Environ, ErrorSink, Exchange, Input, StartResponse, Started, app_fn, blocking,
};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use crate::asking::{ask, get, plain, request};

/// Collects events as lines: level, fields.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _infallible = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("rsgi")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// What is logged while `work` runs on this thread.
fn logged(work: impl FnOnce()) -> Vec<String> {
    let lines = Arc::new(Lines::default());
    tracing::subscriber::with_default(Arc::clone(&lines), work);
    std::mem::take(&mut lines.0.lock().unwrap())
}

/// Asserts that one line holds all of `parts`.
fn assert_told(lines: &[String], parts: &[&str]) {
    let told = lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(told, "{parts:?} in {lines:#?}");
}

#[test]
fn an_apps_error_and_its_sources_are_logged_with_the_requests_number() {
    // rule(110)
    let lines = logged(|| {
        ask(
            &app_fn(|_, _| async {
                let inner = std::io::Error::other("disk on fire");
                Err::<Started, _>(
                    rsgi_core::InputError::new(rsgi_core::InputErrorKind::Other).with_source(inner).into(),
                )
            }),
            get(),
        );
    });
    assert_told(
        &lines,
        &["ERROR rsgi", "request body unreadable: disk on fire", "connection=0", "request=0"],
    );
}

#[test]
fn a_panic_is_logged_with_its_text() {
    // rule(111)
    let lines = logged(|| drop(ask(&blocking(|_, _| panic!("secret {}", 7)), get())));
    assert_told(&lines, &["ERROR rsgi", "secret 7", "app panicked: answered 500"]);
}

#[test]
fn tokios_panic_gets_a_hint_that_names_the_feature() {
    let app = app_fn(|_, _| async {
        panic!("there is no reactor running, must be called from the context of a Tokio 1.x runtime")
    });
    let lines = logged(|| drop(ask(&app, get())));
    assert_told(&lines, &["feature `tokio`"]);
}

#[test]
fn nothing_of_an_answer_vanishes_silently() {
    type Answers = fn(StartResponse) -> Result<Started, rsgi_core::Error>;
    let cases: [(&str, Answers, &[&str]); 9] = [
        (
            "surplus",
            |start| Ok(start.status(StatusCode::OK).body(Body::iter(["abc"]).with_length(2))),
            &["ERROR", "longer"],
        ),
        (
            "missing",
            |start| Ok(start.status(StatusCode::OK).body(Body::iter(["abc"]).with_length(4))),
            &["ERROR", "shorter", "sent=3", "declared=4"],
        ),
        (
            "error",
            |start| Ok(start.status(StatusCode::OK).body(Body::iter([Err::<&str, _>("ill")]))),
            &["ERROR", "ill"],
        ),
        (
            "panic",
            |start| {
                Ok(start
                    .status(StatusCode::OK)
                    .body(Body::iter([0].map(|_| -> &str { "x" }).into_iter().inspect(|_| panic!("ill")))))
            },
            &["ERROR", "ill"],
        ),
        ("refused", |start| Ok(start.status(StatusCode::CONTINUE).empty()), &["ERROR", "refused"]),
        (
            "204",
            |start| Ok(start.start(StatusCode::NO_CONTENT, [("content-length", "5")])?.empty()),
            &["WARN", "content-length of a 204"],
        ),
        (
            "204 body",
            |start| Ok(start.status(StatusCode::NO_CONTENT).body("lost")),
            &["WARN", "204", "content"],
        ),
        (
            "205 body",
            |start| Ok(start.status(StatusCode::RESET_CONTENT).body("lost")),
            &["WARN", "205", "content"],
        ),
        (
            "hop-by-hop",
            |start| Ok(start.respond(Response::builder().header("keep-alive", "x").body(Body::empty())?)?),
            &["WARN", "keep-alive"],
        ),
    ];
    for (name, answer, parts) in cases {
        let lines = logged(|| drop(ask(&app_fn(move |_, start| async move { answer(start) }), get())));
        assert_told(&lines, parts);
        let head =
            logged(|| drop(ask(&app_fn(move |_, start| async move { answer(start) }), request("HEAD", "/"))));
        assert!(
            !head.iter().any(|line| line.contains("shorter") || line.contains("longer")),
            "{name}: {head:?}"
        );
    }
}

/// A gateway's error stream.
#[derive(Default)]
struct Stream(Mutex<Vec<Vec<u8>>>);

impl ErrorSink for Stream {
    fn write(&self, text: &[u8]) {
        self.0.lock().unwrap().push(text.to_vec());
    }
}

#[test]
fn lines_of_the_error_stream_stay_whole() {
    let stream = Arc::new(Stream::default());
    let unnamed = Endpoint::unix(None, None);
    let mut connection = Connection::new(Arc::new(plain()), 1, unnamed.clone(), unnamed);
    connection.errors = Some(Arc::clone(&stream) as Arc<dyn ErrorSink>);
    let (head, input) = Request::new(Input::empty()).into_parts();
    let environ = Environ::new(head, input, Exchange::new(Arc::new(connection)));
    let mut errors = environ.errors();
    for piece in ["one ", "line\ntwo", "\nthr", "ee"] {
        errors.write_all(piece.as_bytes()).unwrap();
    }
    assert_eq!(*stream.0.lock().unwrap(), [&b"one line\n"[..], b"two\n"]);
    errors.flush().unwrap();
    errors.write_all(b"four").unwrap();
    drop(errors);
    assert_eq!(stream.0.lock().unwrap()[2..], [&b"three"[..], b"four"]);
    let mut long = environ.errors();
    long.write_all(&vec![b'x'; 100_000]).unwrap();
    assert_eq!(stream.0.lock().unwrap().last().map(Vec::len), Some(100_000), "nothing grows for ever");
}

#[test]
fn without_a_stream_of_the_gateways_error_lines_go_to_the_log() {
    let lines = logged(|| {
        let environ = Environ::on_server(Request::new(Input::empty()), plain());
        writeln!(environ.errors(), "odd\n\nvery odd \u{e9}").unwrap();
        environ.errors().write_all(b"\xff unfinished").unwrap();
    });
    assert_eq!(lines.len(), 3);
    assert_told(&lines, &["ERROR rsgi::errors", "message=odd"]);
    assert_told(&lines, &["very odd é"]);
    assert_told(&lines, &["\u{fffd} unfinished"]);
}
