//! Starting a server, and ending it.
//!
//! Everything that can fail for a reason of the user's fails before the first connection is accepted. Not here: what
//! accepting is (`accept.rs`), nor a connection (`conn.rs`), nor who may end the server (`control.rs`).
//!
//! Invariant: whatever ends a server, its app's `stop` comes behind the last connection.

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rsgi_core::server::{Bind, Config, Load, PortSharing, Processes, ServeError};
use rsgi_core::{Adapter, App, Capabilities, Endpoint, Offload};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::accept::{accepting, spawn_accepting};
use crate::config::{BLOCKING_THREADS, Cores, default_reactors};
use crate::conn::Host;
use crate::control::{Control, Handle};
use crate::hosted::Hosted;
use crate::listener::Listener;
use crate::offload::Threads;
use crate::stage::Stage;
use crate::tls::Security;

/// Serves `app` at a listener, in the current tokio runtime, with every default. Ends only by an error.
///
/// # Errors
///
/// A [`ServeError`] that names what is wrong and what to do about it.
///
/// # Examples
///
/// ```no_run
/// # async fn example(app: impl rsgi_core::App) -> Result<(), Box<dyn std::error::Error>> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
/// rsgi_hyper::serve(listener, app).await?;
/// # Ok(())
/// # }
/// ```
pub async fn serve(listener: impl Into<Listener>, app: impl App) -> Result<(), ServeError> {
    Builder::new(Config::new()).listener(listener).serve(app).await
}

/// The adapter: `rsgi_hyper::Server::start(config, app)?`.
#[derive(Debug)]
#[non_exhaustive]
pub struct Server;

impl Adapter for Server {
    type Running = Running;

    const NAME: &'static str = "rsgi-hyper";

    fn start(config: Config, app: impl App) -> Result<Running, ServeError> {
        Builder::new(config).start(app)
    }
}

/// Says how to serve, where `Server::start` isn't enough.
///
/// # Examples
///
/// ```no_run
/// # async fn example(app: impl rsgi_core::App) -> Result<(), rsgi_core::server::ServeError> {
/// use rsgi_core::server::Config;
///
/// let (ask_to_stop, asked) = tokio::sync::oneshot::channel::<()>();
/// # drop(ask_to_stop);
/// rsgi_hyper::Builder::new(Config::new().bind("unix:run/app.sock")?)
///     .shutdown_on(async { asked.await.unwrap_or_default() })
///     .serve(app)
///     .await
/// # }
/// ```
pub struct Builder {
    config: Config,
    cores: Cores,
    reactors: Option<NonZeroUsize>,
    listeners: Vec<Listener>,
    shutdown: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Builder {
    /// Starts with a configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, cores: Cores::default(), reactors: None, listeners: Vec::new(), shutdown: None }
    }

    /// Sets how [`start`](Self::start) uses the cores. Default: one runtime for all.
    #[must_use]
    pub fn cores(mut self, cores: Cores) -> Self {
        self.cores = cores;
        self
    }

    /// Sets how many reactor threads [`start`](Self::start) has; 0 stands for the default, one for each core. Lower it
    /// where other programs need the cores.
    #[must_use]
    pub fn reactors(mut self, threads: usize) -> Self {
        self.reactors = NonZeroUsize::new(threads);
        self
    }

    /// Adds a listener that is open already, in place of those that the configuration names.
    #[must_use]
    pub fn listener(mut self, listener: impl Into<Listener>) -> Self {
        self.listeners.push(listener.into());
        self
    }

    /// Begins the graceful end when `order` is there. Only for [`serve`](Self::serve).
    #[must_use]
    pub fn shutdown_on(mut self, order: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Some(Box::pin(order));
        self
    }

    /// Serves in the current tokio runtime, until the graceful end is over.
    ///
    /// Cancel safety: dropping the future ends the server at once.
    ///
    /// # Errors
    ///
    /// A [`ServeError`] that names what is wrong and what to do about it.
    pub async fn serve(mut self, app: impl App) -> Result<(), ServeError> {
        let control = self.control(&app)?;
        let listeners = self.open()?;
        let _stop = StopOnDrop(Arc::clone(&control));
        let threads = self.blocking_threads(&control);
        let app = Arc::new(app);
        let permits = self.permits();
        let host = Arc::new(self.host_of(Arc::clone(&app), &control, &threads));
        let accepting = accepting(listeners)?;
        if let Some(order) = self.shutdown.take() {
            tokio::spawn(end_on(order, Arc::clone(&control)));
        }
        spawn_accepting(accepting, &host, &control, &permits);
        control.ended().await;
        stop(app, &control).await;
        drop(threads);
        Ok(())
    }

