//! Starting and stopping: the settings that are honoured and those that are refused, the handle on what runs.

use std::collections::HashMap;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Write};
use std::net::Shutdown;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rsgi_core::server::{Config, ServeError};
use rsgi_core::{Adapter, App, Capabilities, Cause, Endpoint, Exchange, Running, Server as Facts};
use rustix::event::{PollFd, PollFlags, poll};

use crate::accept::accept;
use crate::gate::Gate;
use crate::listen::Listener;
use crate::watch::{Bell, Watcher};
use crate::wire::{Wire, timeout};

/// The server: HTTP/1.1 and 1.0, a thread a connection.
///
/// Refuses the settings `tls` and `running_requests`; `request_buffer` is for bodies whose length is told.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Server;

const CAPABILITIES: Capabilities = Capabilities::TRAILERS
    .union(Capabilities::INFORMATIONAL)
    .union(Capabilities::UPGRADE)
    .union(Capabilities::DUPLEX)
    .union(Capabilities::UNIX_PEER);

impl Adapter for Server {
    type Running = Serving;
    const NAME: &'static str = "rsgi-afternoon";

    fn start(config: Config, app: impl App) -> Result<Serving, ServeError> {
        config.check()?;
        refuse_unknown(&config)?;
        let missing = app.requires().missing_in(CAPABILITIES);
        if !missing.is_empty() {
            return Err(ServeError::missing_capability(missing, Self::NAME));
        }
        let open = |bind| Listener::open(bind, &config);
        let listeners = config.listeners().iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let opening = |error| ServeError::io("opening the listeners", error);
        let addresses =
            listeners.iter().map(Listener::endpoint).collect::<Result<_, _>>().map_err(opening)?;
        let shared = Shared::new(config).map_err(opening)?;
        let starting = |error| ServeError::io("starting a thread", error);
        let watching = Arc::clone(&shared);
        thread::Builder::new().spawn(move || watching.watcher.run()).map_err(starting)?;
        let (accepting, app) = (Arc::clone(&shared), Arc::new(app));
        let accepting = thread::Builder::new().spawn(move || accept(listeners, &accepting, &app));
        let accepting = Some(accepting.map_err(starting)?);
        Ok(Serving { addresses, shared, accepting })
    }
}

/// Refuses the settings that can't be honoured.
fn refuse_unknown(config: &Config) -> Result<(), ServeError> {
    if let Some(files) = &config.tls {
        let (value, problem) = (files.certificate.display(), "TLS is a feature that this server lacks");
        return Err(ServeError::bad_setting("tls", value, problem, "put a proxy in front"));
    }
    if let Some(most) = config.limits.running_requests {
        let problem = "it accepts whatever comes";
        return Err(ServeError::bad_setting("running_requests", most, problem, "leave it unset"));
    }
    Ok(())
}

/// What all threads and the handles share.
pub(crate) struct Shared {
    pub(crate) facts: Arc<Facts>,
    pub(crate) config: Config,
    pub(crate) gate: Gate,
    pub(crate) watcher: Watcher,
    /// Wakes the thread that accepts.
    pub(crate) bell: Bell,
    state: Mutex<State>,
    /// Readable from the drain on, for all who wait for a request.
    drained: PipeReader,
    drain_writer: PipeWriter,
}

/// What changes.
#[derive(Default)]
pub(crate) struct State {
    /// The open connections, each with the request that is under way.
    pub(crate) live: HashMap<u64, (Arc<Wire>, Option<Arc<Exchange>>)>,
    /// When what still runs is cut off.
    pub(crate) until: Option<Instant>,
    is_cut_off: bool,
}

impl State {
    /// Notes the request that a connection has come to.
    pub(crate) fn follow(&mut self, id: u64, exchange: &Arc<Exchange>) {
        if self.is_cut_off {
            exchange.disconnect(Cause::ServerStopped);
        }
        if let Some((_, current)) = self.live.get_mut(&id) {
            *current = Some(Arc::clone(exchange));
        }
    }

    /// Ends every connection at once.
    pub(crate) fn cut_off(&mut self) {
        self.is_cut_off = true;
        for (_, (wire, exchange)) in self.live.drain() {
            if let Some(exchange) = exchange {
                exchange.disconnect(Cause::ServerStopped);
            }
            let _may_be_gone = wire.stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn new(config: Config) -> io::Result<Arc<Self>> {
        let threads = config.threads.map(NonZeroUsize::get);
        let mut facts = Facts::new(Server::NAME, env!("CARGO_PKG_VERSION"));
        facts.multithread = threads != Some(1);
        facts.capabilities = CAPABILITIES;
        facts.body_limit = config.limits.body_bytes;
        facts.trust = config.trust.clone();
        let (drained, drain_writer) = io::pipe()?;
        Ok(Arc::new(Self {
            facts: Arc::new(facts),
            gate: Gate::new(threads, config.limits.pending_requests),
            config,
            watcher: Watcher::new()?,
            bell: Bell::new()?,
            state: Mutex::default(),
            drained,
            drain_writer,
        }))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a request's first byte, but not beyond the drain.
    pub(crate) fn wait_idle(&self, wire: &Wire, deadline: Option<Instant>) -> io::Result<()> {
        loop {
            let mut fds =
                [PollFd::new(&wire.stream, PollFlags::IN), PollFd::new(&self.drained, PollFlags::IN)];
            match poll(&mut fds, timeout(deadline).as_ref()) {
                Ok(_) if !fds[0].revents().is_empty() => return Ok(()),
                Ok(_) if !fds[1].revents().is_empty() => return Err(ErrorKind::ConnectionAborted.into()),
                Ok(_) if deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
                    return Err(ErrorKind::WouldBlock.into());
                }
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Tells whether what is left is to be cut off.
    pub(crate) fn is_time_over(&self) -> bool {
        self.state().until.is_some_and(|until| until <= Instant::now())
    }

    /// Waits until a connection ends, or the time that is left is over or becomes shorter.
    pub(crate) fn wait_for_change(&self) {
        let mut fds = [PollFd::new(&self.bell.reader, PollFlags::IN)];
        let until = self.state().until;
        if poll(&mut fds, timeout(until).as_ref()).is_ok_and(|ready| ready > 0) {
            self.bell.hush();
        }
    }

    fn shut_down(&self, limit: Option<Duration>) {
        let until = limit.or(self.config.timeouts.graceful).map(|limit| Instant::now() + limit);
        let mut state = self.state();
        state.until = state.until.into_iter().chain(until).min();
        drop(state);
        if !self.facts.drain.has_begun() {
            let _has_room = (&self.drain_writer).write(&[0]);
        }
        self.facts.drain.begin();
        self.bell.ring();
    }
}

/// What runs after the start. Dropping it stops it at once.
#[derive(Debug)]
pub struct Serving {
    addresses: Vec<Endpoint>,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// Stops it from elsewhere.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Shared>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Running for Serving {
    type Handle = Stop;

    fn addresses(&self) -> &[Endpoint] {
        &self.addresses
    }

    fn handle(&self) -> Stop {
        Stop(Arc::clone(&self.shared))
    }

    fn shutdown_by(Stop(shared): &Stop, limit: Option<Duration>) {
        shared.shut_down(limit);
    }

    fn wait(mut self) -> Result<(), ServeError> {
        match self.accepting.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(ServeError::io("accepting", io::Error::other("the thread panicked"))),
            _ => Ok(()),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.shared.shut_down(Some(Duration::ZERO));
    }
}
