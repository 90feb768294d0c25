//! Clients that leave while the app runs: what it is told, what is dropped and how often, and what the outcome says.
//!
//! Clients that leave while a body is sent are in `lifetime_of_bodies.rs`; those that are slow in `limits_of_time.rs`
//! and `backpressure.rs`.

use std::thread;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, HalfClose};
use rsgi_core::{Body, BoxApp, Cause, Delivery, Environ, Error, StartResponse, Started, app_fn, blocking};

use crate::suite::apps::{TEXT, plain, watching};
use crate::suite::case::Case;
use crate::suite::ground::{Ground, Server};
use crate::suite::notes::{Notes, Told};
use crate::suite::talk::{Talk, Way};
use crate::wire::RawClient;
use crate::wire::bytes::get;
use crate::wire::deadline::{Events, events, until};
use crate::{Open, Step};

pub(super) const CASES: &[Case] = &[
    // However its client goes, over whatever protocol; an app that never answers is the client's to leave.
    Case::message("an_async_app_is_dropped_when_its_client_vanishes", &[115, 114, 119], endless, |talk| {
        for _ in 0..2 {
            let mut open = talk.get("/").open().unwrap();
            running(talk, &mut open);
            open.vanish();
            let outcome = left(talk);
            assert!(talk.way() == Way::Http2 || outcome.delivery == "Aborted(Closed)", "{outcome:?}");
        }
    })
    .on_tcp()
    .parallel(),
    Case::message(
        "an_async_app_is_dropped_when_its_client_vanishes_by_a_reset",
        &[115, 119],
        endless,
        |talk| {
            let mut open = talk.get("/").open().unwrap();
            running(talk, &mut open);
            open.vanish_by(Cause::Reset);
            assert_eq!(left(talk).delivery, "Aborted(Reset)");
        },
    )
    .on_tcp()
    .parallel(),
    Case::wire("an_async_app_is_dropped_when_its_client_closes", &[115, 117], endless, |talk| {
        leaves(talk, talk.raw_get("/"), drop, Cause::Closed);
    })
    .on_tcp()
    .parallel(),
    // A FIN alone counts as gone, as nothing tells it from a close.
    Case::wire("an_async_app_is_dropped_when_its_client_half_closes", &[115, 117], endless, |talk| {
        let mut kept = None;
        let half_close = |mut client: RawClient| {
            client.half_close();
            kept = Some(client);
        };
        leaves(talk, talk.raw_get("/"), half_close, Cause::Closed);
    })
    .parallel(),
    Case::wire("an_async_app_is_dropped_when_its_client_resets", &[115], endless, |talk| {
        leaves(talk, talk.raw_get("/"), RawClient::reset, Cause::Reset);
    })
    .on_tcp()
    .parallel(),
    // hyper alone doesn't see a client go while its body is unread; the adapter must.
    Case::wire("a_client_with_an_unread_body_is_seen_to_leave", &[115], endless, |talk| {
        let half = talk.raw_request("POST", "/", &[("content-length", "10")], b"abc");
        leaves(talk, half, RawClient::reset, Cause::Reset);
        leaves(talk, talk.raw_post("/", b"abc"), drop, Cause::Closed);
    })
    .on_tcp()
    .parallel(),
    // Nor with a second request behind the first.
    Case::wire("a_client_with_a_pipelined_request_is_seen_to_leave", &[115], endless, |talk| {
        leaves(talk, [talk.raw_get("/"), talk.raw_get("/next")].concat(), RawClient::reset, Cause::Reset);
    })
    .on_tcp()
    .parallel(),
    // Blocking code can't be dropped; it polls the token.
    Case::wire(
        "a_blocking_app_is_told_that_its_client_left",
        &[115, 117],
        || BoxApp::new(blocking(until_the_client_has_gone)),
        |talk| {
            for (leave, cause) in [(drop as fn(RawClient), Cause::Closed), (RawClient::reset, Cause::Reset)] {
                let mut client = talk.raw();
                client.send(talk.raw_get("/"));
                talk.happened("running");
                leave(client);
                assert_eq!(talk.note::<String>("cause"), format!("{cause:?}"));
                assert_eq!(talk.outcome().delivery, format!("Aborted({cause:?})"));
            }
        },
    )
    .on_tcp()
    .parallel(),
    // Whether it looks at the token or not, its answer isn't whole. Of bytes nothing is promised.
    Case::wire(
        "a_blocking_apps_answer_to_nobody_is_not_whole",
        &[115, 117],
        || BoxApp::new(blocking(answers_nobody)),
        |talk| {
            for target in ["/bytes", "/iterator", "/nothing"] {
                let mut client = talk.raw();
                client.send(talk.raw_get(target));
                talk.happened("running");
                client.half_close();
                talk.happened("gone");
                talk.open(target);
                let outcome = talk.outcome();
                assert_eq!(outcome.delivery, "Aborted(Closed)", "{target}: {outcome:?}");
                client.rest();
            }
        },
    )
    .on_tcp()
    .parallel(),
    // A FIN that came with the request is told, too. An answer made at once may be sent all the same, and the outcome
    // says whether it was; an async app may be dropped before it has run at all, and has no outcome then.
    Case::wire(
        "a_fin_behind_the_request_is_no_lie_in_the_outcome",
        &[117, 121],
        || BoxApp::new(plain(tells_its_outcome_by_its_path)),
        |talk| {
            let mut unanswered = Vec::new();
            for number in 0..20 {
                let target = format!("/{number}");
                let mut client = talk.raw();
                client.send(talk.raw_get(&target)).half_close();
                match client.try_answer("GET") {
                    Ok(answer) => {
                        let outcome: Told = talk.note(&target);
                        assert!(outcome.is_whole() && answer.text() == "at once", "{outcome:?}, {answer:?}");
                    }
                    Err(_) => unanswered.push(target),
                }
            }
            for target in unanswered {
                if let Some(outcome) = talk.note_within::<Told>(&target, Duration::from_millis(50)) {
                    assert_eq!(outcome.delivery, "Aborted(Closed)");
                }
            }
        },
    )
    .on_tcp()
    .parallel(),
    // Async code may await the token beside its work, and whoever keeps it learns of the end.
    Case::message("the_token_outlives_the_app", &[115], token_kept, |talk| {
        let mut open = talk.get("/").open().unwrap();
        running(talk, &mut open);
        talk.nothing("cause");
        open.vanish();
        let cause: String = talk.note("cause");
        assert!(talk.way() == Way::Http2 || cause == "Closed", "{cause}");
    })
    .on_tcp()
    .parallel(),
    // An app that awaits the token has nobody to answer, but may still do what it has to.
    Case::message(
        "the_token_is_quiet_while_the_client_stays",
        &[115],
        || {
            BoxApp::new(app_fn(async |environ: Environ, start_response: StartResponse| {
                let client = environ.disconnect();
                let gate = Notes::of(&environ).gate("late");
                Notes::of(&environ).tell("running", &());
                gate.opened().await;
                let told = format!("{:?} {}", client.cause(), client.is_gone());
                Ok(start_response.start(StatusCode::OK, TEXT)?.body(told))
            }))
        },
        |talk| {
            let mut open = talk.get("/").open().unwrap();
            running(talk, &mut open);
            talk.open("late");
            assert_eq!(open.finish().text(), "None false");
        },
    )
    .parallel(),
    Case::hosted("with_half_close_the_answer_is_still_sent", &[117], |ground| {
        let (server, running, gate) = answers_late(ground);
        let mut client = server.client();
        client.send(get("/")).half_close();
        let token = running.next("the app");
        client.expect_silence();
        assert_eq!(token.cause(), None);
        gate.open();
        assert_eq!(client.answer().text(), "in time");
        client.expect_closed();
    }),
    Case::hosted("with_half_close_a_reset_still_counts", &[117], |ground| {
        let (server, running, _gate) = answers_late(ground);
        let mut client = server.client();
        client.send(get("/"));
        let token = running.next("the app");
        client.reset();
        until("the token fires", || token.cause() == Some(Cause::Reset));
    }),
    Case::hosted("with_half_close_a_reset_drops_an_async_app", &[117, 119], |ground| {
        let (teller, dropped) = events();
        let (outcome_teller, outcomes) = events();
        let (entered, inside) = events();
        let app = app_fn(move |environ: Environ, _: StartResponse| {
            let (dropped, entered) = (Dropped(teller.clone()), entered.clone());
            let outcomes = outcome_teller.clone();
            environ.on_outcome(move |outcome| outcomes.tell(outcome.clone()));
            async move {
                let _held = dropped;
                entered.tell(());
                std::future::pending().await
            }
        });
        let server = ground.serve_with(app, half_closed);
        let mut client = server.client();
        client.send(get("/"));
        inside.next("the app");
        client.reset();
        dropped.next("the drop of the app's future");
        assert_eq!(outcomes.next("the outcome").delivery, Delivery::Aborted(Cause::Reset));
    }),
    // A client that leaves before its head is complete, or before it sends anything, disturbs nobody.
    Case::wire("clients_that_leave_early_disturb_nobody", &[115], watching, |talk| {
        let half = format!("GET {} HTTP/1.1\r\nhost: te", talk.at("/"));
        let unread = talk.raw_request("POST", "/", &[("content-length", "5")], b"ab");
        for leave in [drop as fn(RawClient), RawClient::reset] {
            for start in [b"".as_slice(), b"GET / HT", half.as_bytes(), &unread] {
                let mut client = talk.raw();
                client.send(start);
                leave(client);
            }
            assert_eq!(talk.raw().ask(talk.raw_get("/")).text(), "seen");
        }
    }),
];

