//! What is late on which kind of server, and what comes of it. No test waits for a clock to pass by itself: each waits for
//! what the clock does.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{
    App, Body, BoxApp, Cause, Delivery, Environ, Error, Fault, Middleware, StartResponse, Started, app_fn,
    blocking,
};
use rsgi_test::{Client, Memory};

use super::Timeout;

const SOON: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_hours(1);

fn ok(start_response: StartResponse, body: impl Into<Body>) -> Started {
    start_response.status(StatusCode::OK).body(body)
}

/// An app that never answers.
fn silent() -> impl App {
    app_fn(|_, _| std::future::pending::<Result<Started, Error>>())
}

#[test]
fn an_app_that_waits_too_long_is_dropped_and_answered_for() {
    struct Told(mpsc::Sender<Option<Cause>>, rsgi_core::Disconnect);
    impl Drop for Told {
        fn drop(&mut self) {
            let _sent = self.0.send(self.1.cause());
        }
    }
    for memory in [Memory::new(), Memory::new().threads()] {
        let (teller, told) = mpsc::channel();
        let app = app_fn(move |environ: Environ, _| {
            let held = Told(teller.clone(), environ.disconnect());
            async move {
                std::future::pending::<()>().await;
                drop(held);
                Err::<Started, Error>("never".into())
            }
        });
        let answer = Client::with(Timeout::after(SOON).wrap(app), memory).get("/").answer();
        assert_eq!((answer.status(), answer.text()), (504, "504 Gateway Timeout\n"));
        assert_eq!(told.recv().unwrap(), Some(Cause::TimedOut));
        let outcome = answer.outcome().unwrap();
        assert!(matches!(outcome.delivery, Delivery::Whole(_)), "{outcome:?}");
    }
}

#[test]
fn who_is_in_time_is_let_be() {
    let app = app_fn(|environ: Environ, start_response: StartResponse| async move {
        let left = environ.deadline().ok_or("no deadline")? - environ.arrived();
        Ok(ok(start_response, format!("{left:?}")))
    });
    let answer = Client::new(Timeout::after(LONG).between_pieces(LONG).wrap(app)).get("/").answer();
    assert_eq!(answer.text(), format!("{LONG:?}"));
    let endless = Timeout::after(Duration::MAX).wrap(app_fn(|environ: Environ, start_response| async move {
        Ok(ok(start_response, format!("{:?}", environ.deadline())))
    }));
    assert_eq!(Client::new(endless).get("/").answer().text(), "None");
}

#[test]
fn an_earlier_deadline_stays_and_counts() {
    let nested = Timeout::after(SOON)
        .wrap(Timeout::after(LONG).status(StatusCode::SERVICE_UNAVAILABLE).wrap(silent()));
    let status = Client::new(nested).get("/").answer().status();
    // The same deadline for both: whichever is asked first answers.
    assert!([503, 504].contains(&status), "{status}");
}

// A job that no thread of the pool has taken yet when time is up is forgotten, so the time is stretched until one has begun.
#[test]
fn blocking_code_that_looks_at_its_token_gives_up_and_the_client_is_told() {
    for memory in [Memory::new(), Memory::new().threads()] {
        let (teller, told) = mpsc::channel();
        let app = Arc::new(blocking(move |environ: Environ, _| {
            let _sent = teller.send(None);
            let client = environ.disconnect();
            while client.cause().is_none() {
                thread::yield_now();
            }
            let _sent = teller.send(client.cause());
            Err::<Started, Error>("gave up".into())
        }));
        let begun = (0..12).any(|times| {
            let timeout = Timeout::after(SOON * (1 << times));
            let client = Client::with(timeout.wrap(Arc::clone(&app)), memory.clone());
            let answer = client.get("/").answer();
            assert_eq!((answer.status(), answer.outcome().unwrap().fault), (504, None));
            told.try_recv().is_ok()
        });
        assert!(begun, "no thread took the job");
        assert_eq!(told.recv(), Ok(Some(Cause::TimedOut)));
    }
}

