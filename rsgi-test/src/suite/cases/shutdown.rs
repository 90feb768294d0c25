//! The graceful end: what is in flight finishes, what is idle closes, apps are told, and time is bounded.
//!
//! What an app owes then is little: an event stream ends itself when it is told.

use std::net::TcpStream;
use std::time::Duration;

use crate::suite::apps::{plain, target, text};
use crate::suite::case::Case;
use crate::suite::ground::{Ground, Server};
use crate::wire::RawClient;
use crate::wire::bytes::{get, request};
use crate::wire::deadline::{Events, Gate, Teller, events, pause, until};
use rsgi_core::http::StatusCode;
use rsgi_core::{App, Body, Cause, Delivery, Environ, Error, StartResponse, Started, app_fn, blocking};

pub(super) const CASES: &[Case] = &[
    Case::hosted("idle_connections_close_at_once", &[131], idle_connections_close_at_once),
    Case::hosted(
        "what_is_in_flight_finishes_and_its_connection_closes",
        &[131],
        what_is_in_flight_finishes_and_its_connection_closes,
    ),
    Case::hosted("a_body_under_way_is_finished", &[131], a_body_under_way_is_finished),
    Case::hosted("what_the_kernel_had_queued_is_served", &[131], what_the_kernel_had_queued_is_served),
    Case::hosted(
        "an_answer_made_during_the_drain_says_that_it_is_the_last",
        &[131],
        an_answer_made_during_the_drain_says_that_it_is_the_last,
    ),
    Case::hosted("the_limit_cuts_off_an_async_app", &[131], the_limit_cuts_off_an_async_app),
    Case::hosted("the_limit_tells_a_blocking_app", &[131], the_limit_tells_a_blocking_app),
    Case::hosted(
        "the_graceful_setting_is_the_default_limit",
        &[131],
        the_graceful_setting_is_the_default_limit,
    ),
    Case::hosted("a_second_shorter_limit_hurries", &[131], a_second_shorter_limit_hurries),
    Case::hosted("a_second_longer_limit_does_not_delay", &[131], a_second_longer_limit_does_not_delay),
    Case::hosted("an_event_stream_ends_itself_when_told", &[131], an_event_stream_ends_itself_when_told),
    Case::hosted("a_blocking_app_sees_the_drain", &[131], a_blocking_app_sees_the_drain),
    Case::hosted(
        "the_apps_stop_runs_once_behind_the_last_answer",
        &[131],
        the_apps_stop_runs_once_behind_the_last_answer,
    ),
    Case::hosted("dropping_the_server_stops_it_at_once", &[131], dropping_the_server_stops_it_at_once),
    Case::hosted("half_a_request_does_not_hold_up_the_end", &[131], half_a_request_does_not_hold_up_the_end),
    Case::hosted("stopping_twice_is_harmless", &[131], stopping_twice_is_harmless),
    Case::hosted("an_upload_under_way_is_finished", &[131], an_upload_under_way_is_finished),
];

/// A server whose app waits at a gate; tells when a request is inside.
fn gated(
    ground: &Ground,
    change: impl FnOnce(rsgi_core::server::Config) -> rsgi_core::server::Config,
) -> (Server, Gate, Events<()>) {
    let gate = Gate::new();
    let held = gate.clone();
    let (teller, inside) = events();
    let app = app_fn(move |environ: Environ, start_response: StartResponse| {
        let (held, teller) = (held.clone(), teller.clone());
        async move {
            if environ.path_info() == "/held" {
                teller.tell(());
                held.opened().await;
            }
            let target = environ.target().into_owned();
            Ok(start_response.status(StatusCode::OK).body(target))
        }
    });
    (ground.serve_with(app, change), gate, inside)
}

/// Whether nobody accepts at this address any more.
fn is_closed(server: std::net::SocketAddr) -> bool {
    TcpStream::connect(server).is_err()
}

fn idle_connections_close_at_once(ground: &Ground) {
    let server = ground.serve(target());
    let mut used = server.client();
    used.ask(get("/"));
    let mut fresh = server.client();
    // The fresh one is known to be accepted once a later one was served.
    server.client().ask(get("/"));
    let address = server.address();
    server.stop();
    used.expect_closed();
    fresh.expect_end();
    assert!(is_closed(address), "the listener is closed");
}

fn what_is_in_flight_finishes_and_its_connection_closes(ground: &Ground) {
    let (server, gate, inside) = gated(ground, |config| config);
    let mut client = server.client();
    client.send(get("/held"));
    inside.next("the request");
    let address = server.address();
    server.stopper().stop();
    until("the listener closes", || is_closed(address));
    gate.open();
    assert_eq!(client.answer().text(), "/held");
    client.expect_closed();
    server.wait().unwrap();
}

