//! Deliberately wrong middleware: each must be caught, or a middleware that passes proves nothing.

use std::time::Duration;

use rsgi_core::http::{HeaderMap, StatusCode};
use rsgi_core::{
    App, Body, BoxApp, Capabilities, Environ, Error, Middleware, StartResponse, Started, around,
    change_answer,
};

use super::cases::cases;
use super::run::{Subject, Verdict};
use super::within::Within;
use crate::wire::deadline::hurried;

/// Whether a case catches it. One case and not all: what never comes to its end there has been caught by another before.
#[track_caller]
fn is_caught(within: &Within, by: &str) {
    let case = cases().find(|case| case.name == by).expect("a case of that name");
    let right = Subject::Memory;
    let facts = right.facts();
    assert_eq!(right.run(case, &facts), Verdict::Pass);
    let verdict = hurried(HURRIED, || Subject::Middleware(within.clone()).run(case, &facts));
    assert!(matches!(verdict, Verdict::Fail(_)), "{} at {by}: {verdict:?}", within.name());
}

#[test]
fn middleware_that_changes_nothing_passes() {
    let within = Within::new("nothing", || change_answer(|_| Ok(())));
    let subject = Subject::Middleware(within.clone());
    let facts = subject.facts();
    for case in cases() {
        let verdict = subject.run(case, &facts);
        assert!(matches!(verdict, Verdict::Pass | Verdict::NotAdvertised(_)), "{}: {verdict:?}", case.name);
    }
    assert_eq!(within.passes_stop_and_needs(), Ok(()));
}

// rule(108)
#[test]
fn middleware_that_collects_a_stream_is_caught() {
    let collects = || {
        change_answer(|started: &mut Started| {
            let gathered = Gathered(Vec::new());
            *started =
                swap(started, |body| if body.as_bytes().is_some() { body } else { body.map(gathered) });
            Ok(())
        })
    };
    is_caught(&Within::new("collects", collects), "a_sent_piece_arrives_before_the_next_is_made");
}

/// Changes an answer's body where it lies; a length that the app declared stays.
fn swap(started: &mut Started, change: impl FnOnce(Body) -> Body) -> Started {
    let head = StartResponse::new().status(started.status());
    let mut next = head.body(change(started.take_body()));
    for (name, value) in started.headers() {
        let _kept = next.fields_mut().append(name.clone(), value.clone());
    }
    next
}

/// Keeps all of a body back until its end.
struct Gathered(Vec<u8>);

impl rsgi_core::Change for Gathered {
    fn piece(&mut self, piece: rsgi_core::bytes::Bytes) -> Result<rsgi_core::bytes::Bytes, Error> {
        self.0.extend_from_slice(&piece);
        Ok(rsgi_core::bytes::Bytes::new())
    }

    fn finish(&mut self) -> Result<rsgi_core::bytes::Bytes, Error> {
        Ok(std::mem::take(&mut self.0).into())
    }
}

#[test]
fn middleware_that_drops_trailers_is_caught() {
    let drops = || {
        change_answer(|started: &mut Started| {
            if !started.body().announced_trailers().is_empty() {
                *started = swap(started, |body| body.with_trailers([], HeaderMap::new));
            }
            Ok(())
        })
    };
    is_caught(&Within::new("drops trailers", drops), "every_kind_of_stream_may_end_in_trailers");
}

#[test]
fn middleware_that_reads_the_input_itself_is_caught() {
    let reads = || {
        around(|mut environ: Environ, start_response: StartResponse, next| async move {
            let _taken = environ.input_mut().piece().await;
            next.call(environ, start_response).await
        })
    };
    is_caught(&Within::new("reads", reads), "a_body_with_a_length_ends_at_it");
}

#[test]
fn middleware_that_hides_an_error_behind_an_answer_is_caught() {
    let hides = || {
        around(|environ, start_response: StartResponse, next| async move {
            let again = start_response.clone();
            let answered = next.call(environ, start_response).await;
            answered.or_else(|_| Ok(again.status(StatusCode::OK).body("all is well\n")))
        })
    };
    is_caught(
        &Within::new("hides errors", hides),
        "an_error_before_the_head_is_a_500_and_the_connection_lives",
    );
}

#[test]
fn middleware_that_swallows_stop_or_needs_is_caught() {
    let swallows = Within::new("swallows", || Swallows { needs: Capabilities::NONE });
    assert!(swallows.passes_stop_and_needs().is_err_and(|told| told.starts_with("its app requires")));
    let stopless =
        Within::new("stopless", || Swallows { needs: Capabilities::TRAILERS | Capabilities::UPGRADE });
    assert!(stopless.passes_stop_and_needs().is_err_and(|told| told.contains("stopped 0 times")));
}

/// Passes neither on; says some needs of its own.
struct Swallows {
    needs: Capabilities,
}

struct SwallowsApp {
    needs: Capabilities,
    inner: BoxApp,
}

impl Middleware<BoxApp> for Swallows {
    type App = SwallowsApp;

    fn wrap(self, inner: BoxApp) -> SwallowsApp {
        SwallowsApp { needs: self.needs, inner }
    }
}

impl App for SwallowsApp {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        self.inner.call(environ, start_response).await
    }

    fn requires(&self) -> Capabilities {
        self.needs
    }
}

/// How long a wrong one is waited for.
const HURRIED: Duration = Duration::from_secs(1);
