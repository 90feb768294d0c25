//! The ends of a server: shutdown, leaving, dropping; and the app's own.

use std::net::TcpListener;
use std::os::fd::AsRawFd as _;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Bind, Config, PortSharing};
use rsgi_core::{App, Cause, Delivery, Environ, Error, Running, StartResponse, Started, app_fn, blocking};
use rsgi_gateway::Options;

use crate::limits::pending;
use crate::served::{Host, PATIENCE, Served, next, nothing_more, told};
use crate::wire::{Client, End, FastCgi, Wire};

fn shutdown<H: Host, W: Wire>(served: &Served<H, W>, limit: Option<Duration>) {
    <H::Server<W::Codec> as Running>::shutdown_by(&served.server.handle(), limit);
}

fn leave<H: Host, W: Wire>(served: &Served<H, W>) {
    <H::Server<W::Codec> as Running>::leave_by(&served.server.handle(), None);
}

fn what_is_in_flight_is_finished<H: Host, W: Wire>() {
    let (open, begins, app) = pending();
    let served = Served::<H, W>::new(app);
    let (mut busy, mut idle) = (served.connect(), served.connect());
    busy.get("/");
    next(&begins);
    served.until(|load| load.connections == 2);
    shutdown(&served, None);
    assert_eq!(idle.closed(), End::Closed);
    open.send(true).unwrap();
    assert_eq!(busy.answer().text(), "done");
    if W::KEEPS {
        assert_eq!(busy.closed(), End::Closed);
    }
    served.server.wait().unwrap();
}

/// A request that was sent before the end began is served, accepted or not.
fn what_the_kernel_had_queued_is_served<H: Host, W: Wire>() {
    let (open, begins, app) = pending();
    let config = Config::new().limits(|limits| limits.connections = 1);
    let served = Served::<H, W>::with(config, app);
    let (mut first, mut queued) = (served.connect(), served.connect());
    first.get("/");
    next(&begins);
    queued.get("/");
    shutdown(&served, None);
    open.send(true).unwrap();
    assert_eq!(first.answer().text(), "done");
    assert_eq!(queued.answer().text(), "done");
    served.server.wait().unwrap();
}

fn a_kept_connection_at_rest_is_closed_by_the_end<H: Host>() {
    let served = Served::<H, FastCgi>::new(blocking(|_: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body("answer"))
    }));
    let mut clients: Vec<_> = (0..50).map(|_| served.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").answer().text(), "answer");
    }
    let start = Instant::now();
    served.end();
    assert!(start.elapsed() < PATIENCE / 2, "it waited for {:?}", start.elapsed());
    for client in &mut clients {
        assert_eq!(client.closed(), End::Closed);
    }
}

/// Never answers, and tells its outcome.
fn hangs(telling: Sender<(String, rsgi_core::Outcome)>, begun: Sender<()>) -> impl App {
    app_fn(move |environ: Environ, _: StartResponse| {
        told(&environ, &telling);
        let begun = begun.clone();
        async move {
            begun.send(())?;
            let () = std::future::pending().await;
            Err::<Started, Error>("never".into())
        }
    })
}

fn what_is_not_done_within_the_limit_is_cut_off<H: Host, W: Wire>() {
    for drops in [false, true] {
        let ((telling, outcomes), (begun, begins)) = (channel(), channel());
        let served = Served::<H, W>::new(hangs(telling, begun));
        let mut client = served.connect();
        client.get("/");
        next(&begins);
        let start = Instant::now();
        if drops {
            drop(served);
        } else {
            shutdown(&served, None);
            shutdown(&served, Some(Duration::from_millis(50)));
            served.server.wait().unwrap();
        }
        assert!(start.elapsed() < PATIENCE / 2, "it took {:?}", start.elapsed());
        assert_eq!(next(&outcomes).1.delivery, Delivery::Aborted(Cause::ServerStopped));
        nothing_more(&outcomes);
        client.closed();
        assert!(client.streams.is_empty());
    }
}

/// An app whose end is told, and may never end.
struct Ending {
    told: Mutex<Sender<&'static str>>,
    hangs: bool,
}

impl App for Ending {
    async fn call(&self, environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
        environ.drain().begun().await;
        self.told.lock().unwrap().send("answered")?;
        Ok(start_response.status(StatusCode::OK).body("the last"))
    }

    async fn stop(&self) {
        self.told.lock().unwrap().send("stopped").unwrap();
        if self.hangs {
            let () = std::future::pending().await;
        }
    }
}

fn an_app_is_told_of_the_end_and_stopped_once_behind_its_last_answer<H: Host, W: Wire>() {
    let (telling, tells) = channel();
    let served = Served::<H, W>::new(Ending { told: Mutex::new(telling), hangs: false });
    let mut client = served.connect();
    client.get("/");
    served.until(|load| load.running == 1);
    shutdown(&served, None);
    assert_eq!(client.answer().text(), "the last");
    served.server.wait().unwrap();
    assert_eq!((next(&tells), next(&tells)), ("answered", "stopped"));
    nothing_more(&tells);
}

