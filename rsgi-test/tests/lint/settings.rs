//! Where a finding goes, what it says, and what a strict lint does about it.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use rsgi_core::http::StatusCode;
use rsgi_core::{App, Body, Capabilities, Environ, Error, StartResponse, Started, requiring, wait};
use rsgi_test::lint::{Finding, checks, lint};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use crate::asking::{ask, environ, none, once, only};

#[test]
fn a_finding_names_clause_rule_value_and_remedy() {
    // rule(123)
    let app = lint(once(|start_response| Ok(start_response.status(StatusCode::OK).body("abc"))));
    ask(&app, environ());
    let finding = only(&checks::CONTENT_TYPE_MISSING, &app.findings().all());
    assert_eq!((finding.clause(), finding.rule()), ("A10", Some(81)));
    assert_eq!(finding.request.as_ref().unwrap().to_string(), "GET /a HTTP/1.1");
    assert_eq!(
        finding.to_string(),
        "clause A10 (rule 81): content without a Content-Type: 3 bytes; \
         say what it is, `application/octet-stream` if nothing else (GET /a HTTP/1.1)"
    );
    assert_eq!(app.findings().to_string(), format!("{finding}\n"));
}

#[test]
fn a_value_is_shortened_and_escaped() {
    let long = format!("\u{1b}{}", "x".repeat(500));
    let app = lint(once(move |_| Err(long.into())));
    ask(&app, environ());
    let finding = only(&checks::OWN_ERROR, &app.findings().take());
    assert!(finding.value.starts_with("\\u{1b}xxx") && finding.value.len() < 140, "{finding}");
}

#[test]
fn a_sink_gets_each_finding() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let app = lint(once(|start_response| Ok(start_response.status(StatusCode::OK).body("abc"))));
    let app = app.sink(move |finding: &Finding| sink.lock().unwrap().push(finding.clause()));
    ask(&app, environ());
    assert_eq!(*seen.lock().unwrap(), ["A10"]);
}

#[test]
fn each_check_is_reported_once_a_request() {
    let app = lint(once(|start_response| {
        Ok(start_response.status(StatusCode::OK).body(Body::iter(["a", "b", "c"])))
    }));
    ask(&app, environ());
    only(&checks::CONTENT_TYPE_MISSING, &app.findings().take());
    none(&app.findings());
}

#[test]
fn a_strict_lint_answers_500_while_it_can() {
    let app = lint(once(|start_response| Ok(start_response.status(StatusCode::OK).body("abc")))).strict();
    let answer = ask(&app, environ());
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    only(&checks::CONTENT_TYPE_MISSING, &app.findings().take());
}

#[test]
fn a_strict_lint_breaks_a_body_that_is_at_fault() {
    let app =
        lint(once(|start_response| Ok(start_response.status(StatusCode::OK).body(Body::iter(["a", "b"])))));
    let answer = ask(&app.strict(), environ());
    assert!(!answer.whole && answer.body.is_empty());
}

#[test]
fn a_strict_lint_leaves_a_good_answer_alone() {
    let app = lint(once(|start_response| {
        let head = start_response.start(StatusCode::OK, [("content-type", "text/plain")])?;
        Ok(head.header("content-length", 2_u64)?.body(Body::iter(["a", "b"])))
    }));
    let answer = ask(&app.strict(), environ());
    assert!(answer.whole);
    assert_eq!((answer.headers["content-length"].to_str().unwrap(), &answer.body[..]), ("2", &b"ab"[..]));
}

/// Counts its stops.
struct Stopping(Arc<Mutex<i32>>);

impl App for Stopping {
    async fn call(&self, _: Environ, start_response: StartResponse) -> Result<Started, Error> {
        Ok(start_response.status(StatusCode::NO_CONTENT).empty())
    }

    async fn stop(&self) {
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn needs_and_stop_are_passed_on() {
    let stopped = Arc::new(Mutex::new(0));
    let app = lint(requiring(Capabilities::DUPLEX, Stopping(Arc::clone(&stopped))));
    assert_eq!(app.requires(), Capabilities::DUPLEX);
    wait(app.stop());
    assert_eq!(*stopped.lock().unwrap(), 1);
    none(&app.findings());
}

/// Collects events as lines.
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
        metadata.target() == "rsgi::lint"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_finding_is_logged_as_an_error() {
    let lines = Arc::new(Lines::default());
    tracing::subscriber::with_default(Arc::clone(&lines), || {
        let app = lint(once(|start_response| Ok(start_response.status(StatusCode::OK).body("abc"))));
        ask(&app, environ());
    });
    let lines = lines.0.lock().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("ERROR ") && lines[0].contains("clause A10 (rule 81)"), "{lines:?}");
}