/// Tells when it is dropped.
struct Dropped(crate::wire::deadline::Teller<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.tell(());
    }
}

/// An async app that never answers; tells that it runs, that its future is dropped, and the outcome.
fn endless() -> BoxApp {
    BoxApp::new(app_fn(async |environ: Environ, _: StartResponse| {
        let notes = Notes::of(&environ);
        notes.tell_outcome(&environ);
        let _held = notes.on_drop("dropped");
        notes.tell("running", &());
        std::future::pending().await
    }))
}

/// An async app that never answers; somebody else keeps its token.
fn token_kept() -> BoxApp {
    BoxApp::new(app_fn(async |environ: Environ, _: StartResponse| {
        let (notes, client) = (Notes::of(&environ), environ.disconnect());
        notes.tell("running", &());
        thread::spawn(move || {
            until("the token fires", || client.is_gone());
            let cause = client.cause().map(|cause| format!("{cause:?}"));
            notes.tell("cause", &cause);
        });
        std::future::pending().await
    }))
}

fn until_the_client_has_gone(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let (notes, client) = (Notes::of(&environ), environ.disconnect());
    notes.tell_outcome(&environ);
    assert_eq!(client.cause(), None);
    notes.tell("running", &());
    until("the client has gone", || client.is_gone());
    notes.tell("cause", &client.cause().map(|cause| format!("{cause:?}")));
    Ok(start_response.start(StatusCode::OK, TEXT)?.body("to nobody"))
}

