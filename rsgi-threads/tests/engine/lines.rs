//! The toy protocol: a line comes in, a closure of the test says what to answer.
//!
//! `ready` only reads and writes; the closure is called in `run` and may block there as the test likes.
//!
//! Invariant: everything the engine tells the protocol beside that is sent to the test as an [`Event`].

use std::fmt;
use std::io::ErrorKind;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rsgi_threads::{Accepted, ConnWaker, Hangup, Next, Opened, Protocol, Readiness, Stream, Turn};

/// What the engine told the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Accepted(Accept),
    /// A line was read; its handler is yet to run.
    Read(String),
    TimedOut,
    /// Told to the shared part.
    HungUp(Hangup),
    /// Told to `ready`, at rest.
    SawHangup(Hangup),
    /// Bytes came while a handler had the connection.
    Readable,
    Draining,
    Drained,
    Dropped,
    /// By the app of a service.
    Stopped,
}

/// What the facts said, as far as tests compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accept {
    pub(crate) listener: usize,
    pub(crate) peer: String,
    pub(crate) draining: bool,
}

/// What a test's closure is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) line: &'a str,
    /// How often this line's handler was called before.
    pub(crate) round: usize,
    pub(crate) stream: &'a Stream,
    pub(crate) shared: &'a Arc<Shared>,
}

/// What it says.
pub(crate) enum Answer {
    Line(String),
    /// Call me again when the waker is used.
    Park,
    /// Call me again when the others have had their turn.
    Again,
    Close,
}

pub(crate) type Handler = dyn Fn(Call<'_>) -> Answer + Send + Sync;

pub(crate) struct Lines {
    pub(crate) handler: Box<Handler>,
    pub(crate) events: Mutex<Sender<Event>>,
    pub(crate) settings: Settings,
}

/// How the toy behaves beside its handler.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// How long a connection may be idle.
    pub(crate) idle: Option<Duration>,
    /// Whether the handler is called for an empty line when a connection comes.
    pub(crate) greets: bool,
    /// Whether nobody is let in.
    pub(crate) refuses: bool,
}

pub(crate) struct Connection {
    stream: Stream,
    shared: Arc<Shared>,
    unread: Vec<u8>,
    unsent: Vec<u8>,
    line: Option<String>,
    round: usize,
    events: Sender<Event>,
}

pub(crate) struct Shared {
    pub(crate) waker: ConnWaker,
    /// What a tick sends.
    pub(crate) gathered: Mutex<Vec<u8>>,
    stream: Mutex<Option<Stream>>,
}

impl Lines {
    fn tell(&self, event: Event) {
        // A test that is over listens no more.
        let _ = self.events.lock().unwrap().send(event);
    }

    fn wait(&self, turn: &Turn<'_, Self>) -> Next {
        Next::read(self.settings.idle.map(|idle| turn.now() + idle))
    }

    /// Sends what is unsent, and takes up the next whole line.
    fn go_on(&self, conn: &mut Connection, turn: &Turn<'_, Self>) -> Next {
        while !conn.unsent.is_empty() {
            match conn.stream.write(&conn.unsent) {
                Ok(count) => drop(conn.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Next::write(None),
                Err(_) => return Next::Close,
            }
        }
        if conn.line.is_none() {
            let Some(end) = conn.unread.iter().position(|byte| *byte == b'\n') else {
                return self.wait(turn);
            };
            let line: Vec<u8> = conn.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.tell(Event::Read(line.clone()));
            assert_ne!(line, "panic in ready");
            conn.line = Some(line);
            conn.round = 0;
        }
        Next::Run
    }
}

impl Protocol for Lines {
    type Connection = Connection;
    type Shared = Shared;
    type Scratch = Vec<u8>;

    fn scratch(&self) -> Vec<u8> {
        vec![0; 4096]
    }