    /// Makes the app ready to serve connections that the caller brings. Call it within a tokio runtime.
    ///
    /// # Errors
    ///
    /// A [`ServeError`] that names what is wrong and what to do about it.
    pub fn host<A: App>(self, app: A) -> Result<Hosted<A>, ServeError> {
        let control = self.control(&app)?;
        let threads = self.blocking_threads(&control);
        let host = Arc::new(self.host_of(Arc::new(app), &control, &threads));
        Ok(Hosted { host, control, threads: Arc::new(threads) })
    }

    /// Starts serving on runtimes of the server's own, and returns once connections are accepted.
    ///
    /// # Errors
    ///
    /// A [`ServeError`] that names what is wrong and what to do about it.
    pub fn start(mut self, app: impl App) -> Result<Running, ServeError> {
        let control = self.control(&app)?;
        let reactors = self.reactors.unwrap_or_else(default_reactors).get();
        let mut runtimes = self.runtimes(reactors)?;
        let listeners = self.open_for(runtimes.len())?;
        let addresses = listeners[0].iter().map(Listener::endpoint).collect();
        let threads = {
            let _entered = runtimes[0].enter();
            self.blocking_threads(&control)
        };
        let app = Arc::new(app);
        let permits = self.permits();
        for (runtime, listeners) in runtimes.iter().zip(listeners) {
            let _entered = runtime.enter();
            let host = Arc::new(self.host_of(Arc::clone(&app), &control, &threads));
            spawn_accepting(accepting(listeners)?, &host, &control, &permits);
        }
        let mut joined = Vec::new();
        let first = runtimes.remove(0);
        for (number, runtime) in runtimes.into_iter().enumerate() {
            let control = Arc::clone(&control);
            joined.push(spawn(format!("rsgi-hyper-{}", number + 1), move || {
                runtime.block_on(control.ended());
                runtime.shutdown_background();
            })?);
        }
        let ending = Arc::clone(&control);
        joined.push(spawn("rsgi-hyper-0".to_owned(), move || {
            first.block_on(async {
                ending.ended().await;
                stop(app, &ending).await;
            });
            drop(threads);
            first.shutdown_background();
        })?);
        Ok(Running { control, threads: joined, addresses })
    }

    fn control(&self, app: &impl App) -> Result<Arc<Control>, ServeError> {
        self.config.check()?;
        refuse_foreign(&self.config)?;
        let missing = app.requires().missing_in(self.capabilities());
        if !missing.is_empty() {
            return Err(ServeError::missing_capability(missing, Server::NAME));
        }
        Ok(Control::new(Security::open(&self.config)?, &self.config))
    }

    fn capabilities(&self) -> Capabilities {
        let always = Capabilities::TRAILERS
            | Capabilities::INFORMATIONAL
            | Capabilities::UPGRADE
            | Capabilities::DUPLEX
            | Capabilities::UNIX_PEER
            | Capabilities::HTTP2
            | Capabilities::TOKIO;
        if self.config.tls.is_some() { always | Capabilities::TLS } else { always }
    }

    /// The pool for blocking work. Call it within a runtime.
    fn blocking_threads(&self, control: &Control) -> Threads {
        let threads = Threads::new(self.config.threads.map_or(BLOCKING_THREADS, NonZeroUsize::get));
        control.watch(&threads);
        threads
    }

