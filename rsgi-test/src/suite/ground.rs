//! The ground that a case stands on: an adapter behind one value, and one of the ways to run it.
//!
//! Everything goes through the server convention of `rsgi-core`. A ground also carries what a variation changes (lint,
//! mount prefix, a deliberate fault), so that a case which starts its own servers is varied without knowing. Read next:
//! `talk.rs`, the other end.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rsgi_core::http::StatusCode;
use rsgi_core::server::{Config, Load, ServeError, ServeErrorKind, TlsFiles};
use rsgi_core::{Adapter, App, BoxApp, Capabilities, Endpoint, Running};

use super::apps::plain;
use super::linting::Findings;
use crate::wire::RawClient;
use crate::wire::bytes::get;
use crate::wire::deadline::{events, patience, within};

/// An adapter under test.
#[derive(Clone)]
pub struct Ground {
    name: &'static str,
    start: Arc<Start>,
    can_be_worker: bool,
    differences: &'static [Difference],
    /// The findings of all servers started, where lint is on.
    lint: Option<Findings>,
}

type Start = dyn Fn(Config, BoxApp) -> Result<Box<dyn Hosted>, ServeError> + Send + Sync;

/// A case that this adapter fails, and why that stands: a mark that is checked, as a marked case that passes is a
/// failure too.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "adapters write it down as a table")]
pub struct Difference {
    /// The name of the case.
    pub case: &'static str,
    /// What the server does instead.
    pub instead: &'static str,
    /// Why it isn't mended.
    pub reason: &'static str,
}

impl fmt::Debug for Ground {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ground").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Ground {
    /// The ground of an adapter as it comes.
    pub fn of<A: Adapter>() -> Self
    where
        A::Running: 'static,
    {
        Self::new(A::NAME, |config, app| A::start(config, app))
    }

    /// A ground of an adapter that is started in a way of its own.
    pub fn new<R: Running + 'static>(
        name: &'static str,
        start: impl Fn(Config, BoxApp) -> Result<R, ServeError> + Send + Sync + 'static,
    ) -> Self {
        let start = move |config, app| Ok(Box::new(start(config, app)?) as Box<dyn Hosted>);
        let can_be_worker = R::CAN_BE_WORKER;
        Self { name, start: Arc::new(start), can_be_worker, differences: &[], lint: None }
    }

    /// Marks the cases that it fails for a reason.
    #[must_use]
    pub fn differs(mut self, differences: &'static [Difference]) -> Self {
        self.differences = differences;
        self
    }

    /// With the lint on, and its findings gathered there, or off.
    pub(super) fn linted(mut self, findings: Option<Findings>) -> Self {
        self.lint = findings;
        self
    }

    /// The adapter's name, and perhaps its way.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether its servers are made to be one of several processes.
    pub(super) fn can_be_worker(&self) -> bool {
        self.can_be_worker
    }

    /// The marks.
    pub fn differences(&self) -> &'static [Difference] {
        self.differences
    }

    /// The settings that cases start from: a free port of this machine, few threads.
    ///
    /// # Panics
    ///
    /// Never: the address is good.
    pub fn config(&self) -> Config {
        Config::new().bind("127.0.0.1:0").expect("a good address").threads(4)
    }

    /// What the server says that it can do.
    ///
    /// # Panics
    ///
    /// If it doesn't start, or doesn't answer.
    pub fn capabilities(&self) -> Capabilities {
        let (teller, told) = events();
        let server = self.serve(plain(move |environ, start_response| {
            teller.tell(environ.server().capabilities);
            Ok(start_response.status(StatusCode::OK).empty())
        }));
        server.client().ask(get("/"));
        told.next("the server's capabilities")
    }

    /// Whether the server speaks TLS where it is told to: one without certificates doesn't advertise it. Found out by
    /// certificates that don't exist, which only a server that has use for them looks for.
    pub(super) fn has_tls(&self) -> bool {
        let config = self.config().tls(TlsFiles::new("no certificate", "no key"));
        let started =
            self.start(config, plain(|_, start_response| Ok(start_response.status(StatusCode::OK).empty())));
        started.is_err_and(|error| error.kind() == ServeErrorKind::Certificate)
    }

    /// Serves an app.
    ///
    /// # Panics
    ///
    /// If the server doesn't start.
    pub fn serve(&self, app: impl App) -> Server {
        self.serve_with(app, |config| config)
    }

    /// Serves an app with settings changed.
    ///
    /// # Panics
    ///
    /// If the server doesn't start; if it refuses a setting that a server may lack, the case counts as not advertised.
    pub fn serve_with(&self, app: impl App, change: impl FnOnce(Config) -> Config) -> Server {
        self.start(change(self.config()), app).unwrap_or_else(|error| {
            let setting = error.setting().unwrap_or_default();
            let optional = OPTIONAL.iter().any(|name| setting.ends_with(name));
            if error.kind() == ServeErrorKind::BadSetting && optional {
                std::panic::panic_any(Lack(format!("the server refuses the setting `{setting}`")));
            }
            panic!("doesn't start: {error}")
        })
    }

    /// Starts the server, or says why not.
    ///
    /// # Errors
    ///
    /// Those of the adapter.
    pub fn start(&self, config: Config, app: impl App) -> Result<Server, ServeError> {
        // One type of app, so that each adapter is compiled once and not for each case.
        let app = BoxApp::new(app);
        let app = match &self.lint {
            Some(findings) => BoxApp::new(findings.watch(app)),
            None => app,
        };
        let running = (self.start)(config, app)?;
        let addresses = running.addresses().to_vec();
        Ok(Server { running: Some(running), addresses })
    }
}