    fn accepted(&self, stream: Stream, facts: &Accepted, waker: ConnWaker) -> Option<Opened<Self>> {
        let (listener, draining) = (facts.listener, facts.draining);
        self.tell(Event::Accepted(Accept { listener, peer: facts.peer.to_string(), draining }));
        if self.settings.refuses {
            return None;
        }
        let shared = Shared { waker, gathered: Mutex::default(), stream: Mutex::new(Some(stream.clone())) };
        let shared = Arc::new(shared);
        let line = self.settings.greets.then(String::new);
        let next = if self.settings.greets {
            Next::Run
        } else {
            Next::read(self.settings.idle.map(|idle| facts.at + idle))
        };
        let connection = Connection {
            stream,
            shared: Arc::clone(&shared),
            unread: Vec::new(),
            unsent: Vec::new(),
            line,
            round: 0,
            events: self.events.lock().unwrap().clone(),
        };
        Some(Opened { connection, shared, next })
    }

    fn ready(&self, conn: &mut Connection, readiness: Readiness, turn: &mut Turn<'_, Self>) -> Next {
        if let Some(hangup) = readiness.hangup() {
            self.tell(Event::SawHangup(hangup));
        }
        if conn.line.is_some() {
            // Parked: what the peer sends meanwhile stays in the socket.
            return if readiness.woken() { Next::Run } else { Next::park(None) };
        }
        loop {
            match conn.stream.read(turn.scratch) {
                Ok(0) => return Next::Close,
                Ok(count) => {
                    conn.unread.extend_from_slice(&turn.scratch[..count]);
                    if count < turn.scratch.len() && readiness.hangup().is_none() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return Next::Close,
            }
        }
        self.go_on(conn, turn)
    }

    fn run(&self, conn: &mut Connection, turn: &mut Turn<'_, Self>) -> Next {
        let line = conn.line.take().expect("run follows a line");
        let call = Call { line: &line, round: conn.round, stream: &conn.stream, shared: &conn.shared };
        conn.round += 1;
        match (self.handler)(call) {
            Answer::Line(answer) => {
                // Before the answer is out: behind it a client may have had us leave.
                let last = turn.leaving();
                conn.unsent.extend_from_slice(answer.as_bytes());
                conn.unsent.push(b'\n');
                match self.go_on(conn, turn) {
                    // Wrong would be a second handler in the same turn only in so far as others wait longer.
                    Next::Wait { .. } if (last || turn.draining()) && conn.unsent.is_empty() => Next::Close,
                    next => next,
                }
            }
            Answer::Park => {
                conn.line = Some(line);
                Next::park(None)
            }
            Answer::Again => {
                conn.line = Some(line);
                Next::Run
            }
            Answer::Close => Next::Close,
        }
    }

    fn timeout(&self, _: &mut Connection, _: &mut Turn<'_, Self>) -> Next {
        self.tell(Event::TimedOut);
        Next::Close
    }

    fn drain(&self, conn: &mut Connection, _: &mut Turn<'_, Self>) -> Next {
        self.tell(Event::Drained);
        if conn.line.is_some() {
            Next::park(None)
        } else if conn.unsent.is_empty() {
            Next::Close
        } else {
            Next::write(None)
        }
    }

    fn hangup(&self, _: &Shared, hangup: Hangup) {
        self.tell(Event::HungUp(hangup));
    }

    fn readable(&self, _: &Shared) {
        self.tell(Event::Readable);
    }

    fn draining(&self, _: &Shared) {
        self.tell(Event::Draining);
    }

    fn tick(&self, shared: &Shared) {
        let gathered = std::mem::take(&mut *shared.gathered.lock().unwrap());
        if let Some(stream) = shared.stream.lock().unwrap().as_ref() {
            assert_eq!(stream.write(&gathered).unwrap(), gathered.len());
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.stream.lock().unwrap().take();
        let _ = self.events.send(Event::Dropped);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("waker", &self.waker).finish_non_exhaustive()
    }
}
