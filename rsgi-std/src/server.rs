//! [`Server`]: starts serving an app, and the handle on what runs.
//!
//! The convention of every adapter; what only this one has is beside it. Not here: anything about a connection.
//!
//! Invariant: `start` returns once connections are accepted, and whatever could fail for a reason of the user's has
//! failed by then. Next: `protocol.rs`.

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rsgi_core::server::{Config, Load, ServeError};
use rsgi_core::{Adapter, App, Endpoint, Running, respond};
use rsgi_threads::{Engine, Pending, Protocol, Report, Runtime, open_listeners, stop};

use crate::config::{Options, Settings, capabilities, threads};
use crate::protocol::Http;
use crate::site::Site;
use crate::tls::Certificates;

/// A server that hosts an app on blocking threads; dropping it stops it at once.
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::server::Config;
/// use rsgi_core::{Adapter, Environ, Error, Running, StartResponse, Started, blocking};
/// use rsgi_std::Server;
///
/// fn hello(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("Hello world!\n"))
/// }
///
/// let server = Server::start(Config::new().bind("127.0.0.1:0")?, blocking(hello))?;
/// println!("listening at {}", server.addresses()[0]);
/// server.shutdown();
/// server.wait()?;
/// # Ok::<(), rsgi_core::server::ServeError>(())
/// ```
#[derive(Debug)]
pub struct Server {
    addresses: Vec<Endpoint>,
    handle: Handle,
    /// Taken by `wait`.
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

/// Stops a [`Server`] from another thread, and has it read its certificates again. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    engine: rsgi_threads::Handle,
    drain: rsgi_core::Drain,
    pending: Pending,
    /// What `graceful` is by the settings.
    graceful: Option<Duration>,
    /// By when all is to be over, once it was ordered.
    until: Mutex<Option<Instant>>,
    reload: Box<dyn Fn() -> Result<(), ServeError> + Send + Sync>,
}

impl Server {
    /// Starts serving with settings that only this server has.
    ///
    /// # Errors
    ///
    /// As [`Adapter::start`].
    pub fn start_with(config: &Config, options: &Options, app: impl App) -> Result<Self, ServeError> {
        config.check()?;
        let offered = capabilities(config, options);
        let missing = app.requires().missing_in(offered);
        if !missing.is_empty() {
            return Err(ServeError::missing_capability(missing, Self::NAME));
        }
        let certificates = config.tls.as_ref().map(Certificates::open).transpose()?;
        let runtime = Runtime::new("rsgi-std-tokio")?;
        let (listeners, places) = open_listeners(config)?;
        let mut facts = rsgi_core::Server::new(Self::NAME, env!("CARGO_PKG_VERSION"));
        facts.multithread = threads(config) > 1;
        facts.capabilities = offered;
        facts.body_limit = config.limits.body_bytes;
        facts.trust = config.trust.clone();
        let drain = facts.drain.clone();
        let pending = Pending::default();
        let site = Site {
            settings: Settings::of(config, options),
            server: Arc::new(facts),
            places,
            certificates,
            waiting: Arc::new(AtomicUsize::new(0)),
            pending: pending.clone(),
        };
        let app = Arc::new(app);
        let call = |app: Arc<_>, environ| async move {
            let answer = respond(&*app, environ).await;
            (app, answer)
        };
        let http = Arc::new(Http::new(Arc::clone(&app), call, site, runtime));
        let engine =
            Engine::new(Arc::clone(&http), listeners, &options.engine(config)).map_err(ServeError::from)?;
        let addresses = engine.addresses().iter().map(Endpoint::from).collect();
        let reloaded = Arc::clone(&http);
        let handle = Handle {
            inner: Arc::new(Inner {
                engine: engine.handle(),
                drain,
                pending,
                graceful: config.timeouts.graceful,
                until: Mutex::new(None),
                reload: Box::new(move || {
                    reloaded.site.certificates.as_ref().map_or(Ok(()), Certificates::reload)
                }),
            }),
        };
        let ordered = handle.clone();
        let thread = thread::Builder::new()
            .name("rsgi-std".to_owned())
            .spawn(move || serve(engine, &*http, &app, &ordered))
            .map_err(|error| ServeError::io("starting a thread", error))?;
        Ok(Self { addresses, handle, thread: Some(thread) })
    }
}

impl Adapter for Server {
    type Running = Self;

    const NAME: &'static str = "rsgi-std";

    /// Starts serving. Without the setting `threads` the app runs on 32 threads.
    fn start(config: Config, app: impl App) -> Result<Self, ServeError> {
        Self::start_with(&config, &Options::default(), app)
    }
}

impl Running for Server {
    type Handle = Handle;

    fn addresses(&self) -> &[Endpoint] {
        &self.addresses
    }

    fn handle(&self) -> Handle {
        self.handle.clone()
    }

    const CAN_BE_WORKER: bool = true;

    fn shutdown_by(handle: &Handle, limit: Option<Duration>) {
        handle.shutdown(limit);
    }

    fn leave_by(handle: &Handle, limit: Option<Duration>) {
        handle.leave(limit);
    }

    fn load(handle: &Handle) -> Option<Load> {
        Some(handle.load())
    }

    fn wait(mut self) -> Result<(), ServeError> {
        self.join()
    }
}

impl Server {
    fn join(&mut self) -> Result<(), ServeError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ServeError::io("serving", std::io::Error::other("the server panicked"))),
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.handle.shutdown(Some(Duration::ZERO));
            if let Err(error) = self.join() {
                tracing::error!(target: "rsgi", %error, "the server ended with an error");
            }
        }
    }
}

impl Handle {
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

    /// What the server has to do at this moment.
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

    /// Sets by when all is to be over, and gives how long that is.
    fn limit(&self, limit: Option<Duration>) -> Duration {
        // Without any limit a year is as good.
        let limit = limit.or(self.inner.graceful).unwrap_or(NEVER).min(NEVER);
        let at = Instant::now() + limit;
        let mut until = self.inner.until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(until.map_or(at, |before| before.min(at)));
        limit
    }

    /// Reads certificate and key again; new connections get them. Does nothing on a server without TLS.
    ///
    /// # Errors
    ///
    /// A `ServeError` that names the file and what is wrong with it; the old certificate stays in use.
    pub fn reload(&self) -> Result<(), ServeError> {
        (self.inner.reload)()
    }

    /// Tells whether the graceful end has begun, or the server leaves.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.inner.drain.has_begun()
    }

    fn until(&self) -> Option<Instant> {
        *self.inner.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Handle").field("engine", &self.inner.engine).finish_non_exhaustive()
    }
}

/// Serves until the end is ordered, and ends the app.
fn serve<P: Protocol>(
    engine: Engine<P>,
    http: &P,
    app: &impl App,
    handle: &Handle,
) -> Result<(), ServeError> {
    let served = engine.serve().map_err(ServeError::from);
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
    http.around_thread(&mut || stop(app, handle.until()));
    served.map(drop)
}

/// As good as no limit.
const NEVER: Duration = Duration::from_hours(24 * 365);