/// An answer whose body is under way is finished too.
fn a_body_under_way_is_finished(ground: &Ground) {
    let gate = Gate::new();
    let held = gate.clone();
    let server = ground.serve(plain(move |_, start_response: StartResponse| {
        let held = held.clone();
        let body = Body::push(move |writer| {
            writer.write_bytes("begun ")?;
            std::io::Write::flush(writer)?;
            held.wait();
            writer.write_bytes("and done")?;
            Ok(())
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let mut client = server.client();
    client.send(get("/")).head();
    client.bytes(5);
    server.stopper().stop();
    gate.open();
    let (rest, _) = client.rest();
    assert!(rest.ends_with(b"8\r\nand done\r\n0\r\n\r\n"), "{:?}", String::from_utf8_lossy(&rest));
    server.wait().unwrap();
}

/// Connections that the kernel had queued are served before the listener closes.
fn what_the_kernel_had_queued_is_served(ground: &Ground) {
    let (server, gate, inside) = gated(ground, |config| config.limits(|limits| limits.connections = 1));
    let mut first = server.client();
    first.send(get("/held"));
    inside.next("the request");
    let mut queued: Vec<RawClient> = (0..3).map(|_| server.client()).collect();
    for client in &mut queued {
        client.send(get("/queued"));
    }
    server.stopper().stop();
    gate.open();
    assert_eq!(first.answer().text(), "/held");
    for client in &mut queued {
        assert_eq!(client.answer().text(), "/queued");
        client.expect_closed();
    }
    server.wait().unwrap();
}

/// An answer that is made after the order to stop says that it is the last on its connection.
fn an_answer_made_during_the_drain_says_that_it_is_the_last(ground: &Ground) {
    let (teller, inside) = events();
    let server = ground.serve(app_fn(move |environ: Environ, start_response: StartResponse| {
        let teller = teller.clone();
        async move {
            teller.tell(());
            // Pending once, whatever has happened by now: the connection looks round before it polls again.
            pause().await;
            environ.drain().begun().await;
            Ok(start_response.status(StatusCode::OK).body("last"))
        }
    }));
    let mut client = server.client();
    client.send(get("/"));
    inside.next("the request");
    server.stopper().stop();
    assert!(client.answer().says_close());
    client.expect_end();
    server.wait().unwrap();
}

/// An async app that doesn't finish is cut off at the limit, and its future dropped.
fn the_limit_cuts_off_an_async_app(ground: &Ground) {
    let (teller, steps) = events();
    let (outcome_teller, outcomes) = events();
    let server = ground.serve(app_fn(move |environ: Environ, _: StartResponse| {
        let (teller, outcome_teller) = (teller.clone(), outcome_teller.clone());
        async move {
            environ.on_outcome(move |outcome| outcome_teller.tell(outcome.clone()));
            let _held = teller.on_drop("dropped");
            teller.tell("running");
            std::future::pending().await
        }
    }));
    let mut client = server.client();
    client.send(get("/"));
    assert_eq!(steps.next("the app"), "running");
    server.stopper().stop_within(Duration::from_millis(200));
    assert_eq!(steps.next("the drop of the app's future"), "dropped");
    assert_eq!(outcomes.next("the outcome").delivery, Delivery::Aborted(Cause::ServerStopped));
    server.wait().unwrap();
    client.rest();
}

/// A blocking app can't be cut off; it is told, and the server doesn't wait for ever.
fn the_limit_tells_a_blocking_app(ground: &Ground) {
    let (teller, causes) = events();
    let server = ground.serve(blocking(move |environ: Environ, start_response: StartResponse| {
        let client = environ.disconnect();
        teller.tell(None);
        until("the server gives up", || client.is_gone());
        teller.tell(client.cause());
        Ok(start_response.status(StatusCode::OK).body("too late"))
    }));
    let mut client = server.client();
    client.send(get("/"));
    assert_eq!(causes.next("the app"), None);
    server.stopper().stop_within(Duration::from_millis(200));
    assert_eq!(causes.next("the cause"), Some(Cause::ServerStopped));
    server.wait().unwrap();
    client.rest();
}

/// The setting is the limit where the call names none.
fn the_graceful_setting_is_the_default_limit(ground: &Ground) {
    let (server, _gate, inside) = gated(ground, |config| {
        config.timeouts(|timeouts| timeouts.graceful = Some(Duration::from_millis(200)))
    });
    let mut client = server.client();
    client.send(get("/held"));
    inside.next("the request");
    server.stop();
    client.rest();
}

fn a_second_shorter_limit_hurries(ground: &Ground) {
    let (server, _gate, inside) = gated(ground, |config| config);
    let mut client = server.client();
    client.send(get("/held"));
    inside.next("the request");
    let stopper = server.stopper();
    stopper.stop_within(Duration::from_hours(1));
    stopper.stop_within(Duration::from_millis(100));
    server.wait().unwrap();
    client.rest();
}

/// A second longer limit gives no more time.
fn a_second_longer_limit_does_not_delay(ground: &Ground) {
    let (server, _gate, inside) = gated(ground, |config| config);
    let mut client = server.client();
    client.send(get("/held"));
    inside.next("the request");
    let stopper = server.stopper();
    stopper.stop_within(Duration::from_millis(100));
    stopper.stop_within(Duration::from_hours(1));
    server.wait().unwrap();
    client.rest();
}

fn an_event_stream_ends_itself_when_told(ground: &Ground) {
    let server = ground.serve(plain(|environ: Environ, start_response: StartResponse| {
        let drain = environ.drain();
        let body = Body::send(async move |sender| {
            sender.send("event\n").await?;
            drain.begun().await;
            sender.send("bye\n").await
        });
        Ok(start_response.status(StatusCode::OK).body(body))
    }));
    let mut client = server.client();
    client.send(get("/")).head();
    assert_eq!(client.bytes(11), b"6\r\nevent\n\r\n".as_slice());
    server.stopper().stop();
    assert_eq!(client.bytes(14), b"4\r\nbye\n\r\n0\r\n\r\n".as_slice());
    client.expect_closed();
    server.wait().unwrap();
}

/// Blocking code polls it.
fn a_blocking_app_sees_the_drain(ground: &Ground) {
    let (teller, running) = events();
    let server = ground.serve(blocking(move |environ: Environ, start_response: StartResponse| {
        let drain = environ.drain();
        teller.tell(drain.has_begun());
        until("the drain begins", || drain.has_begun());
        Ok(start_response.status(StatusCode::OK).body("told"))
    }));
    let mut client = server.client();
    client.send(get("/"));
    assert!(!running.next("the app"));
    server.stopper().stop();
    assert_eq!(client.answer().text(), "told");
    server.wait().unwrap();
}

/// An app that tells of its calls and its end.
struct Ending(Teller<&'static str>);

impl App for Ending {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        let teller = self.0.clone();
        environ.on_outcome(move |_| teller.tell("answered"));
        Ok(start_response.status(StatusCode::OK).body("x"))
    }

    async fn stop(&self) {
        self.0.tell("stopped");
    }
}

/// After the last answer, and bounded.
fn the_apps_stop_runs_once_behind_the_last_answer(ground: &Ground) {
    let (teller, steps) = events();
    let server = ground.serve(Ending(teller));
    let mut clients: Vec<RawClient> = (0..3).map(|_| server.client()).collect();
    for client in &mut clients {
        client.ask(get("/"));
    }
    server.stop();
    let told = steps.to_the_end("the app is released");
    assert_eq!(told, ["answered", "answered", "answered", "stopped"]);
}

fn dropping_the_server_stops_it_at_once(ground: &Ground) {
    let (server, _gate, inside) = gated(ground, |config| config);
    let (address, mut held, mut idle) = (server.address(), server.client(), server.client());
    idle.ask(get("/"));
    held.send(get("/held"));
    inside.next("the request");
    drop(server);
    held.rest();
    idle.rest();
    until("the listener closes", || is_closed(address));
}

/// A connection that only ever said half a request can't hold up the end for long.
fn half_a_request_does_not_hold_up_the_end(ground: &Ground) {
    let server = ground.serve_with(text("x"), |config| {
        config.timeouts(|timeouts| timeouts.graceful = Some(Duration::from_millis(500)))
    });
    let mut client = server.client();
    client.send("GET / HTTP/1.1\r\nhost: te");
    server.client().ask(get("/"));
    server.stop();
    client.rest();
}

/// Stopping what has stopped, and waiting for it, is harmless.
fn stopping_twice_is_harmless(ground: &Ground) {
    let server = ground.serve(text("x"));
    let stopper = server.stopper();
    stopper.stop();
    stopper.stop();
    server.wait().unwrap();
    stopper.stop();
}

/// An upload under way is finished as well.
fn an_upload_under_way_is_finished(ground: &Ground) {
    let (teller, inside) = events();
    let server = ground.serve(app_fn(move |mut environ: Environ, start_response: StartResponse| {
        let teller = teller.clone();
        async move {
            teller.tell(());
            let whole = environ.input_mut().collect(100).await?;
            Ok(start_response.status(StatusCode::OK).body(whole))
        }
    }));
    let mut client = server.client();
    client.send(request("POST", "/", &[("content-length", "6")], b"abc"));
    inside.next("the request");
    server.stopper().stop();
    assert_eq!(client.send("def").answer().text(), "abcdef");
    server.wait().unwrap();
}
