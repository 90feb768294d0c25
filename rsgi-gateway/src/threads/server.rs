//! [`Server`]: starts serving an app by a gateway protocol on blocking threads, and the handle on what runs.
//!
//! The convention of every adapter. Not here: anything about a connection.
//!
//! Invariant: `start` returns once connections are accepted, and whatever could fail for a reason of the user's has failed by
//! then. Next: `protocol.rs`.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use rsgi_core::server::{Config, Load, ServeError};
use rsgi_core::{Adapter, App, Capabilities, Endpoint, Running};
use rsgi_threads::{Pending, Runtime, Service, ServiceHandle, ServiceParts, open_listeners};

use super::protocol::Gateway;
use crate::codec::Codec;
use crate::options::Options;
use crate::settings::facts;
use crate::site::Site;

/// A server that hosts an app behind a web server, on blocking threads; dropping it stops it at once. `C` is the protocol:
/// [`FastCgi`](crate::codec::FastCgi), [`Scgi`](crate::codec::Scgi) or [`Uwsgi`](crate::codec::Uwsgi).
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::server::Config;
/// use rsgi_core::{Adapter, Environ, Error, Running, StartResponse, Started, blocking};
/// use rsgi_gateway::{codec::FastCgi, threads::Server};
///
/// fn hello(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("Hello world!\n"))
/// }
///
/// let server = Server::<FastCgi>::start(Config::new().bind("127.0.0.1:0")?, blocking(hello))?;
/// println!("fastcgi_pass {};", server.addresses()[0]);
/// server.shutdown();
/// server.wait()?;
/// # Ok::<(), rsgi_core::server::ServeError>(())
/// ```
pub struct Server<C> {
    service: Service,
    site: Arc<Site>,
    codec: PhantomData<fn() -> C>,
}

/// Stops a [`Server`] from another thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    service: ServiceHandle,
    site: Arc<Site>,
}

impl<C: Codec> Server<C> {
    /// Starts serving with the settings that only gateways have.
    ///
    /// # Errors
    ///
    /// As [`Adapter::start`].
    pub fn start_with(config: &Config, options: &Options, app: impl App) -> Result<Self, ServeError> {
        options.refuse_reactors()?;
        let mut server = facts(C::NAME, config, &app, capabilities())?;
        let engine = rsgi_threads::Config::of_server(config).thread_name(C::NAME);
        server.multithread = engine.handler_threads() > 1;
        let runtime = Runtime::new(RUNTIME)?;
        let (listeners, places) = open_listeners(config)?;
        let drain = server.drain.clone();
        let app = Arc::new(app);
        let site = Arc::new(Site::new(config, server, &app));
        let gateway = Gateway::<C>::new(Arc::clone(&site), places, options.peers(), runtime);
        let service = Service::start(ServiceParts {
            protocol: Arc::new(gateway),
            app,
            listeners,
            engine,
            drain,
            // Counted by the site.
            pending: Pending::default(),
            graceful: config.timeouts.graceful,
        })?;
        Ok(Self { service, site, codec: PhantomData })
    }
}

impl<C: Codec> Adapter for Server<C> {
    type Running = Self;

    const NAME: &'static str = C::NAME;

    /// Starts serving. Without the setting `threads` the app runs on 32 threads.
    fn start(config: Config, app: impl App) -> Result<Self, ServeError> {
        Self::start_with(&config, &Options::default(), app)
    }
}

impl<C: Codec> Running for Server<C> {
    type Handle = Handle;

    fn addresses(&self) -> &[Endpoint] {
        self.service.addresses()
    }

    fn handle(&self) -> Handle {
        Handle { service: self.service.handle(), site: Arc::clone(&self.site) }
    }

    const CAN_BE_WORKER: bool = true;

    fn shutdown_by(handle: &Handle, limit: Option<Duration>) {
        Service::shutdown_by(&handle.service, limit);
    }

    fn leave_by(handle: &Handle, limit: Option<Duration>) {
        Service::leave_by(&handle.service, limit);
    }

    fn load(handle: &Handle) -> Option<Load> {
        let mut load = handle.service.load();
        // A connection may have several requests, of which a thread runs one at a time.
        (load.running, load.waiting) = (handle.site.running(), handle.site.waiting());
        Some(load)
    }

    fn wait(self) -> Result<(), ServeError> {
        self.service.wait()
    }
}

impl<C> fmt::Debug for Server<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("service", &self.service).finish_non_exhaustive()
    }
}

/// What a gateway can do: what its protocol has no place for is left out.
fn capabilities() -> Capabilities {
    if Runtime::HERE { Capabilities::TOKIO } else { Capabilities::NONE }
}

const RUNTIME: &str = "rsgi-gw-tokio";
