//! The servers that a worker may have, by feature and setting, behind one face.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rsgi_core::server::{Config, Load, Processes, ServeError};
use rsgi_core::{App, Running};

use super::gateways;
use super::job::Purpose;
use crate::process::Child;
use crate::settings::{Protocol, ServerKind, Settings};

/// A server that runs, to be ended from any thread.
pub(super) trait Serving: Send + Sync {
    /// Stops: finishes what is in flight, closes idle connections at once.
    fn stop(&self, limit: Option<Duration>);

    /// Leaves while the service goes on elsewhere.
    fn leave(&self);

    /// Reads certificates again.
    fn reload(&self) -> Result<(), ServeError>;

    /// What there is to do, if it tells.
    fn load(&self) -> Option<Load>;
}

/// A server that was started.
pub(super) struct Started {
    pub(super) serving: Arc<dyn Serving>,
    /// Waits for its end.
    pub(super) wait: Box<dyn FnOnce() -> Result<(), ServeError>>,
}

/// Starts the server of the settings. It starts threads.
pub(super) fn start(
    _: &Child,
    settings: &Settings,
    config: Config,
    app: impl App,
) -> Result<Started, ServeError> {
    if let Protocol::Gateway(gateway) = settings.protocol {
        return gateways::start(gateway, settings, &config, app);
    }
    match settings.server {
        #[cfg(feature = "std")]
        ServerKind::Std => {
            let options = rsgi_std::Options::default().sendfile(settings.sendfile);
            Ok(started(rsgi_std::Server::start_with(&config, &options, app)?, rsgi_std::Handle::reload))
        }
        #[cfg(feature = "hyper")]
        ServerKind::Hyper => {
            let builder = rsgi_hyper::Builder::new(config).reactors(threads(settings));
            Ok(started(builder.start(app)?, rsgi_hyper::Handle::reload))
        }
        #[cfg(not(all(feature = "std", feature = "hyper")))]
        missing => {
            drop((config, app));
            Err(self::missing(missing))
        }
    }
}

/// A server that isn't compiled in.
#[cfg(not(all(feature = "std", feature = "hyper")))]
pub(super) fn missing(server: ServerKind) -> ServeError {
    ServeError::bad_setting(
        "server",
        server.name(),
        "this program was built without it",
        "choose the other server, or build with the feature of its name",
    )
}

/// What the server is given: the settings' word, but where to listen.
pub(super) fn config(settings: &Settings, binds: Vec<rsgi_core::server::Bind>, purpose: Purpose) -> Config {
    let mut config = settings.config.clone();
    config.binds = binds;
    // The sockets are open; these are for opening some.
    config.unix_mode = None;
    config.port_sharing = rsgi_core::server::PortSharing::Exclusive;
    if purpose == Purpose::Serve {
        // Even beside a single worker there may be another: during a reload, or after TTIN.
        config.processes = Processes::Several;
        // The master keeps this limit, and says what ran then; the server's own is for a worker whose master is gone.
        config.timeouts.graceful = Some(settings.clocks.graceful.saturating_add(BEYOND));
    }
    match settings.server {
        // There they are the runtime's (`Builder::reactors`), not those of blocking apps.
        ServerKind::Hyper => config.threads = None,
        // What a worker has no thread for, the others accept.
        ServerKind::Std if settings.workers.max(settings.max_workers) > 1 => {
            config.limits.running_requests = Some(threads(settings));
        }
        ServerKind::Std => {}
    }
    config
}

/// How many threads poll the app.
pub(super) fn threads(settings: &Settings) -> usize {
    let chosen = settings.threads.map(NonZeroUsize::get);
    chosen.unwrap_or_else(|| match settings.server {
        ServerKind::Std => OF_STD,
        ServerKind::Hyper => thread::available_parallelism().map_or(1, NonZeroUsize::get),
    })
}

pub(super) fn started<R: Running + 'static>(
    running: R,
    reload: fn(&R::Handle) -> Result<(), ServeError>,
) -> Started {
    let serving = Arc::new(Held::<R> { handle: running.handle(), reload });
    Started { serving, wait: Box::new(move || running.wait()) }
}

struct Held<R: Running> {
    handle: R::Handle,
    reload: fn(&R::Handle) -> Result<(), ServeError>,
}

impl<R: Running> Serving for Held<R> {
    fn stop(&self, limit: Option<Duration>) {
        R::shutdown_by(&self.handle, limit);
    }

    fn leave(&self) {
        R::leave_by(&self.handle, None);
    }

    fn reload(&self) -> Result<(), ServeError> {
        (self.reload)(&self.handle)
    }

    fn load(&self) -> Option<Load> {
        R::load(&self.handle)
    }
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").finish_non_exhaustive()
    }
}

/// By how much a worker is more patient than its master.
const BEYOND: Duration = Duration::from_secs(5);

/// As many as rsgi-std starts by itself (`Adapter::start` there).
const OF_STD: usize = 32;