fn tells_its_outcome_by_its_path(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let (notes, path) = (Notes::of(&environ), environ.path_info().to_owned());
    environ.on_outcome(move |outcome| notes.tell(&path, &Told::of(outcome)));
    Ok(start_response.start(StatusCode::OK, TEXT)?.body("at once"))
}

/// A blocking app that answers when the gate of its path opens; somebody else looks at the token.
fn answers_nobody(environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
    let (notes, client) = (Notes::of(&environ), environ.disconnect());
    notes.tell_outcome(&environ);
    notes.tell("running", &());
    let gate = notes.gate(environ.path_info());
    thread::spawn(move || {
        until("the token fires", || client.cause() == Some(Cause::Closed));
        notes.tell("gone", &());
    });
    gate.wait();
    let body = match environ.path_info() {
        "/bytes" => Body::from("to nobody"),
        "/iterator" => Body::iter(["to ", "nobody"]),
        _ => Body::iter(std::iter::empty::<&'static str>()),
    };
    Ok(start_response.start(StatusCode::OK, TEXT)?.body(body))
}

/// Lets an app that waits run as far as it comes.
pub(super) fn running(talk: &Talk, open: &mut Open) {
    if talk.way() == Way::Memory {
        assert!(matches!(open.poll(), Step::Pending), "the app waits");
    }
    talk.happened("running");
}

/// What is told of an endless app when its client has left.
fn left(talk: &Talk) -> Told {
    talk.happened("dropped");
    let outcome = talk.outcome();
    assert!(outcome.is_aborted(), "{outcome:?}");
    assert_eq!((&*outcome.phase, outcome.status, outcome.body_bytes), ("App", None, 0), "{outcome:?}");
    talk.nothing("dropped");
    outcome
}

/// A client that leaves in this way, with its requests sent and the app running.
fn leaves(talk: &Talk, bytes: impl AsRef<[u8]>, leave: impl FnOnce(RawClient), cause: Cause) {
    let mut client = talk.raw();
    client.send(bytes);
    talk.happened("running");
    leave(client);
    assert_eq!(left(talk).delivery, format!("Aborted({cause:?})"));
}

fn half_closed(config: Config) -> Config {
    config.half_close(HalfClose::Answered)
}

/// A server that answers a client which half closed, once the gate is open; it gives its token first.
fn answers_late(ground: &Ground) -> (Server, Events<rsgi_core::Disconnect>, crate::wire::deadline::Gate) {
    let gate = crate::wire::deadline::Gate::new();
    let held = gate.clone();
    let (teller, running) = events();
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let (held, teller) = (held.clone(), teller.clone());
        async move {
            teller.tell(environ.disconnect());
            held.opened().await;
            Ok(start_response.start(StatusCode::OK, TEXT)?.body("in time"))
        }
    });
    (ground.serve_with(app, half_closed), running, gate)
}
