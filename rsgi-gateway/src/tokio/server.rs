//! [`Server`]: starts serving an app by a gateway protocol on tokio, and the handle on what runs.
//!
//! The convention of every adapter. Not here: anything about a connection.
//!
//! Invariants: `start` returns once connections are accepted, and whatever could fail for a reason of the user's has failed by
//! then; nothing is started before it, so that a process may fork until then. Next: `accept.rs`, `control.rs`.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle, available_parallelism};
use std::time::Duration;

use rsgi_core::server::{Config, Load, ServeError};
use rsgi_core::{Adapter, App, Capabilities, Endpoint, Offload, Running};
use rsgi_threads::open_listeners;
use tokio::runtime::Runtime;

use super::accept::Accepting;
use super::control::{Control, Handle};
use super::pool::{Threads, Workers};
use crate::codec::Codec;
use crate::options::Options;
use crate::settings::facts;
use crate::site::Site;

/// A server that hosts an app behind a web server, on tokio; dropping it stops it at once. `C` is the protocol:
/// [`FastCgi`](crate::codec::FastCgi), [`Scgi`](crate::codec::Scgi) or [`Uwsgi`](crate::codec::Uwsgi).
///
/// # Examples
///
/// ```
/// use rsgi_core::http::StatusCode;
/// use rsgi_core::server::Config;
/// use rsgi_core::{Adapter, Environ, Error, Running, StartResponse, Started};
/// use rsgi_gateway::{codec::FastCgi, tokio::Server};
///
/// async fn hello(_environ: Environ, start_response: StartResponse) -> Result<Started, Error> {
///     Ok(start_response.start(StatusCode::OK, [("content-type", "text/plain")])?.body("Hello world!\n"))
/// }
///
/// let server = Server::<FastCgi>::start(Config::new().bind("127.0.0.1:0")?, hello)?;
/// println!("fastcgi_pass {};", server.addresses()[0]);
/// server.shutdown();
/// server.wait()?;
/// # Ok::<(), rsgi_core::server::ServeError>(())
/// ```
pub struct Server<C> {
    addresses: Vec<Endpoint>,
    control: Arc<Control>,
    /// Taken by `wait`.
    thread: Option<JoinHandle<()>>,
    codec: PhantomData<fn() -> C>,
}

impl<C: Codec> Server<C> {
    /// Starts serving with the settings that only gateways have, on a runtime of the server's own.
    ///
    /// # Errors
    ///
    /// As [`Adapter::start`].
    pub fn start_with(config: &Config, options: &Options, app: impl App) -> Result<Self, ServeError> {
        refuse_foreign::<C>(config)?;
        let mut server = facts(C::NAME, config, &app, Capabilities::TOKIO)?;
        let limit = config.threads.map_or(BLOCKING_THREADS, NonZeroUsize::get);
        let runtime = runtime(options, limit)?;
        let (listeners, places) = open_listeners(config)?;
        let addresses = listeners.iter().map(|listener| Endpoint::from(listener.address())).collect();
        let threads = Threads::new(runtime.handle().clone(), limit);
        server.multithread = true;
        server.offload = Offload::Pool(Arc::new(Workers(Arc::clone(&threads))));
        let (drain, graceful) = (server.drain.clone(), config.timeouts.graceful);
        let app = Arc::new(app);
        let site = Arc::new(Site::new(config, server, &app));
        let control = Arc::new(Control::new(site, threads, drain, graceful));
        {
            let _entered = runtime.enter();
            let accepting: Result<Vec<_>, _> = listeners
                .into_iter()
                .zip(places)
                .map(|(listener, place)| Accepting::new(listener, place, options.peers()))
                .collect();
            for accepting in accepting? {
                let (control, place) = (Arc::clone(&control), control.join_accepting());
                drop(tokio::spawn(accepting.run::<C>(control, place)));
            }
        }
        let ending = Arc::clone(&control);
        let thread = thread::Builder::new()
            .name(C::NAME.to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    ending.ended().await;
                    stop(app, &ending).await;
                });
                // Blocking work that hangs doesn't keep the server from ending.
                runtime.shutdown_background();
            })
            .map_err(|error| ServeError::io("start a server thread", error))?;
        Ok(Self { addresses, control, thread: Some(thread), codec: PhantomData })
    }
}

impl<C> Server<C> {
    fn join(&mut self) -> Result<(), ServeError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(ServeError::io("serve", io::Error::other("a server thread panicked"))),
            Some(Ok(())) | None => Ok(()),
        }
    }
}

impl<C: Codec> Adapter for Server<C> {
    type Running = Self;

    const NAME: &'static str = C::NAME;

    /// Starts serving. Without the setting `threads` blocking work has up to 256 threads, started when needed.
    fn start(config: Config, app: impl App) -> Result<Self, ServeError> {
        Self::start_with(&config, &Options::default(), app)
    }
}

impl<C: Codec> Running for Server<C> {
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

impl<C> Drop for Server<C> {
    fn drop(&mut self) {
        if self.thread.is_some() {
            Handle { control: Arc::clone(&self.control) }.shutdown(Some(Duration::ZERO));
            if let Err(error) = self.join() {
                tracing::error!(target: "rsgi", %error, "the server ended with an error");
            }
        }
    }
}

impl<C> fmt::Debug for Server<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// The reactors, with room for blocking work beside what an app asks of the runtime itself.
fn runtime(options: &Options, blocking: usize) -> Result<Runtime, ServeError> {
    let reactors = options.reactor_threads().or_else(|| available_parallelism().ok());
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(reactors.map_or(1, NonZeroUsize::get))
        .max_blocking_threads(blocking.saturating_add(APPS_OWN))
        .thread_name("rsgi-reactor")
        .enable_all()
        .build()
        .map_err(|error| ServeError::io("start a runtime", error))
}

/// Lets the app end itself, for as long as the graceful end may still take, but a second at least.
async fn stop<A: App>(app: Arc<A>, control: &Control) {
    let stopping = tokio::spawn(async move { app.stop().await });
    let stopped = match control.left() {
        Some(left) => tokio::time::timeout(left.max(LEAST_STOP), stopping).await,
        None => Ok(stopping.await),
    };
    match stopped {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(target: "rsgi", %error, "the app's stop panicked"),
        Err(_) => tracing::warn!(target: "rsgi", "the app's stop took too long: given up (`graceful`)"),
    }
}

/// Refuses a setting that only a server of blocking threads can keep.
fn refuse_foreign<C: Codec>(config: &Config) -> Result<(), ServeError> {
    match config.limits.pending_requests {
        None => Ok(()),
        Some(most) => Err(ServeError::bad_setting(
            "pending_requests",
            most,
            format!("{} on tokio has no such queue: apps are polled, and hold no thread", C::NAME),
            "leave it unset, or serve on blocking threads",
        )),
    }
}

/// How many threads there may be for blocking work where nobody says. They are started when needed.
const BLOCKING_THREADS: usize = 256;

/// How many more an app may have by `spawn_blocking`: as many as tokio allows for by itself.
const APPS_OWN: usize = 512;

/// The least time for an app's `stop`.
const LEAST_STOP: Duration = Duration::from_secs(1);
