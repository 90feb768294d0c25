//! Step by step: readiness, input, time, a client that vanishes, a server that goes down, a stream handed over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::{Body, Cause, Delivery, Environ, InputErrorKind, Phase, StartResponse, app_fn, blocking};
use rsgi_test::wire::deadline::events;
use rsgi_test::{Client, ClientErrorKind, Framing, Memory, Step};

use crate::apps::{duplex, echo, echo_blocking, never};

#[test]
fn a_stream_is_read_piece_by_piece_as_its_input_is_fed() {
    let client = Client::new(duplex);
    let mut open = client.post("/").by_hand().open().unwrap();
    assert_eq!(open.status(), None);
    assert!(matches!(open.poll(), Step::Head));
    assert_eq!(open.status(), Some(200));
    assert!(matches!(open.poll(), Step::Pending));
    open.feed("one");
    assert!(matches!(open.poll(), Step::Piece(piece) if piece == "one"));
    open.feed("two").end_input();
    assert_eq!(open.piece().unwrap().unwrap(), "two");
    let answer = open.finish();
    assert_eq!((answer.text(), answer.is_whole()), ("onetwo", true));
}

#[test]
fn nothing_runs_until_it_is_polled_and_one_step_pulls_one_piece() {
    let pulled = Arc::new(Mutex::new(0));
    let count = Arc::clone(&pulled);
    let client = Client::new(blocking(move |_, start_response: StartResponse| {
        let count = Arc::clone(&count);
        let endless = std::iter::repeat_with(move || {
            *count.lock().unwrap() += 1;
            "tick"
        });
        Ok(start_response.status(StatusCode::OK).body(Body::iter(endless)))
    }));
    let mut open = client.get("/").open().unwrap();
    assert!(matches!(open.poll(), Step::Head));
    assert_eq!(*pulled.lock().unwrap(), 0);
    for expected in 1..4 {
        assert!(matches!(open.poll(), Step::Piece(_)));
        assert_eq!(*pulled.lock().unwrap(), expected);
    }
    open.vanish();
    assert_eq!(open.outcome().unwrap().phase, Phase::Body);
}

#[test]
fn a_client_that_vanishes_drops_the_future_fires_the_token_and_is_told() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&dropped);
    let (teller, tokens) = events();
    let client = Client::new(app_fn(move |environ: Environ, start_response: StartResponse| {
        let held = Dropped(Arc::clone(&flag));
        teller.tell(environ.disconnect());
        async move {
            std::future::pending::<()>().await;
            drop(held);
            Ok(start_response.status(StatusCode::OK).empty())
        }
    }));
    let mut open = client.get("/").open().unwrap();
    assert!(matches!(open.poll(), Step::Pending));
    open.vanish_by(Cause::Reset);
    assert!(dropped.load(Ordering::SeqCst));
    assert_eq!(tokens.next("the token").cause(), Some(Cause::Reset));
    let outcome = open.outcome().unwrap();
    assert_eq!((outcome.delivery, outcome.phase), (Delivery::Aborted(Cause::Reset), Phase::App));
    assert!(matches!(open.poll(), Step::Broken(error) if error.kind() == ClientErrorKind::Vanished));
    assert!(matches!(open.poll(), Step::Broken(_)), "it never becomes whole");
}

#[test]
fn a_blocking_app_on_a_thread_is_told_that_its_client_has_gone() {
    let (teller, causes) = events();
    let (begun, begins) = events();
    let app = blocking(move |environ: Environ, start_response: StartResponse| {
        begun.tell(());
        teller.tell(rsgi_core::wait(environ.disconnect().gone()));
        Ok(start_response.status(StatusCode::OK).empty())
    });
    let client = Client::with(app, Memory::new().threads());
    let mut open = client.get("/").open().unwrap();
    assert!(matches!(open.poll(), Step::Pending));
    begins.next("the app's begin");
    open.vanish();
    assert_eq!(causes.next("the cause"), Cause::Closed);
}

#[test]
fn time_moved_past_the_deadline_ends_the_request_as_timed_out() {
    let client = Client::new(never);
    let mut open = client.get("/").deadline(Duration::from_secs(5)).open().unwrap();
    assert!(matches!(open.poll(), Step::Pending));
    open.advance(Duration::from_secs(4));
    assert!(open.outcome().is_none() && matches!(open.poll(), Step::Pending));
    open.advance(Duration::from_secs(1));
    assert_eq!(open.outcome().unwrap().delivery, Delivery::TimedOut);
}

#[test]
fn the_deadline_is_in_the_environ() {
    let client = Client::new(app_fn(|environ: Environ, start_response| async move {
        let time = environ.deadline().map(|deadline| deadline - environ.arrived());
        Ok(start_response.status(StatusCode::OK).body(format!("{time:?}")))
    }));
    assert_eq!(client.get("/").deadline(Duration::from_secs(5)).answer().text(), "Some(5s)");
    assert_eq!(client.get("/").answer().text(), "None");
}

