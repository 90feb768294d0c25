//! A server that is up, on one of the hosts, and the macros that make a test one for each.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rsgi_core::server::{Config, Load, ServeError};
use rsgi_core::{Adapter as _, App, Endpoint, Environ, Outcome, Running};
use rsgi_gateway::codec::Codec;
use rsgi_gateway::{Options, threads, tokio};

use crate::wire::{Client, Wire};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Where the connection machine runs.
pub(crate) trait Host: 'static {
    type Server<C: Codec>: Running<Handle: std::fmt::Debug>;

    fn start_with<C: Codec>(
        config: &Config,
        options: &Options,
        app: impl App,
    ) -> Result<Self::Server<C>, ServeError>;
}

/// On blocking threads.
#[derive(Debug)]
pub(crate) struct Threads;

/// On tokio.
#[derive(Debug)]
pub(crate) struct Tokio;

impl Host for Threads {
    type Server<C: Codec> = threads::Server<C>;

    fn start_with<C: Codec>(
        config: &Config,
        options: &Options,
        app: impl App,
    ) -> Result<threads::Server<C>, ServeError> {
        threads::Server::start_with(config, options, app)
    }
}

impl Host for Tokio {
    type Server<C: Codec> = tokio::Server<C>;

    fn start_with<C: Codec>(
        config: &Config,
        options: &Options,
        app: impl App,
    ) -> Result<tokio::Server<C>, ServeError> {
        tokio::Server::start_with(config, options, app)
    }
}

/// A server that is up.
pub(crate) struct Served<H: Host, W: Wire> {
    pub(crate) server: H::Server<W::Codec>,
}

impl<H: Host, W: Wire> Served<H, W> {
    /// With the defaults.
    pub(crate) fn new(app: impl App) -> Self {
        Self::with(Config::new(), app)
    }

    /// With settings.
    pub(crate) fn with(config: Config, app: impl App) -> Self {
        Self::of(&config.bind("127.0.0.1:0").unwrap(), &Options::default(), app)
    }

    /// With all there is to set.
    pub(crate) fn of(config: &Config, options: &Options, app: impl App) -> Self {
        Self { server: H::start_with(config, options, app).unwrap() }
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        let Endpoint::Tcp(address) = self.server.addresses()[0] else { panic!("it listens on TCP") };
        address
    }

    pub(crate) fn connect(&self) -> Client<W> {
        Client::connect(self.address())
    }

    pub(crate) fn load(&self) -> Load {
        H::Server::<W::Codec>::load(&self.server.handle()).unwrap()
    }

    /// Waits until the load is as wanted, of which nothing tells.
    pub(crate) fn until(&self, is_wanted: impl Fn(&Load) -> bool) -> Load {
        let start = Instant::now();
        loop {
            let load = self.load();
            if is_wanted(&load) {
                return load;
            }
            assert!(start.elapsed() < PATIENCE, "it stays {load:?}");
            std::thread::yield_now();
        }
    }

    /// Ends it, and waits for the end.
    pub(crate) fn end(self) {
        self.server.shutdown();
        self.server.wait().unwrap();
    }
}

/// The adapter's name, as core knows it.
pub(crate) fn names<C: Codec>() -> [&'static str; 2] {
    [threads::Server::<C>::NAME, tokio::Server::<C>::NAME]
}

/// Waits for what was promised.
pub(crate) fn next<T>(from: &Receiver<T>) -> T {
    from.recv_timeout(PATIENCE).expect("it comes in time")
}

/// Asserts that nothing more comes, ever: all who could send are gone.
pub(crate) fn nothing_more<T: std::fmt::Debug>(from: &Receiver<T>) {
    match from.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Disconnected) => {}
        other => panic!("{other:?} instead of the end"),
    }
}

/// Has a request's outcome told, with its path.
pub(crate) fn told(environ: &Environ, to: &std::sync::mpsc::Sender<(String, Outcome)>) {
    let (to, path) = (to.clone(), environ.path_info().to_owned());
    environ.on_outcome(move |outcome| {
        // A test may have seen enough.
        let _gone = to.send((path, outcome.clone()));
    });
}

/// Makes tests for every protocol on every host.
macro_rules! everywhere {
    ($($test:ident),+ $(,)?) => {
        everywhere!(@ threads_fastcgi, Threads, FastCgi, $($test),+);
        everywhere!(@ threads_scgi, Threads, Scgi, $($test),+);
        everywhere!(@ threads_uwsgi, Threads, Uwsgi, $($test),+);
        everywhere!(@ tokio_fastcgi, Tokio, FastCgi, $($test),+);
        everywhere!(@ tokio_scgi, Tokio, Scgi, $($test),+);
        everywhere!(@ tokio_uwsgi, Tokio, Uwsgi, $($test),+);
    };
    (@ $module:ident, $host:ident, $wire:ident, $($test:ident),+) => {
        mod $module {
            $(#[test]
            fn $test() {
                super::$test::<crate::served::$host, crate::wire::$wire>();
            })+
        }
    };
}

/// Makes tests for every host.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        on_both!(@ on_threads, Threads, $($test),+);
        on_both!(@ on_tokio, Tokio, $($test),+);
    };
    (@ $module:ident, $host:ident, $($test:ident),+) => {
        mod $module {
            $(#[test]
            fn $test() {
                super::$test::<crate::served::$host>();
            })+
        }
    };
}
