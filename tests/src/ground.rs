//! The adapters under test, behind one value: a case is told on which one it runs and can't see more of it.
//!
//! Everything goes through the server convention of `rsgi-core`, so that a new adapter joins the suite by one arm
//! in [`On::start`]. Read next: `client.rs`, the other end.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rsgi_core::server::{Config, ServeError};
use rsgi_core::{Adapter, App, BoxApp, Endpoint, Running};
use rsgi_hyper::Cores;
use rsgi_std::{Options, Poller};

use crate::Client;
use crate::deadline::{PATIENCE, within};

/// One adapter, and one of the ways in which it can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// rsgi-std.
    Std(Poller),
    /// rsgi-hyper.
    Hyper(Cores),
}

/// What runs, with the adapter's own types erased.
trait Hosted: Send {
    fn addresses(&self) -> &[Endpoint];
    fn stopper(&self) -> Stopper;
    fn wait(self: Box<Self>) -> Result<(), ServeError>;
}

impl<R: Running + 'static> Hosted for R {
    fn addresses(&self) -> &[Endpoint] {
        R::addresses(self)
    }

    fn stopper(&self) -> Stopper {
        let handle = self.handle();
        Stopper(Box::new(move |limit| R::shutdown_by(&handle, limit)))
    }

    fn wait(self: Box<Self>) -> Result<(), ServeError> {
        R::wait(*self)
    }
}

/// A handle to stop a server from another thread.
pub struct Stopper(Box<dyn Fn(Option<Duration>) + Send + Sync>);

impl Stopper {
    /// Begins the graceful end, bounded by the setting.
    pub fn stop(&self) {
        (self.0)(None);
    }

    /// Begins the graceful end, bounded by this limit.
    pub fn stop_within(&self, limit: Duration) {
        (self.0)(Some(limit));
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Stopper(..)")
    }
}

/// A server that serves an app on a port of its own; stopped at once when dropped.
pub struct Server {
    running: Option<Box<dyn Hosted>>,
    addresses: Vec<Endpoint>,
}

impl On {
    /// The settings that cases start from: a free port of this machine, few threads.
    pub fn config(self) -> Config {
        Config::new().bind("127.0.0.1:0").expect("a good address").threads(4)
    }

    /// Serves an app.
    pub fn serve(self, app: impl App) -> Server {
        self.serve_with(app, |config| config)
    }

    /// Serves an app with settings changed.
    pub fn serve_with(self, app: impl App, change: impl FnOnce(Config) -> Config) -> Server {
        self.start(change(self.config()), app).unwrap_or_else(|error| panic!("doesn't start: {error}"))
    }

    /// Starts the server, or says why not.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub fn start(self, config: Config, app: impl App) -> Result<Server, ServeError> {
        // One type of app, so that each adapter is compiled once and not for each case.
        let app = BoxApp::new(app);
        let running: Box<dyn Hosted> = match self {
            // The usual way is started as any launcher would.
            Self::Std(Poller::Native) => Box::new(rsgi_std::Server::start(config, app)?),
            Self::Std(poller) => {
                Box::new(rsgi_std::Server::start_with(&config, &Options::default().poller(poller), app)?)
            }
            Self::Hyper(Cores::Shared) => Box::new(rsgi_hyper::Server::start(config, app)?),
            Self::Hyper(cores) => {
                Box::new(rsgi_hyper::Builder::new(config).cores(cores).reactors(2).start(app)?)
            }
        };
        let addresses = running.addresses().to_vec();
        Ok(Server { running: Some(running), addresses })
    }

    /// The name the adapter must give itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::Std(_) => "rsgi-std",
            Self::Hyper(_) => "rsgi-hyper",
        }
    }

    /// Tells whether this is rsgi-std, for what `docs/differences.md` lists.
    pub fn is_std(self) -> bool {
        matches!(self, Self::Std(_))
    }
}

impl Server {
    /// Its first TCP address.
    pub fn address(&self) -> SocketAddr {
        let tcp = self.addresses.iter().find_map(|endpoint| match endpoint {
            Endpoint::Tcp(address) => Some(*address),
            _ => None,
        });
        tcp.expect("it listens on TCP")
    }

    /// All its addresses.
    pub fn addresses(&self) -> &[Endpoint] {
        &self.addresses
    }

    /// The file of its first unix socket.
    pub fn path(&self) -> PathBuf {
        let path = self.addresses.iter().find_map(Endpoint::path);
        path.expect("it listens on a unix socket").to_owned()
    }

    /// Connects to its first TCP address.
    pub fn client(&self) -> Client {
        Client::tcp(self.address())
    }

    /// A handle to stop it.
    pub fn stopper(&self) -> Stopper {
        self.running.as_ref().expect("it runs").stopper()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// What ended it, if that was no shutdown.
    pub fn wait(mut self) -> Result<(), ServeError> {
        let running = self.running.take().expect("it runs");
        within(PATIENCE, "the server ends", move || running.wait())
    }

    /// Ends it gracefully and waits for that.
    pub fn stop(self) {
        self.stopper().stop();
        self.wait().expect("a shutdown is no error");
    }
}

impl Drop for Server {
    /// At once, and no later than that: a server that hangs in its end fails the test by name.
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        if std::thread::panicking() {
            std::thread::spawn(move || drop(running));
        } else {
            within(PATIENCE, "the dropped server ends", move || drop(running));
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// rsgi-std as it comes.
pub const STD: On = On::Std(Poller::Native);
/// rsgi-std over `poll(2)`, as on a system without epoll.
pub const STD_PORTABLE: On = On::Std(Poller::Portable);
/// rsgi-hyper as it comes.
pub const HYPER: On = On::Hyper(Cores::Shared);
/// rsgi-hyper with a runtime and a listener for each core.
pub const HYPER_SEPARATE: On = On::Hyper(Cores::Separate);

/// Makes a test of each case named, once per adapter and way to run it: `on_std::case`, `on_hyper::case` and so on.
///
/// A case is a function that takes an [`On`].
#[macro_export]
macro_rules! mount {
    ($($case:ident),* $(,)?) => {
        $crate::mount_only!(on_std, STD: $($case),*);
        $crate::mount_only!(on_std_portable, STD_PORTABLE: $($case),*);
        $crate::mount_only!(on_hyper, HYPER: $($case),*);
        $crate::mount_only!(on_hyper_separate, HYPER_SEPARATE: $($case),*);
    };
}

/// Makes tests of cases that one adapter alone can run: `mount_only!(on_std_alone, STD: case)`.
#[macro_export]
macro_rules! mount_only {
    ($module:ident, $on:ident: $($case:ident),* $(,)?) => {
        mod $module {
            $(#[test] fn $case() { super::$case($crate::$on); })*
        }
    };
}
