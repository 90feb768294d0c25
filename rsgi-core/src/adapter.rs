//! The server convention: the one way to start any adapter, and the handle on what runs.
//!
//! A launcher and the conformance suite use this and nothing else, so the line that starts a server reads the same
//! everywhere: `rsgi_std::Server::start(config, app)?`. An adapter may offer more beside it.

use std::time::Duration;

use crate::App;
use crate::endpoint::Endpoint;
use crate::server::{Config, Load, ServeError};

/// A server that hosts an app.
///
/// # Contract
///
/// `start` checks the settings and the app's needs, opens every listener, and returns once connections are
/// accepted; it doesn't block on serving. Everything that could fail for a reason of the user's fails here.
pub trait Adapter {
    /// What runs after the start.
    type Running: Running;

    /// The adapter's name, such as `rsgi-std`.
    const NAME: &'static str;

    /// Starts serving.
    ///
    /// # Errors
    ///
    /// A [`ServeError`] that names the setting at fault and what to do about it.
    fn start(config: Config, app: impl App) -> Result<Self::Running, ServeError>;
}

/// A server that runs. Dropping it stops it at once; [`shutdown`](Self::shutdown) is the graceful way.
pub trait Running: Send + Sized {
    /// A handle to stop it from another thread or a signal handler's thread.
    type Handle: Clone + Send + Sync + 'static;

    /// Where it listens, with the ports that the system chose.
    fn addresses(&self) -> &[Endpoint];

    /// A handle for [`shutdown_by`](Self::shutdown_by), [`leave_by`](Self::leave_by) and [`load`](Self::load).
    fn handle(&self) -> Self::Handle;

    /// Begins the graceful end: serves what the kernel had queued, stops accepting, finishes what is in flight, closes
    /// idle connections at once and tells the apps; what isn't done after `limit` (default: the setting
    /// `timeouts.graceful`) is cut off. Returns at once; a second call with a shorter limit hurries it.
    fn shutdown_by(handle: &Self::Handle, limit: Option<Duration>);

    /// Begins the graceful end, as [`shutdown_by`](Self::shutdown_by) with the default limit.
    fn shutdown(&self) {
        Self::shutdown_by(&self.handle(), None);
    }

    /// Whether it is made to be one of several processes: [`leave_by`](Self::leave_by) is more than a shutdown,
    /// [`load`](Self::load) tells, and the setting `limits.running_requests` is kept.
    const CAN_BE_WORKER: bool = false;

    /// Begins to leave a service that goes on, by other processes: at a reload, an upgrade, or with one worker too many.
    ///
    /// No more is accepted: what the kernel has queued is left to those who share the listener, and served first where
    /// the queue is this server's own. A listener is shared if it was inherited ([`Bind::Fd`](crate::server::Bind::Fd)),
    /// unless [`PortSharing::Shared`](crate::server::PortSharing::Shared) says that each process has a queue of its own.
    /// Idle connections are kept: each gets one more answer, which says that it is the last (HTTP/2: GOAWAY, and the
    /// streams in flight end), or ends when its keep-alive time does. Apps are told as at a shutdown. The server ends
    /// with the last connection, or after `limit` (default: the setting `timeouts.graceful`), which cuts off the rest.
    ///
    /// Returns at once. A later call of this or of [`shutdown_by`](Self::shutdown_by) can only hurry it.
    ///
    /// Where [`CAN_BE_WORKER`](Self::CAN_BE_WORKER) is false this is a shutdown.
    fn leave_by(handle: &Self::Handle, limit: Option<Duration>) {
        Self::shutdown_by(handle, limit);
    }

    /// What the server has to do at this moment; `None` if it doesn't tell. Not for each request: it may take locks.
    fn load(handle: &Self::Handle) -> Option<Load> {
        let _ = handle;
        None
    }

    /// Waits until the server has ended and the app's `stop` has run.
    ///
    /// # Errors
    ///
    /// What ended it, if that was no shutdown.
    fn wait(self) -> Result<(), ServeError>;
}
