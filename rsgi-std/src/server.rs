//! [`Server`]: starts serving an app, and the handle on what runs.
//!
//! The convention of every adapter; what only this one has is beside it. Not here: anything about a connection, and what
//! the engine's [`Service`] does for every adapter on it.
//!
//! Invariant: `start` returns once connections are accepted, and whatever could fail for a reason of the user's has
//! failed by then. Next: `protocol.rs`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use rsgi_core::server::{Config, Load, Processes, ServeError};
use rsgi_core::{Adapter, App, Endpoint, Running, respond};
use rsgi_threads::{Pending, Runtime, Service, ServiceHandle, ServiceParts, open_listeners};

use crate::config::{Options, Settings, capabilities};
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
    service: Service,
    handle: Handle,
}

/// Stops a [`Server`] from another thread, and has it read its certificates again. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    service: ServiceHandle,
    reload: Arc<dyn Fn() -> Result<(), ServeError> + Send + Sync>,
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
        let engine = options.engine(config);
        let mut facts = rsgi_core::Server::new(Self::NAME, env!("CARGO_PKG_VERSION"));
        facts.multithread = engine.handler_threads() > 1;
        facts.multiprocess = config.processes == Processes::Several;
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
        let protocol = Arc::new(Http::new(Arc::clone(&app), call, site, runtime));
        let http = Arc::clone(&protocol);
        let reload = move || http.site.certificates.as_ref().map_or(Ok(()), Certificates::reload);
        let graceful = config.timeouts.graceful;
        let parts = ServiceParts { protocol, app, listeners, engine, drain, pending, graceful };
        let service = Service::start(parts)?;
        let handle = Handle { service: service.handle(), reload: Arc::new(reload) };
        Ok(Self { service, handle })
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
        self.service.addresses()
    }

    fn handle(&self) -> Handle {
        self.handle.clone()
    }

    const CAN_BE_WORKER: bool = Service::CAN_BE_WORKER;

    fn shutdown_by(handle: &Handle, limit: Option<Duration>) {
        handle.shutdown(limit);
    }

    fn leave_by(handle: &Handle, limit: Option<Duration>) {
        handle.leave(limit);
    }

    fn load(handle: &Handle) -> Option<Load> {
        Some(handle.load())
    }

    fn wait(self) -> Result<(), ServeError> {
        self.service.wait()
    }
}

impl Handle {
    /// Begins the graceful end, as [`Running::shutdown_by`]; `None` takes the setting `timeouts.graceful`.
    pub fn shutdown(&self, limit: Option<Duration>) {
        self.service.shutdown(limit);
    }

    /// Begins to leave a service that goes on, as [`Running::leave_by`]; `None` takes the setting `timeouts.graceful`.
    pub fn leave(&self, limit: Option<Duration>) {
        self.service.leave(limit);
    }

    /// What the server has to do at this moment.
    #[must_use]
    pub fn load(&self) -> Load {
        self.service.load()
    }

    /// Reads certificate and key again; new connections get them. Does nothing on a server without TLS.
    ///
    /// # Errors
    ///
    /// A `ServeError` that names the file and what is wrong with it; the old certificate stays in use.
    pub fn reload(&self) -> Result<(), ServeError> {
        (self.reload)()
    }

    /// Tells whether the graceful end has begun, or the server leaves.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.service.is_draining()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Handle").field("service", &self.service).finish_non_exhaustive()
    }
}