    fn permits(&self) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(self.config.limits.connections.min(Semaphore::MAX_PERMITS)))
    }

    fn host_of<A: App>(&self, app: Arc<A>, control: &Control, threads: &Threads) -> Host<A> {
        let mut server = rsgi_core::Server::new(Server::NAME, env!("CARGO_PKG_VERSION"));
        server.multithread = true;
        server.multiprocess = self.config.processes == Processes::Several;
        server.capabilities = self.capabilities();
        server.body_limit = self.config.limits.body_bytes;
        server.trust = self.config.trust.clone();
        server.drain = control.drain.clone();
        server.offload = Offload::Pool(threads.lane());
        Host::new(app, Arc::new(server), &self.config, Arc::clone(&control.security))
    }

    /// Opens the listeners that were not given open.
    fn open(&mut self) -> Result<Vec<Listener>, ServeError> {
        if !self.listeners.is_empty() {
            return Ok(std::mem::take(&mut self.listeners));
        }
        self.config.listeners().iter().map(|bind| Listener::open(bind, &self.config)).collect()
    }

    /// Opens a set of listeners for each runtime: TCP listeners of our own apart, all others shared.
    fn open_for(&mut self, runtimes: usize) -> Result<Vec<Vec<Listener>>, ServeError> {
        if runtimes == 1 || !self.listeners.is_empty() {
            let first = self.open()?;
            return share(first, runtimes);
        }
        let mut shared = self.config.clone();
        shared.port_sharing = PortSharing::Shared;
        let mut sets: Vec<Vec<Listener>> = (0..runtimes).map(|_| Vec::new()).collect();
        for bind in self.config.listeners() {
            if !matches!(bind, Bind::Tcp { .. }) {
                let same = share(vec![Listener::open(&bind, &self.config)?], runtimes)?;
                sets.iter_mut().zip(same).for_each(|(set, same)| set.extend(same));
                continue;
            }
            // Whoever shares a port can't be told that it is taken, so it is asked for alone first.
            drop(Listener::open(&bind, &self.config)?);
            let mut bind = bind;
            for set in &mut sets {
                let listener = Listener::open(&bind, &shared)?;
                // With the port that the system chose, if it was to choose one.
                bind = listener.bind().clone();
                set.push(listener);
            }
        }
        Ok(sets)
    }

    fn runtimes(&self, reactors: usize) -> Result<Vec<Runtime>, ServeError> {
        let failed = |error| ServeError::io("start a runtime", error);
        match self.cores {
            Cores::Shared => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                let runtime =
                    builder.worker_threads(reactors).thread_name("rsgi-reactor").enable_all().build();
                Ok(vec![runtime.map_err(failed)?])
            }
            Cores::Separate => (0..reactors)
                .map(|_| tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed))
                .collect(),
        }
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Builder")
            .field("config", &self.config)
            .field("cores", &self.cores)
            .finish_non_exhaustive()
    }
}

/// A server that runs on threads of its own. Dropping it ends it at once.
#[derive(Debug)]
pub struct Running {
    control: Arc<Control>,
    threads: Vec<JoinHandle<()>>,
    addresses: Vec<Endpoint>,
}

impl rsgi_core::Running for Running {
    type Handle = Handle;

    fn addresses(&self) -> &[Endpoint] {
        &self.addresses
    }

    fn handle(&self) -> Handle {
        Handle { control: Arc::clone(&self.control) }
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

impl Running {
    fn join(&mut self) -> Result<(), ServeError> {
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.control.shutdown(Some(Duration::ZERO));
                return Err(ServeError::io("serve", io::Error::other("a server thread panicked")));
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.control.shutdown(Some(Duration::ZERO));
            let _logged =
                self.join().inspect_err(|error| tracing::error!(target: "rsgi", %error, "server ended"));
        }
    }
}

/// Ends a server whose future is dropped.
struct StopOnDrop(Arc<Control>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.shutdown(Some(Duration::ZERO));
        self.0.stages.advance(Stage::Stopped);
    }
}

async fn end_on(order: impl Future<Output = ()> + Send, control: Arc<Control>) {
    order.await;
    control.shutdown(None);
}

/// Lets the app end itself, for as long as the graceful end may still take, but a second at least.
pub(crate) async fn stop<A: App>(app: Arc<A>, control: &Control) {
    let stopping = tokio::spawn(async move { app.stop().await });
    let stopped = match control.left() {
        Some(left) => tokio::time::timeout(left.max(Duration::from_secs(1)), stopping).await,
        None => Ok(stopping.await),
    };
    match stopped {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(target: "rsgi", %error, "the app's `stop` panicked"),
        Err(_) => tracing::error!(target: "rsgi", "the app's `stop` took longer than `graceful` allows"),
    }
}

fn spawn(name: String, life: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, ServeError> {
    thread::Builder::new()
        .name(name)
        .spawn(life)
        .map_err(|error| ServeError::io("start a server thread", error))
}

fn share(first: Vec<Listener>, runtimes: usize) -> Result<Vec<Vec<Listener>>, ServeError> {
    let mut sets = Vec::with_capacity(runtimes);
    for _ in 1..runtimes {
        let set: io::Result<Vec<_>> = first.iter().map(Listener::duplicate).collect();
        sets.push(set.map_err(|error| ServeError::io("share a listener", error))?);
    }
    sets.insert(0, first);
    Ok(sets)
}

/// Refuses a setting that only a server of blocking threads can keep, and says of one that does nothing here that it
/// does nothing: neither is passed over in silence.
fn refuse_foreign(config: &Config) -> Result<(), ServeError> {
    if config.limits.request_buffer > 0 {
        let bytes = config.limits.request_buffer;
        tracing::warn!(target: "rsgi", bytes, "request_buffer does nothing here: an app that waits holds no thread");
    }
    match config.limits.pending_requests {
        None => Ok(()),
        Some(most) => Err(ServeError::bad_setting(
            "pending_requests",
            most,
            "rsgi-hyper has no such queue: apps are polled, and hold no thread",
            "leave it unset, or serve by rsgi-std",
        )),
    }
}
