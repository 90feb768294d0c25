//! [`Here`]: the app as this process has it, with its tokio runtime; made anew behind a fork.
//!
//! A host that loads its application before it forks (`gunicorn --preload`, uWSGI without `lazy-apps`) has its workers begin with a copy of an
//! app whose threads are gone. So each process makes its own, and what was copied is left alone: its drop would wait for those threads.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;

use rsgi_core::server::{Config, ServeError};
use rsgi_core::{App as _, BoxApp, Capabilities, Drain, Error, Job, Offload, Pool, Server};
use tokio::runtime::{Builder, Handle, Runtime};

use super::factory::Making;
use super::hosts::Concurrency;

/// What makes an app, whatever its form.
pub(super) type Make = Box<dyn Fn() -> Making + Send + Sync>;

/// An app in its process.
pub(super) struct Here {
    process: u32,
    pub(super) app: BoxApp,
    pub(super) config: Arc<Config>,
    runtime: Workers,
    /// By what hosts say of themselves, which is the same for each request of most.
    servers: [OnceLock<Arc<Server>>; Concurrency::KINDS],
    drain: Drain,
}

/// The place of an app, which each process fills for itself.
pub(super) struct Place {
    make: Make,
    config: Arc<Config>,
    here: Mutex<Option<Arc<Here>>>,
}

/// Why there is no app.
#[derive(Debug)]
pub(super) enum Failed {
    /// The factory failed.
    Factory(Error),
    /// It panicked; its text went to standard error.
    Panicked,
    /// The app needs what no host of WSGI has, or the settings are wrong.
    Settings(ServeError),
}

impl Place {
    pub(super) fn new(make: Make, config: Config) -> Self {
        Self { make, config: Arc::new(config), here: Mutex::new(None) }
    }

    /// The app of this process, made if there is none yet.
    pub(super) fn here(&self) -> Result<Arc<Here>, Failed> {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        match here.take_if(|here| here.process != process::id()) {
            // Of the process that forked this one: see above.
            Some(copied) => std::mem::forget(copied),
            None => {
                if let Some(here) = &*here {
                    return Ok(Arc::clone(here));
                }
            }
        }
        let made = Arc::new(Here::begun(&self.make, Arc::clone(&self.config))?);
        *here = Some(Arc::clone(&made));
        Ok(made)
    }

    /// The app of this process for the last time, if there is one.
    pub(super) fn take(&self) -> Option<Arc<Here>> {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        here.take_if(|here| here.process == process::id())
    }
}

impl Here {
    fn begun(factory: &Make, config: Arc<Config>) -> Result<Self, Failed> {
        config.check().map_err(Failed::Settings)?;
        let runtime = Workers(OnceLock::new());
        let ready = catch_unwind(AssertUnwindSafe(|| match factory() {
            Making::Done(app) => app,
            Making::Later(later) => runtime.handle()?.block_on(later),
        }));
        let app = ready.map_err(|_| Failed::Panicked)?.map_err(Failed::Factory)?;
        let missing = app.requires().missing_in(OFFERED);
        if !missing.is_empty() {
            return Err(Failed::Settings(ServeError::missing_capability(missing, "WSGI")));
        }
        let servers = [const { OnceLock::new() }; Concurrency::KINDS];
        Ok(Self { process: process::id(), app, config, runtime, servers, drain: Drain::new() })
    }

    /// The tokio runtime of this process.
    pub(super) fn runtime(&self) -> io::Result<&Handle> {
        self.runtime.handle()
    }

    /// What a host says of itself, for the app.
    pub(super) fn server(&self, concurrency: Concurrency) -> io::Result<&Arc<Server>> {
        let place = &self.servers[concurrency.index()];
        if let Some(server) = place.get() {
            return Ok(server);
        }
        let mut server = Server::new(NAME, env!("CARGO_PKG_VERSION"));
        server.multithread = concurrency.multithread;
        server.multiprocess = concurrency.multiprocess;
        server.run_once = concurrency.run_once;
        server.capabilities = OFFERED;
        server.body_limit = self.config.limits.body_bytes;
        server.trust = self.config.trust.clone();
        server.drain = self.drain.clone();
        if concurrency.greenlets {
            server.offload = Offload::Pool(Arc::new(Blocking(self.runtime()?.clone())));
        }
        Ok(place.get_or_init(|| Arc::new(server)))
    }

    /// Has the app end, in no more time than `timeouts.graceful`. On a thread of its own: uWSGI ends Python when the calling one has
    /// lost what it keeps for itself, tokio's part of that included.
    pub(super) fn stop(self: Arc<Self>) {
        self.drain.begin();
        let most = self.config.timeouts.graceful;
        let (over, ended) = mpsc::channel();
        let stopping = thread::Builder::new().name("rsgi-wsgi-stop".into()).spawn(move || {
            let stopped = catch_unwind(AssertUnwindSafe(|| {
                self.runtime().map(|runtime| runtime.block_on(self.app.stop()))
            }));
            if stopped.is_err() {
                tracing::error!(target: "rsgi", "the app's stop panicked");
            }
            // Whoever waited may have given up.
            let _gone = over.send(());
        });
        if stopping.is_err() {
            tracing::error!(target: "rsgi", "no thread for the app's stop: left out");
            return;
        }
        let waited = match most {
            Some(most) => ended.recv_timeout(most),
            None => ended.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
        };
        if waited == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(target: "rsgi", "the app's stop took too long: given up (`graceful`)");
        }
    }
}

/// A tokio runtime, made when it is first asked for.
struct Workers(OnceLock<Runtime>);

impl Workers {
    fn handle(&self) -> io::Result<&Handle> {
        if let Some(runtime) = self.0.get() {
            return Ok(runtime.handle());
        }
        let made = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("rsgi-wsgi")
            .enable_all()
            .build()?;
        // Another thread may have been faster: then this one goes, and nothing runs on it.
        if let Err(surplus) = self.0.set(made) {
            surplus.shutdown_background();
        }
        self.0.get().map(Runtime::handle).ok_or_else(|| io::Error::other("a runtime that was made is gone"))
    }
}

/// Tokio's threads for what blocks.
struct Blocking(Handle);

impl Pool for Blocking {
    fn submit(&self, job: Job) {
        self.0.spawn_blocking(move || {
            if let Some(waiting) = job.run() {
                waiting.wake();
            }
        });
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Place").finish_non_exhaustive()
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factory(error) => {
                write!(formatter, "the app's factory failed: {error}")?;
                let mut source = error.source();
                while let Some(error) = source {
                    write!(formatter, ": {error}")?;
                    source = error.source();
                }
                Ok(())
            }
            Self::Panicked => formatter.write_str("the app's factory panicked; see standard error"),
            Self::Settings(error) => write!(formatter, "{error}; {}", error.remedy()),
        }
    }
}

/// What the app sees as its server's name.
const NAME: &str = "rsgi-wsgi";

/// The facts of TLS, as far as the host tells them, and a runtime. PEP 3333 has no place for trailers, informational answers and upgrades,
/// and doesn't say that the content can be read while the answer goes out.
const OFFERED: Capabilities = Capabilities::TLS.union(Capabilities::TOKIO);

/// Threads of the runtime. The apps' own futures run on the host's threads; what they spawn runs here.
const WORKERS: usize = 2;