#[test]
fn blocking_code_that_answers_all_the_same_on_a_blocking_server_is_heard() {
    let app = blocking(|environ: Environ, start_response: StartResponse| {
        while !environ.disconnect().is_gone() {
            thread::yield_now();
        }
        Ok(ok(start_response, "late"))
    });
    let answer = Client::new(Timeout::after(SOON).wrap(app)).get("/").answer();
    assert_eq!((answer.status(), answer.text()), (200, "late"));
}

#[test]
fn an_error_in_time_stays_an_error() {
    let app = app_fn(|_, _| async { Err::<Started, Error>("wrong".into()) });
    let answer = Client::new(Timeout::after(LONG).wrap(app)).get("/").answer();
    assert_eq!((answer.status(), answer.outcome().unwrap().fault), (500, Some(Fault::Error)));
}

#[test]
fn a_late_piece_breaks_the_answer_off() {
    let app = app_fn(|_, start_response: StartResponse| async move {
        let body = Body::send(async |sender| {
            sender.send("first ").await?;
            std::future::pending().await
        });
        Ok(ok(start_response, body))
    });
    let client = Client::new(Timeout::after(LONG).between_pieces(SOON).wrap(app));
    let mut open = client.get("/").open().unwrap();
    assert_eq!(open.piece().unwrap().unwrap(), "first ");
    let answer = open.finish();
    assert!(!answer.is_whole());
    assert_eq!(answer.outcome().unwrap().fault, Some(Fault::BodyError));
}

#[test]
fn a_blocking_body_that_is_late_is_told_by_its_token() {
    let app = blocking(|environ: Environ, start_response: StartResponse| {
        let client = environ.disconnect();
        let pieces = ["first ", "second"].into_iter().inspect(move |piece| {
            while *piece == "second" && !client.is_gone() {
                thread::yield_now();
            }
        });
        Ok(ok(start_response, Body::iter(pieces)))
    });
    let answer = Client::new(Timeout::after(LONG).between_pieces(SOON).wrap(app)).get("/").answer();
    assert_eq!(answer.text(), "first second");
}

#[test]
fn bodies_stay_what_they_are() {
    use rsgi_core::http::{HeaderMap, HeaderName};
    const SUM: HeaderName = HeaderName::from_static("x-sum");
    let trailed = || {
        app_fn(|_, start_response: StartResponse| async move {
            let body = Body::send(async |sender| {
                sender.send("abc").await?;
                Ok(())
            });
            let body = body.with_trailers([SUM], || HeaderMap::from_iter([(SUM, 9.into())]));
            Ok(ok(start_response, body))
        })
    };
    let sized = app_fn(|_, start_response: StartResponse| async move {
        let head = start_response.start(StatusCode::OK, [("content-length", "3")])?;
        Ok(head.body(Body::send(async |sender| Ok(sender.send("abc").await?))))
    });
    let file = blocking(|_, start_response: StartResponse| {
        Ok(ok(start_response, Body::reader(&b"abc"[..]).with_length(3)))
    });
    let bounded = |app: BoxApp| Client::new(Timeout::after(LONG).between_pieces(LONG).wrap(app));
    let answer =
        bounded(BoxApp::new(trailed())).get("/").header("te", "trailers").header("connection", "te").answer();
    assert_eq!((answer.text(), answer.trailers().map(|it| it["x-sum"].as_bytes())), ("abc", Some(&b"9"[..])));
    for app in [BoxApp::new(sized), BoxApp::new(file)] {
        let answer = bounded(app).get("/").answer();
        assert_eq!((answer.text(), answer.field("content-length")), ("abc", Some("3")));
    }
}

#[test]
fn an_app_that_is_ready_at_once_starts_no_thread_on_an_async_server() {
    let app = Arc::new(
        Timeout::default().wrap(app_fn(|_, start_response| async { Ok(ok(start_response, "now")) })),
    );
    assert_eq!(Client::with(Arc::clone(&app), Memory::new().threads()).get("/").answer().text(), "now");
    assert!(app.clock.is_at_rest());
}

#[test]
#[should_panic(expected = "must be a 5xx, not 408 Request Timeout")]
fn a_status_that_blames_the_client_is_a_mistake_found_at_boot() {
    let _timeout = Timeout::default().status(StatusCode::REQUEST_TIMEOUT);
}