fn an_app_that_does_not_stop_is_given_up<H: Host, W: Wire>() {
    let (telling, tells) = channel();
    let served = Served::<H, W>::new(Ending { told: Mutex::new(telling), hangs: true });
    let start = Instant::now();
    shutdown(&served, Some(Duration::from_millis(50)));
    served.server.wait().unwrap();
    assert!(start.elapsed() < PATIENCE / 2);
    assert_eq!(next(&tells), "stopped");
    nothing_more(&tells);
}

/// Who leaves keeps idle connections for one more answer, which is their last.
fn a_server_that_leaves_answers_each_kept_connection_once_more<H: Host>() {
    let served = Served::<H, FastCgi>::new(blocking(|_: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body("answer"))
    }));
    let address = served.address();
    let mut clients: Vec<_> = (0..3).map(|_| served.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").answer().text(), "answer");
    }
    leave(&served);
    served.until(|_| std::net::TcpStream::connect(address).is_err());
    for client in &mut clients {
        assert_eq!(client.get("/").answer().text(), "answer");
        assert_eq!(client.closed(), End::Closed);
    }
    served.server.wait().unwrap();
}

/// What is queued at a listener of its own is served first, as nobody else would.
fn a_server_that_leaves_serves_its_own_queue<H: Host, W: Wire>() {
    let (open, begins, app) = pending();
    let config = Config::new().limits(|limits| limits.connections = 1);
    let served = Served::<H, W>::with(config, app);
    let (mut first, mut queued) = (served.connect(), served.connect());
    first.get("/");
    next(&begins);
    queued.get("/");
    leave(&served);
    open.send(true).unwrap();
    assert_eq!(first.answer().text(), "done");
    // Kept for another answer, it would hold the only place.
    drop(first);
    assert_eq!(queued.answer().text(), "done");
    drop(queued);
    served.server.wait().unwrap();
}

/// What is queued at an inherited one is left to the others.
fn a_server_that_leaves_leaves_a_shared_queue<H: Host, W: Wire>() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (open, begins, app) = pending();
    let config = Config::new().listen(Bind::Fd(listener.as_raw_fd())).limits(|limits| limits.connections = 1);
    let served = Served::<H, W>::of(&config, &Options::default(), app);
    assert_eq!(served.address(), listener.local_addr().unwrap());
    let (mut first, mut queued) = (served.connect(), served.connect());
    first.get("/");
    next(&begins);
    queued.get("/");
    leave(&served);
    open.send(true).unwrap();
    assert_eq!(first.answer().text(), "done");
    drop(first);
    served.server.wait().unwrap();
    let (left, _) = listener.accept().unwrap();
    assert_eq!(left.peer_addr().unwrap(), queued.socket().local_addr().unwrap());
}

/// Unless each process has a queue of its own.
fn a_server_that_leaves_serves_an_inherited_queue_of_its_own<H: Host, W: Wire>() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (open, begins, app) = pending();
    let config = Config::new()
        .listen(Bind::Fd(listener.as_raw_fd()))
        .port_sharing(PortSharing::Shared)
        .limits(|limits| limits.connections = 1);
    let served = Served::<H, W>::of(&config, &Options::default(), app);
    let (mut first, mut queued) = (served.connect(), served.connect());
    first.get("/");
    next(&begins);
    queued.get("/");
    leave(&served);
    open.send(true).unwrap();
    assert_eq!(first.answer().text(), "done");
    // Kept for another answer, it would hold the only place.
    drop(first);
    assert_eq!(queued.answer().text(), "done");
    drop(queued);
    served.server.wait().unwrap();
}

/// A shutdown hurries who leaves.
fn a_shutdown_hurries_a_server_that_leaves<H: Host>() {
    let served = Served::<H, FastCgi>::new(blocking(|_: Environ, start_response: StartResponse| {
        Ok(start_response.status(StatusCode::OK).body("answer"))
    }));
    let mut client: Client<FastCgi> = served.connect();
    assert_eq!(client.get("/").answer().text(), "answer");
    leave(&served);
    shutdown(&served, None);
    assert_eq!(client.closed(), End::Closed);
    served.server.wait().unwrap();
}

everywhere!(
    what_is_in_flight_is_finished,
    what_the_kernel_had_queued_is_served,
    what_is_not_done_within_the_limit_is_cut_off,
    an_app_is_told_of_the_end_and_stopped_once_behind_its_last_answer,
    an_app_that_does_not_stop_is_given_up,
    a_server_that_leaves_serves_its_own_queue,
    a_server_that_leaves_leaves_a_shared_queue,
    a_server_that_leaves_serves_an_inherited_queue_of_its_own,
);
on_both!(
    a_kept_connection_at_rest_is_closed_by_the_end,
    a_server_that_leaves_answers_each_kept_connection_once_more,
    a_shutdown_hurries_a_server_that_leaves,
);
