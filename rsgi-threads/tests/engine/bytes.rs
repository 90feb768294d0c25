//! Bytes that come while a handler has the connection, or it waits for one: told to who asks for it, and to nobody else.
//!
//! The portable poller tells a finished peer only on Linux; these tests run there.
//!
//! Invariant: see `main.rs`.

use std::io::ErrorKind;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use rsgi_threads::{
    Accepted, Address, Config, ConnWaker, Engine, Figures, Handle, Hangup, Listener, Next, Opened, Protocol,
    Readiness, Stream, Turn,
};

use crate::lines::Event;
use crate::server::{Client, Gate, LONG, Server, blocking_at, over_both_pollers};

/// Who heard something.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// A connection at rest, which runs then.
    AtRest(String),
    /// One whose handler has it, or is to.
    Busy(String),
    HungUp(Hangup),
}

/// Whether what comes meanwhile is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ears {
    Open,
    Shut,
}

/// Tells the test whatever comes; its handlers wait at the gate.
struct Listening {
    ears: Ears,
    gate: Gate,
    heard: Mutex<Sender<Heard>>,
}

struct Ear {
    stream: Mutex<Option<Stream>>,
    waker: ConnWaker,
}

/// Lets go of the socket in the end.
struct Held(Arc<Ear>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.stream.lock().unwrap().take();
    }
}

impl Ear {
    /// All that is there; `None` at the end.
    fn hear(&self) -> Option<String> {
        let stream = self.stream.lock().unwrap();
        let (mut all, mut buffer) = (String::new(), [0; 64]);
        loop {
            match stream.as_ref()?.read(&mut buffer) {
                Ok(0) if all.is_empty() => return None,
                Ok(0) => return Some(all),
                Ok(count) => all.push_str(&String::from_utf8_lossy(&buffer[..count])),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return Some(all);
                }
            }
        }
    }
}

impl Listening {
    fn tell(&self, heard: Heard) {
        // A test that is over listens no more.
        let _ = self.heard.lock().unwrap().send(heard);
    }
}

impl Protocol for Listening {
    type Connection = Held;
    type Shared = Ear;
    type Scratch = ();

    const READS_WHILE_BUSY: bool = true;

    fn scratch(&self) {}

    fn accepted(&self, stream: Stream, _: &Accepted, waker: ConnWaker) -> Option<Opened<Self>> {
        let shared = Arc::new(Ear { stream: Mutex::new(Some(stream)), waker });
        Some(Opened { connection: Held(Arc::clone(&shared)), shared, next: Next::read(None) })
    }

    fn ready(&self, held: &mut Held, _: Readiness, _: &mut Turn<'_, Self>) -> Next {
        match held.0.hear() {
            None => Next::Close,
            Some(nothing) if nothing.is_empty() => Next::read(None),
            Some(text) => {
                self.tell(Heard::AtRest(text));
                Next::Run
            }
        }
    }

    fn run(&self, _: &mut Held, _: &mut Turn<'_, Self>) -> Next {
        self.gate.pass();
        Next::read(None)
    }

    fn timeout(&self, _: &mut Held, _: &mut Turn<'_, Self>) -> Next {
        Next::Close
    }

    fn hangup(&self, _: &Ear, hangup: Hangup) {
        self.tell(Heard::HungUp(hangup));
    }

    fn readable(&self, ear: &Ear) {
        if self.ears == Ears::Shut {
            return self.tell(Heard::Busy(String::new()));
        }
        if let Some(text) = ear.hear() {
            ear.waker.watch_bytes();
            if !text.is_empty() {
                self.tell(Heard::Busy(text));
            }
        }
    }
}

/// A running server of it; ended when dropped.
struct Running {
    handle: Handle,
    address: Address,
    gate: Gate,
    heard: Receiver<Heard>,
    serving: Option<JoinHandle<()>>,
}

impl Running {
    fn start(config: &Config, ears: Ears) -> Self {
        let (sender, heard) = mpsc::channel();
        let gate = Gate::default();
        let listening = Listening { ears, gate: gate.clone(), heard: Mutex::new(sender) };
        let listeners = vec![Listener::tcp("127.0.0.1:0").unwrap()];
        let engine = Engine::new(Arc::new(listening), listeners, config).unwrap();
        let (handle, address) = (engine.handle(), engine.addresses()[0].clone());
        let serving = std::thread::spawn(move || assert!(engine.serve().is_ok()));
        Self { handle, address, gate, heard, serving: Some(serving) }
    }

