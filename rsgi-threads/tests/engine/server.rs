//! Starts a toy server, speaks to it as a client, and ends it with the test.
//!
//! Also [`Gate`], at which handlers wait, and the macro that runs a test over both pollers.
//!
//! Invariant: whatever a test waits for, it waits at most [`LONG`].

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rsgi_threads::{Address, Config, Engine, Handle, Listener, Report};

use crate::lines::{Answer, Call, Event, Lines, Settings};

/// How long a failing test waits.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Makes a test of each function for each poller.
macro_rules! over_both_pollers {
    ($($(#[$about:meta])* fn $name:ident($config:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            $(#[$about])*
            fn check($config: rsgi_threads::Config) $body

            #[test]
            fn natively() {
                check(rsgi_threads::Config::default().poller(rsgi_threads::PollerKind::Native));
            }

            #[test]
            fn portably() {
                check(rsgi_threads::Config::default().poller(rsgi_threads::PollerKind::Portable));
            }
        }
    )+};
}
pub(crate) use over_both_pollers;

/// A running toy server; ended when dropped.
pub(crate) struct Server {
    pub(crate) handle: Handle,
    pub(crate) addresses: Vec<Address>,
    events: Receiver<Event>,
    serving: Option<JoinHandle<Report>>,
}

impl Server {
    pub(crate) fn start(
        config: &Config,
        handler: impl Fn(Call<'_>) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::prepare(config, Settings::default(), handler).started()
    }

    pub(crate) fn prepare(
        config: &Config,
        settings: Settings,
        handler: impl Fn(Call<'_>) -> Answer + Send + Sync + 'static,
    ) -> Prepared {
        Self::prepare_on(vec![Listener::tcp("127.0.0.1:0").unwrap()], config, settings, handler)
    }

    pub(crate) fn prepare_on(
        listeners: Vec<Listener>,
        config: &Config,
        settings: Settings,
        handler: impl Fn(Call<'_>) -> Answer + Send + Sync + 'static,
    ) -> Prepared {
        let (sender, events) = mpsc::channel();
        let lines = Lines { handler: Box::new(handler), events: Mutex::new(sender), settings };
        Prepared { engine: Engine::new(Arc::new(lines), listeners, config).unwrap(), events }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.addresses[0])
    }

    /// The next event that is wanted; others are passed over.
    pub(crate) fn await_event(&self, wanted: &Event) {
        loop {
            let event = self.events.recv_timeout(LONG);
            if event.unwrap_or_else(|_| panic!("{wanted:?} never came")) == *wanted {
                return;
            }
        }
    }

    /// The next event, whatever it is.
    pub(crate) fn next_event(&self) -> Event {
        self.events.recv_timeout(LONG).expect("nothing happened")
    }

    /// Waits until there are so many connections.
    pub(crate) fn await_connections(&self, number: usize) {
        let begin = Instant::now();
        while self.handle.figures().connections != number {
            assert!(begin.elapsed() < LONG, "{:?}", self.handle.figures());
            std::thread::yield_now();
        }
    }

    /// The next acceptance.
    pub(crate) fn await_accepted(&self) -> crate::lines::Accept {
        loop {
            if let Event::Accepted(accept) = self.events.recv_timeout(LONG).expect("nobody came") {
                return accept;
            }
        }
    }

    /// Waits for the engine's own end.
    pub(crate) fn join(&mut self) -> Report {
        self.serving.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            self.handle.stop();
            let ended = serving.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

/// A server that listens but doesn't serve yet.
pub(crate) struct Prepared {
    engine: Engine<Lines>,
    events: Receiver<Event>,
}

impl Prepared {
    pub(crate) fn connect(&self) -> Client {
        Client::connect(&self.engine.addresses()[0])
    }

    pub(crate) fn handle(&self) -> Handle {
        self.engine.handle()
    }

    pub(crate) fn started(self) -> Server {
        let (handle, addresses) = (self.engine.handle(), self.engine.addresses());
        let serving = std::thread::spawn(move || self.engine.serve().unwrap());
        Server { handle, addresses, events: self.events, serving: Some(serving) }
    }
}

/// A client of lines over TCP.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: &Address) -> Self {
        let stream = TcpStream::connect(address.ip().unwrap()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, line: &str) {
        self.stream.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.line()
    }

    /// Waits for the server to close, and tells whether that was all that came.
    pub(crate) fn is_closed(&mut self) -> bool {
        // A reset is an end as well.
        matches!(self.stream.read(&mut [0]), Ok(0) | Err(_))
    }

    /// The answer, or nothing if the server closes.
    pub(crate) fn try_ask(&mut self, line: &str) -> Option<String> {
        self.stream.get_mut().write_all(format!("{line}\n").as_bytes()).ok()?;
        let mut answer = String::new();
        self.stream.read_line(&mut answer).ok().filter(|count| *count > 0)?;
        Some(answer)
    }

    /// Whether the server has sent something, as far as is known now.
    pub(crate) fn has_something(&self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let found = !self.stream.buffer().is_empty() || stream.peek(&mut [0]).is_ok_and(|count| count > 0);
        stream.set_nonblocking(false).unwrap();
        found
    }

    pub(crate) fn finish(&self) {
        self.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    pub(crate) fn peer(&self) -> String {
        self.stream.get_ref().local_addr().unwrap().to_string()
    }
}

/// Where handlers wait until the test lets them go, and the test until enough are there.
#[derive(Debug, Default, Clone)]
pub(crate) struct Gate(Arc<(Mutex<Count>, Condvar)>);

#[derive(Debug, Default)]
struct Count {
    waiting: usize,
    passes: usize,
}

impl Gate {
    /// For handlers.
    pub(crate) fn pass(&self) {
        let (count, changed) = &*self.0;
        let mut count = count.lock().unwrap();
        count.waiting += 1;
        changed.notify_all();
        let (mut count, waited) = changed.wait_timeout_while(count, LONG, |count| count.passes == 0).unwrap();
        assert!(!waited.timed_out(), "nobody opened the gate");
        count.passes -= 1;
        count.waiting -= 1;
    }

    /// For the test: waits until so many handlers are there.
    pub(crate) fn await_waiting(&self, number: usize) {
        let (count, changed) = &*self.0;
        let count = count.lock().unwrap();
        let (count, waited) =
            changed.wait_timeout_while(count, LONG, |count| count.waiting < number).unwrap();
        assert!(!waited.timed_out(), "only {} came to the gate", count.waiting);
    }

    /// For the test: lets so many go, of those there and of those to come.
    pub(crate) fn open(&self, passes: usize) {
        let (count, changed) = &*self.0;
        count.lock().unwrap().passes += passes;
        changed.notify_all();
    }
}

/// A handler that waits at the gate on the line `block`, and echoes.
pub(crate) fn blocking_at(gate: &Gate) -> impl Fn(Call<'_>) -> Answer + Send + Sync + 'static {
    let gate = gate.clone();
    move |call| {
        if call.line.starts_with("block") {
            gate.pass();
        }
        Answer::Line(call.line.to_owned())
    }
}

/// A handler that echoes.
pub(crate) fn echo(call: Call<'_>) -> Answer {
    Answer::Line(call.line.to_owned())
}
