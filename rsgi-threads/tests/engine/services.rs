//! A service: by core's settings, with the app's end, as every adapter on the engine starts it.
//!
//! What the engine does in it is the other files' matter.
//!
//! Invariant: see `main.rs`.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rsgi_core::{App, Drain, Endpoint, Environ, Error, Running as _, StartResponse, Started, server};
use rsgi_threads::{Address, Config, Hangup, Pending, Service, ServiceParts, open_listeners};

use crate::lines::{Answer, Call, Event, Lines, Settings};
use crate::server::{Client, Gate, LONG, blocking_at, echo, over_both_pollers};

/// Says when it is stopped.
struct Stopping(Mutex<Sender<Event>>);

impl App for Stopping {
    async fn call(&self, _: Environ, _: StartResponse) -> Result<Started, Error> {
        Err("the lines ask no app".into())
    }

    async fn stop(&self) {
        self.0.lock().unwrap().send(Event::Stopped).unwrap();
    }
}

/// A service of lines, and what it is seen by.
struct Lined {
    service: Service,
    drain: Drain,
    pending: Pending,
    events: Receiver<Event>,
}

fn start(
    engine: Config,
    graceful: Option<Duration>,
    handler: impl Fn(Call<'_>) -> Answer + Send + Sync + 'static,
) -> Lined {
    let (sender, events) = mpsc::channel();
    let settings = Settings::default();
    let lines = Lines { handler: Box::new(handler), events: Mutex::new(sender.clone()), settings };
    let (drain, pending) = (Drain::default(), Pending::default());
    let (listeners, places) = open_listeners(&server::Config::new().bind("127.0.0.1:0").unwrap()).unwrap();
    assert!(places[0].is_tcp());
    let parts = ServiceParts {
        protocol: Arc::new(lines),
        app: Arc::new(Stopping(Mutex::new(sender))),
        listeners,
        engine,
        drain: drain.clone(),
        pending: pending.clone(),
        graceful,
    };
    Lined { service: Service::start(parts).unwrap(), drain, pending, events }
}

impl Lined {
    fn connect(&self) -> Client {
        let Endpoint::Tcp(address) = self.service.addresses()[0] else { panic!("it listens on TCP") };
        Client::connect(&Address::Ip(address))
    }
}

/// All that is still to be told; the service is over.
fn rest(events: &Receiver<Event>) -> Vec<Event> {
    events.iter().collect()
}

over_both_pollers! {
    fn a_graceful_end_is_told_and_the_app_stops_last(config) {
        let gate = Gate::default();
        let lined = start(config.threads(2), None, blocking_at(&gate));
        let mut client = lined.connect();
        client.send("block");
        gate.await_waiting(1);
        let handle = lined.service.handle();
        let parked = lined.pending.park();
        let load = handle.load();
        assert_eq!((load.connections, load.running, load.waiting, load.accepted), (1, 2, 0, 1));
        drop(parked);
        assert!(!handle.is_draining());
        handle.shutdown(None);
        assert!(handle.is_draining() && lined.drain.has_begun());
        gate.open(1);
        assert_eq!(client.line(), "block");
        lined.service.wait().unwrap();
        let rest = rest(&lined.events);
        assert_eq!(rest.last(), Some(&Event::Stopped), "{rest:?}");
        assert!(rest.contains(&Event::Dropped));
    }

    fn the_graceful_time_of_the_settings_cuts_what_is_left(config) {
        let lined = start(config.threads(1), Some(Duration::ZERO), |_| Answer::Park);
        let mut client = lined.connect();
        client.send("park");
        assert!(lined.events.iter().any(|event| event == Event::Read("park".to_owned())));
        lined.service.shutdown();
        lined.service.wait().unwrap();
        assert!(client.is_closed());
        let rest = rest(&lined.events);
        assert!(rest.contains(&Event::HungUp(Hangup::Cut)), "{rest:?}");
        assert_eq!(rest.last(), Some(&Event::Stopped), "{rest:?}");
    }

    fn one_that_is_left_answers_once_more(config) {
        let lined = start(config.threads(1), None, echo);
        let mut client = lined.connect();
        assert_eq!(client.ask("ping"), "ping");
        lined.service.handle().leave(Some(LONG));
        assert_eq!(client.ask("last"), "last");
        assert!(client.is_closed());
        lined.service.wait().unwrap();
        assert_eq!(rest(&lined.events).last(), Some(&Event::Stopped));
    }

    fn one_that_is_dropped_ends_at_once_and_stops_its_app(config) {
        let lined = start(config.threads(1), None, echo);
        let mut client = lined.connect();
        assert_eq!(client.ask("ping"), "ping");
        drop(lined.service);
        assert!(client.is_closed());
        assert_eq!(rest(&lined.events).last(), Some(&Event::Stopped));
    }
}

#[test]
fn a_setting_that_the_engine_refuses_is_an_error_of_the_start() {
    let parts = ServiceParts {
        protocol: Arc::new(Lines {
            handler: Box::new(echo),
            events: Mutex::new(mpsc::channel().0),
            settings: Settings::default(),
        }),
        app: Arc::new(Stopping(Mutex::new(mpsc::channel().0))),
        listeners: Vec::new(),
        engine: Config::default(),
        drain: Drain::default(),
        pending: Pending::default(),
        graceful: None,
    };
    let error = Service::start(parts).unwrap_err();
    assert_eq!(error.setting(), Some("listeners"), "{error}");
}

#[test]
fn a_server_has_32_threads_unless_its_settings_say() {
    assert_eq!(Config::of_server(&server::Config::new()).handler_threads(), 32);
    assert_eq!(Config::of_server(&server::Config::new().threads(3)).handler_threads(), 3);
}