#[test]
fn an_event_stream_ends_itself_when_the_server_goes_down() {
    let client = Client::new(app_fn(|environ: Environ, start_response| async move {
        let drain = environ.drain();
        let body = Body::send(async move |sender| {
            drain.begun().await;
            sender.send("bye").await
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let mut open = client.get("/").open().unwrap();
    assert_eq!(open.head().unwrap().status(), 200);
    assert!(matches!(open.poll(), Step::Pending));
    assert_eq!(open.drain().piece().unwrap().unwrap(), "bye");
    assert!(open.finish().is_whole());
    let mut late = client.get("/").open().unwrap();
    assert_eq!(late.head().unwrap().field("connection"), Some("close"));
}

#[test]
fn input_that_breaks_off_is_an_error_of_its_kind() {
    for (kind, status) in [
        (InputErrorKind::Truncated, 400),
        (InputErrorKind::Malformed, 400),
        (InputErrorKind::TimedOut, 408),
        (InputErrorKind::Limit, 413),
    ] {
        let client = Client::new(echo);
        let mut open = client.post("/").by_hand().open().unwrap();
        open.feed("some");
        assert!(matches!(open.poll(), Step::Pending));
        open.break_input(kind);
        assert_eq!(open.finish().status(), status);
    }
}

#[test]
fn a_blocking_app_that_reads_what_nobody_can_feed_fails_and_does_not_hang() {
    let client = Client::new(blocking(echo_blocking));
    assert_eq!(client.post("/").by_hand().open().unwrap().finish().status(), 500);
    let mut fed = client.post("/").by_hand().open().unwrap();
    fed.feed("before").end_input();
    assert_eq!(fed.finish().text(), "before");
}

#[test]
fn a_blocking_app_on_a_thread_waits_for_what_is_fed() {
    let client = Client::with(blocking(echo_blocking), Memory::new().threads());
    let mut open = client.post("/").by_hand().open().unwrap();
    assert!(matches!(open.poll(), Step::Pending));
    open.feed("later").end_input();
    assert_eq!(open.finish().text(), "later");
}

#[test]
fn an_upgraded_stream_gives_both_directions() {
    let client = Client::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let upgrade = environ.upgrade()?.ok_or("no offer")?;
        let body = Body::duplex(environ.take_input(), async |mut input, sender| {
            while let Some(piece) = input.piece().await {
                sender.send(piece?.to_ascii_uppercase()).await?;
            }
            sender.send("BYE").await
        });
        Ok(start_response.upgrade(upgrade, "echo")?.body(body))
    }));
    let request = client.get("/").header("connection", "upgrade").header("upgrade", "echo");
    let mut open = request.open().unwrap();
    let head = open.head().unwrap();
    assert_eq!(
        (head.status(), head.framing(), head.field("upgrade")),
        (101, Framing::Upgraded, Some("echo"))
    );
    let mut tunnel = open.upgraded().unwrap();
    assert_eq!(tunnel.send("hello").exactly(3), "HEL");
    assert_eq!(tunnel.receive().unwrap().unwrap(), "LO");
    tunnel.end();
    assert_eq!(tunnel.receive().unwrap().unwrap(), "BYE");
    assert!(tunnel.receive().is_none());
    drop(tunnel);
    assert!(open.outcome().unwrap().is_whole());
}

/// What is sent before the stream is there is content, and what is sent by it isn't, whether the test ended the content or not;
/// the stream's end is the app's to see. It used to end the content instead, and the app waited for ever.
#[test]
fn a_stream_behind_content_by_hand_ends_as_any_other() {
    let client = Client::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let upgrade = environ.upgrade()?.ok_or("no offer")?;
        let mut input = environ.take_input();
        let first = input.piece().await.ok_or("no content")??;
        let body = Body::duplex(input, async move |mut input, sender| {
            sender.send(first).await?;
            while let Some(piece) = input.piece().await {
                sender.send(piece?.to_ascii_uppercase()).await?;
            }
            sender.send("BYE").await
        });
        Ok(start_response.upgrade(upgrade, "echo")?.body(body))
    }));
    for ends_content in [true, false] {
        let request = client.post("/").header("connection", "upgrade").header("upgrade", "echo");
        let mut open = request.by_hand().open().unwrap();
        open.feed("content");
        if ends_content {
            open.feed("left unread").end_input();
        }
        assert_eq!(open.head().unwrap().status(), 101);
        let mut tunnel = open.upgraded().unwrap();
        assert_eq!(tunnel.exactly(7), "content");
        assert_eq!(tunnel.send("hello").exactly(5), "HELLO");
        assert_eq!(tunnel.end().exactly(3), "BYE");
        assert!(tunnel.receive().is_none());
    }
}

#[test]
fn an_extended_connect_gives_both_directions_on_http2() {
    let client = Client::new(app_fn(|mut environ: Environ, start_response: StartResponse| async move {
        let upgrade = environ.upgrade()?.ok_or("no offer")?;
        let mut input = environ.take_input();
        let first = input.piece().await;
        assert!(first.is_none(), "nothing but the stream comes, and that not yet");
        let body = Body::duplex(input, async |mut input, sender| {
            while let Some(piece) = input.piece().await {
                sender.send(piece?).await?;
            }
            Ok(())
        });
        Ok(start_response.upgrade(upgrade, "websocket")?.body(body))
    }));
    let mut open = client.request("CONNECT", "/chat").protocol("websocket").open().unwrap();
    assert_eq!(open.head().unwrap().status(), 200);
    assert_eq!(open.upgraded().unwrap().send("ping").exactly(4), "ping");
}

#[test]
fn a_refused_upgrade_is_an_answer_like_any_other() {
    let client = Client::new(duplex);
    let request = client.get("/").header("connection", "upgrade").header("upgrade", "echo");
    let mut open = request.open().unwrap();
    assert_eq!(open.head().unwrap().status(), 200);
    assert!(open.upgraded().is_none());
}
