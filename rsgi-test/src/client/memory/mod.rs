//! The road within the process: a conforming adapter without a socket.
//!
//! It keeps connections as a server of HTTP/1 does, so that requests in a row share one and are numbered, and a request
//! beside another gets its own. Answers take core's `respond` like everybody's; here is what an adapter owes around it.
//!
//! Read next: `flight.rs`, one request; `feed.rs`, its input; `head.rs`, its environ.

mod feed;
mod flight;
mod head;
mod said;
mod settings;

use std::fmt;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rsgi_core::{App, BoxApp, Connection, Endpoint, Exchange, Server, wait};

use crate::client::error::ClientError;
use crate::client::outline::{Facts, Outline};
use crate::client::road::{Flight, Road};

use flight::MemoryFlight;
use said::Said;
pub use settings::Memory;

/// An app, and the connections to it.
pub(crate) struct InMemory {
    app: Arc<BoxApp>,
    memory: Memory,
    server: Arc<Server>,
    idle: Idle,
}

/// Connections on which a request may be sent.
type Idle = Arc<Mutex<Vec<Line>>>;

/// A connection.
#[derive(Debug)]
struct Line {
    exchange: Arc<Exchange>,
    said: Arc<Said>,
}

impl InMemory {
    /// Hosts an app.
    ///
    /// # Panics
    ///
    /// The app requires what the server of these settings hasn't.
    pub(crate) fn new(app: impl App, memory: Memory) -> Self {
        let missing = app.requires().missing_in(memory.server.capabilities);
        assert!(
            missing.is_empty(),
            "the app requires {missing}, which this client hasn't: see `Memory::capabilities`"
        );
        let server = Arc::new(memory.server.clone());
        Self { app: Arc::new(BoxApp::new(app)), memory, server, idle: Idle::default() }
    }

    /// A connection, and a request begun on it.
    fn line(&self, facts: Option<&Facts>) -> Line {
        let kept = if facts.is_none() { lock(&self.idle).pop() } else { None };
        let mut line = kept.unwrap_or_else(|| self.connect(facts));
        line.said.forget();
        Exchange::begin(&mut line.exchange, Instant::now());
        line
    }

    fn connect(&self, facts: Option<&Facts>) -> Line {
        let said = Arc::new(Said::default());
        let (peer, local) = match facts {
            Some(facts) => (facts.peer.clone(), facts.local.clone()),
            None => (self.memory.peer.clone().unwrap_or_else(next_peer), self.memory.local_or_usual()),
        };
        let id = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let mut connection = Connection::new(Arc::clone(&self.server), id, peer, local);
        connection.scheme = facts.map_or(self.memory.scheme, |facts| facts.scheme);
        connection.tls = self.memory.tls.clone().map(Box::new);
        connection.link = Some(Arc::clone(&said) as _);
        connection.errors = Some(Arc::clone(&said) as _);
        Line { exchange: Exchange::new(Arc::new(connection)), said }
    }
}

impl Road for InMemory {
    fn open(&mut self, outline: Outline) -> Result<Box<dyn Flight>, ClientError> {
        let line = self.line(outline.facts.as_ref());
        // A replayed connection isn't everybody's.
        let home = outline.facts.is_none().then(|| Arc::clone(&self.idle));
        Ok(Box::new(MemoryFlight::new(Arc::clone(&self.app), outline, line, home)?))
    }

    fn is_secure(&self) -> bool {
        self.memory.scheme == rsgi_core::Scheme::Https
    }

    fn stop(&mut self) {
        self.server.drain.begin();
        wait(self.app.stop());
    }
}

impl fmt::Debug for InMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InMemory").field("app", &self.app).finish_non_exhaustive()
    }
}

/// A client of this machine, each on a port of its own, as a system gives them.
fn next_peer() -> Endpoint {
    let port = PORTS.fetch_add(1, Ordering::Relaxed) % (u16::MAX - FIRST_PORT) + FIRST_PORT;
    Endpoint::Tcp(([127, 0, 0, 1], port).into())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections of this process, numbered as a server does.
static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
static PORTS: AtomicU16 = AtomicU16::new(0);
/// The first of the ports that systems give to clients (RFC 6335 section 6).
const FIRST_PORT: u16 = 49152;
