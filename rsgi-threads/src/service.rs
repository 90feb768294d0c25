//! [`Service`]: an engine that serves a protocol and its app from a thread of its own, and the handle on it.
//!
//! What core's [`Running`] asks of every adapter, for those on this engine: addresses, load, the graceful end and the
//! app's. An adapter's server wraps it. Not here: settings, and anything about a connection.
//!
//! Invariant: `start` returns once connections are accepted, and the app's `stop` has run when `wait` returns.
//! Read on in `engine.rs` and `stop.rs`.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rsgi_core::server::{Load, ServeError};
use rsgi_core::{App, Drain, Endpoint, Running};

use crate::stop::stop;
use crate::{Config, Engine, Handle, Listener, Pending, Protocol, Report};

/// What a [`Service`] is made of.
#[expect(clippy::exhaustive_structs, reason = "made by adapters, field by field")]
#[derive(Debug)]
pub struct ServiceParts<P, A> {
    /// What is spoken.
    pub protocol: Arc<P>,
    /// Whose `stop` is run in the end, as the protocol [wraps a thread](Protocol::around_thread).
    pub app: Arc<A>,
    /// Where, as [`open_listeners`](crate::open_listeners) gives them.
    pub listeners: Vec<Listener>,
    /// The engine's settings; the thread that waits for its end is called as its threads are.
    pub engine: Config,
    /// What tells apps of the end: that of the [`Server`](rsgi_core::Server) in their environ.
    pub drain: Drain,
    /// Where the protocol counts the requests that hold no thread.
    pub pending: Pending,
    /// How long a graceful end may last by the settings: `timeouts.graceful`; `None`: as long as it takes.
    pub graceful: Option<Duration>,
}

/// A protocol and its app, served; dropping it cuts every connection and stops the app.
#[derive(Debug)]
pub struct Service {
    addresses: Vec<Endpoint>,
    handle: ServiceHandle,
    /// Taken by `wait`.
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

/// Ends a [`Service`] from another thread, and tells its load. Cheap to clone.
#[derive(Clone)]
pub struct ServiceHandle {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Handle,
    drain: Drain,
    pending: Pending,
    /// What `graceful` is by the settings.
    graceful: Option<Duration>,
    /// By when all is to be over, once it was ordered.
    until: Mutex<Option<Instant>>,
}

impl Service {
    /// Starts serving.
    ///
    /// # Errors
    ///
    /// The engine refuses a setting, which is named, or the operating system grants no thread or poller.
    pub fn start<P: Protocol, A: App>(parts: ServiceParts<P, A>) -> Result<Self, ServeError> {
        let ServiceParts { protocol, app, listeners, engine: config, drain, pending, graceful } = parts;
        let engine = Engine::new(Arc::clone(&protocol), listeners, &config)?;
        let addresses = engine.addresses().iter().map(Endpoint::from).collect();
        let inner = Inner { engine: engine.handle(), drain, pending, graceful, until: Mutex::new(None) };
        let handle = ServiceHandle { inner: Arc::new(inner) };
        let ordered = handle.clone();
        let thread = thread::Builder::new()
            .name(config.thread_name)
            .spawn(move || serve(engine, &*protocol, &*app, &ordered))
            .map_err(|error| ServeError::io("starting a thread", error))?;
        Ok(Self { addresses, handle, thread: Some(thread) })
    }

    fn join(&mut self) -> Result<(), ServeError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ServeError::io("serving", io::Error::other("the server panicked"))),
            None => Ok(()),
        }
    }
}

impl Running for Service {
    type Handle = ServiceHandle;

    fn addresses(&self) -> &[Endpoint] {
        &self.addresses
    }

    fn handle(&self) -> ServiceHandle {
        self.handle.clone()
    }

    const CAN_BE_WORKER: bool = true;

    fn shutdown_by(handle: &ServiceHandle, limit: Option<Duration>) {
        handle.shutdown(limit);
    }

    fn leave_by(handle: &ServiceHandle, limit: Option<Duration>) {
        handle.leave(limit);
    }

    fn load(handle: &ServiceHandle) -> Option<Load> {
        Some(handle.load())
    }

    fn wait(mut self) -> Result<(), ServeError> {
        self.join()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.handle.shutdown(Some(Duration::ZERO));
            if let Err(error) = self.join() {
                tracing::error!(target: "rsgi", %error, "the server ended with an error");
            }
        }
    }
}

impl ServiceHandle {
    /// Begins the graceful end, as [`Running::shutdown_by`]; `None` takes the setting `timeouts.graceful`.
    pub fn shutdown(&self, limit: Option<Duration>) {
        let limit = self.limit(limit);
        // The engine first: what an app answers on being told must say already that it is the last.
        self.inner.engine.graceful(limit);
        self.inner.drain.begin();
    }

    /// Begins to leave a service that goes on, as [`Running::leave_by`]; `None` takes the setting `timeouts.graceful`.
    pub fn leave(&self, limit: Option<Duration>) {
        let limit = self.limit(limit);
        self.inner.engine.leave(limit);
        self.inner.drain.begin();
    }

    /// What there is to do at this moment.
    #[must_use]
    pub fn load(&self) -> Load {
        let figures = self.inner.engine.figures();
        let mut load = Load::default();
        load.connections = figures.connections;
        load.running = figures.running + self.inner.pending.count();
        load.waiting = figures.waiting;
        load.accepted = figures.accepted;
        load
    }

    /// Tells whether the graceful end has begun, or the service is left.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.inner.drain.has_begun()
    }

    /// Sets by when all is to be over, and gives how long that is.
    fn limit(&self, limit: Option<Duration>) -> Duration {
        // Without any limit a year is as good.
        let limit = limit.or(self.inner.graceful).unwrap_or(NEVER).min(NEVER);
        let at = Instant::now() + limit;
        let mut until = self.inner.until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(until.map_or(at, |before| before.min(at)));
        limit
    }

    fn until(&self) -> Option<Instant> {
        *self.inner.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ServiceHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceHandle").field("engine", &self.inner.engine).finish_non_exhaustive()
    }
}

/// Serves until the end is ordered, and ends the app.
fn serve<P: Protocol>(
    engine: Engine<P>,
    protocol: &P,
    app: &impl App,
    handle: &ServiceHandle,
) -> Result<(), ServeError> {
    let served = engine.serve();
    if let Ok(Report { cut, busy_threads, .. }) = &served
        && (*cut > 0 || *busy_threads > 0)
    {
        tracing::warn!(
            target: "rsgi",
            connections = cut,
            threads = busy_threads,
            "not everything ended within the graceful time: cut off"
        );
    }
    protocol.around_thread(&mut || stop(app, handle.until()));
    Ok(served.map(drop)?)
}

/// As good as no limit.
const NEVER: Duration = Duration::from_hours(24 * 365);
