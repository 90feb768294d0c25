//! [`serve`]: the life of the process that serves the status address.
//!
//! A child of the master's beside the workers: it shares the page and nothing else with them, never makes the app, and goes on showing how
//! the service is while every worker hangs. It ends when the master tells it to or is gone.

use std::time::Duration;

use rsgi_core::server::{Bind, Config, ServeError};
use rsgi_core::{Adapter as _, Running};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal};

use self::adapter::Server;
use super::app::{Source, app};
use super::facts::Facts;
use super::queues::Queues;
use crate::clock::Millis;
use crate::exit::Exit;
use crate::page::Page;
use crate::process::{Child, Master, signals::Signals};

/// What the status process is to show, and where.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Sockets of the master's, by their descriptors' numbers.
    pub(crate) binds: Vec<Bind>,
    pub(crate) queues: Queues,
    pub(crate) master: Pid,
    /// The service's name.
    pub(crate) name: String,
}

/// Serves until the master says stop or is gone. The caller has closed what it inherited and doesn't need, the workers' listeners first
/// of all, and has changed the user.
pub(crate) fn serve(child: &Child, page: &'static Page, plan: Plan) -> Exit {
    match run(child, page, plan) {
        Ok(()) => Exit::Clean,
        Err(error) => {
            tracing::error!(target: "rsgi", "Status process: {error}");
            Exit::Settings
        }
    }
}

fn run(child: &Child, page: &'static Page, plan: Plan) -> Result<(), ServeError> {
    let failed = |what| move |error: std::io::Error| ServeError::io(what, error);
    // Before any thread, which inherits what is held back. They are held already, since before the fork: none was lost.
    let signals = Signals::hold().map_err(failed("holding back signals"))?;
    let master = plan.master;
    let ordered = child.end_with(master, Signal::TERM).map_err(failed("watching the master"))?;
    if ordered == Master::Gone {
        return Ok(());
    }
    let config = config(plan.binds);
    let server = Server::start(config, app(Shown { page, queues: plan.queues, master, name: plan.name }))?;
    while is_parent(master) && !asked_to_end(&signals).map_err(failed("reading signals"))? {
        page.beat_status(Millis::now());
        let beat = Timespec { tv_sec: 1, tv_nsec: 0 };
        match poll(&mut [PollFd::new(&signals, PollFlags::IN)], Some(&beat)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed("waiting for signals")(error.into())),
        }
    }
    end(&server);
    server.wait()
}

/// One thread, few clients, and none of them for long: probes, scrapers, a person.
fn config(binds: Vec<Bind>) -> Config {
    let mut config = Config::new().threads(1);
    config.binds = binds;
    config
        .limits(|limits| {
            limits.connections = 64;
            limits.body_bytes = Some(0);
        })
        .timeouts(|timeouts| {
            timeouts.head = Some(Duration::from_secs(10));
            timeouts.write = Some(Duration::from_secs(10));
            timeouts.keep_alive = Some(Duration::from_secs(30));
            timeouts.graceful = Some(LAST_ANSWERS);
        })
}

/// Reads what came; whether one of them means the end.
fn asked_to_end(signals: &Signals) -> std::io::Result<bool> {
    use nix::sys::signal::Signal::{SIGINT, SIGQUIT, SIGTERM};
    let mut end = false;
    while let Some(received) = signals.next()? {
        end |= matches!(received.signal, SIGINT | SIGQUIT | SIGTERM);
    }
    Ok(end)
}

fn is_parent(master: Pid) -> bool {
    rustix::process::getppid() == Some(master)
}

/// What the app shows.
struct Shown {
    page: &'static Page,
    queues: Queues,
    master: Pid,
    name: String,
}

impl Source for Shown {
    fn facts(&self) -> Facts {
        Facts::read(self.page, &self.queues, Millis::now())
    }

    fn is_alive(&self) -> bool {
        is_parent(self.master)
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// Whichever server it is.
fn end<R: Running>(server: &R) {
    R::shutdown_by(&server.handle(), Some(LAST_ANSWERS));
}

/// The status is served by the first of the adapters that are built in.
#[cfg(feature = "std")]
mod adapter {
    pub(super) use rsgi_std::Server;
}

/// The status is served by the first of the adapters that are built in.
#[cfg(all(feature = "hyper", not(feature = "std")))]
mod adapter {
    pub(super) use rsgi_hyper::Server;
}

/// For answers that are being sent when the end comes.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