/// What a server lacks, as the panic that ends a case which takes it.
#[derive(Debug)]
pub(super) struct Lack(pub(super) String);

/// The settings that a server may refuse to have (S59, S72, and the queue of S78).
const OPTIONAL: &[&str] = &["proxy_protocol", "request_buffer", "pending_requests", "running_requests"];

/// What runs, with the adapter's own types erased.
trait Hosted: Send {
    fn addresses(&self) -> &[Endpoint];
    fn stopper(&self) -> Stopper;
    fn leaver(&self) -> Stopper;
    fn load(&self) -> Option<Load>;
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

    fn leaver(&self) -> Stopper {
        let handle = self.handle();
        Stopper(Box::new(move |limit| R::leave_by(&handle, limit)))
    }

    fn load(&self) -> Option<Load> {
        R::load(&self.handle())
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

impl Server {
    /// Its first TCP address.
    ///
    /// # Panics
    ///
    /// If it has none.
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
    ///
    /// # Panics
    ///
    /// If it has none.
    pub fn path(&self) -> PathBuf {
        let path = self.addresses.iter().find_map(Endpoint::path);
        path.expect("it listens on a unix socket").to_owned()
    }

    /// Connects to its first TCP address.
    pub fn client(&self) -> RawClient {
        RawClient::tcp(self.address())
    }

    /// A handle to stop it.
    ///
    /// # Panics
    ///
    /// Never: it runs until it is waited for.
    pub fn stopper(&self) -> Stopper {
        self.running.as_ref().expect("it runs").stopper()
    }

    /// A handle to have it leave: what [`Stopper`] says of the end holds of the leaving.
    ///
    /// # Panics
    ///
    /// Never: it runs until it is waited for.
    pub fn leaver(&self) -> Stopper {
        self.running.as_ref().expect("it runs").leaver()
    }

    /// What it has to do at this moment.
    ///
    /// # Panics
    ///
    /// If it doesn't tell.
    pub fn load(&self) -> Load {
        self.running.as_ref().expect("it runs").load().expect("a server that can be a worker tells its load")
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// What ended it, if that was no shutdown.
    ///
    /// # Panics
    ///
    /// If it doesn't end in time.
    pub fn wait(mut self) -> Result<(), ServeError> {
        let running = self.running.take().expect("it runs");
        within(patience(), "the server ends", move || running.wait())
    }

    /// Ends it gracefully and waits for that.
    ///
    /// # Panics
    ///
    /// If it doesn't end in time, or not by the shutdown.
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
            within(patience(), "the dropped server ends", move || drop(running));
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