    fn connect(&self) -> Client {
        Client::connect(&self.address)
    }

    fn hears(&self) -> Heard {
        self.heard.recv_timeout(LONG).expect("nothing was heard")
    }

    fn await_figures(&self, wanted: impl Fn(Figures) -> bool) {
        let begin = Instant::now();
        while !wanted(self.handle.figures()) {
            assert!(begin.elapsed() < LONG, "{:?}", self.handle.figures());
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.gate.open(100);
        self.handle.stop();
        let ended = self.serving.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn at_rest(text: &str) -> Heard {
    Heard::AtRest(format!("{text}\n"))
}

fn busy(text: &str) -> Heard {
    Heard::Busy(format!("{text}\n"))
}

over_both_pollers! {
    fn they_are_told_each_time_while_the_handler_runs(config) {
        let server = Running::start(&config.threads(2), Ears::Open);
        let mut client = server.connect();
        client.send("run");
        assert_eq!(server.hears(), at_rest("run"));
        server.gate.await_waiting(1);
        for text in ["stop", "stop that", "at once"] {
            client.send(text);
            assert_eq!(server.hears(), busy(text));
        }
        server.gate.open(1);
        client.send("run again");
        assert!([at_rest("run again"), busy("run again")].contains(&server.hears()));
    }

    fn they_are_told_also_while_all_threads_are_blocked(config) {
        let server = Running::start(&config.threads(1), Ears::Open);
        let mut client = server.connect();
        client.send("run");
        assert_eq!(server.hears(), at_rest("run"));
        server.gate.await_waiting(1);
        for text in ["stop", "stop that"] {
            client.send(text);
            assert_eq!(server.hears(), busy(text));
        }
    }

    fn they_are_told_to_one_that_waits_in_line(config) {
        let server = Running::start(&config.threads(1), Ears::Open);
        let mut first = server.connect();
        first.send("run");
        assert_eq!(server.hears(), at_rest("run"));
        server.gate.await_waiting(1);
        let mut second = server.connect();
        second.send("wait");
        assert_eq!(server.hears(), at_rest("wait"));
        server.await_figures(|figures| figures.waiting == 1);
        second.send("never mind");
        assert_eq!(server.hears(), busy("never mind"));
    }

    fn what_came_last_is_told_before_the_hangup(config) {
        let server = Running::start(&config.threads(2), Ears::Open);
        let mut client = server.connect();
        client.send("run");
        assert_eq!(server.hears(), at_rest("run"));
        server.gate.await_waiting(1);
        client.send("last");
        assert_eq!(server.hears(), busy("last"));
        client.finish();
        assert_eq!(server.hears(), Heard::HungUp(Hangup::Finished));
    }

    fn what_is_left_unread_is_told_no_second_time_and_waits_for_the_rest(config) {
        let server = Running::start(&config.threads(2), Ears::Shut);
        let mut client = server.connect();
        client.send("run");
        assert_eq!(server.hears(), at_rest("run"));
        server.gate.await_waiting(1);
        client.send("more");
        assert_eq!(server.hears(), Heard::Busy(String::new()));
        // A poller that told it again and again would do so while these come and go.
        let before = server.handle.figures().polls;
        for number in 2..=20 {
            drop(server.connect());
            server.await_figures(|figures| figures.accepted == number);
        }
        assert!(server.heard.try_recv().is_err(), "told again");
        assert!(server.handle.figures().polls - before < 1000, "{:?}", server.handle.figures());
        server.gate.open(1);
        assert_eq!(server.hears(), at_rest("more"));
    }

    fn who_does_not_read_meanwhile_is_told_nothing(config) {
        let gate = Gate::default();
        let server = Server::start(&config.threads(2), blocking_at(&gate));
        let mut client = server.connect();
        client.send("block");
        server.await_event(&Event::Read("block".to_owned()));
        gate.await_waiting(1);
        client.send("more");
        client.finish();
        // Bytes would have been told with it, or before.
        assert_eq!(server.next_event(), Event::HungUp(Hangup::Finished));
        gate.open(1);
        assert_eq!(client.line(), "block");
    }
}
