//! `check`: boots the app once, in a process of its own, and serves nobody.
//!
//! The server is started, too, for it knows whether certificates can be read and whether it has what the app requires. It
//! listens at a socket without a name, which nobody can connect to: no address of the settings is bound.

use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal as Held;
use rsgi_core::server::Bind;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::{Pid, Signal, getpid, kill_process};

use crate::clock::Millis;
use crate::exit::Exit;
use crate::fleet::{Generation, SlotId};
use crate::hooks::Hooks;
use crate::log::Log;
use crate::log::reopen::Reopen;
use crate::master::{Launch, Loaded, surround};
use crate::page::Page;
use crate::process::reap::{self, Ending};
use crate::process::signals::{self, Signals};
use crate::process::{Child, Forked};
use crate::settings::Settings;
use crate::sockets::Listeners;
use crate::sys;
use crate::worker::{Body, Failure, Job, Purpose, live_in};

/// Does what the command says: 0 if all is well; else the reason on standard error, and 1, 3 or 4.
pub(crate) fn run(mut launch: Launch, settings: Settings) -> ExitCode {
    match launch.forking.fork() {
        Ok(Forked::Parent(child)) => match wait_for(child, &launch.signals, settings.clocks.boot) {
            Ok(Ending::Code(code)) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
            Ok(ending) => said(&Failure::of_worker(format!("the process that made the app {ending}"))),
            Err(error) => said(&Failure::of_worker(error)),
        },
        Ok(Forked::Child(child)) => {
            let checked = check(&child, &mut launch, settings);
            let code = checked.map_or_else(
                |failure| {
                    let code = failure.exit.code();
                    let _ = said(&failure);
                    code
                },
                |()| Exit::Clean.code(),
            );
            let _ = io::stdout().flush();
            sys::leave(code)
        }
        Err(error) => said(&Failure::of_worker(error)),
    }
}

/// Waits for the app's process, no longer than a boot may take; one that is told to end, or is late, takes it along.
fn wait_for(child: Pid, signals: &Signals, limit: Duration) -> io::Result<Ending> {
    let until = Millis::now().plus(limit);
    loop {
        if let Some(ended) = reap::next()?.filter(|ended| ended.pid == child) {
            return Ok(ended.ending);
        }
        let left = until.since(Millis::now());
        if !limit.is_zero() && left.is_zero() {
            end(child)?;
            let remedy = "make it quicker, or raise the setting boot_timeout";
            return Err(io::Error::other(format!("the app wasn't there after {limit:?}: {remedy}")));
        }
        let timeout = Timespec::try_from(left).ok().filter(|_| !limit.is_zero());
        match poll(&mut [PollFd::new(signals, PollFlags::IN)], timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        while let Some(received) = signals.next()? {
            if matches!(received.signal, Held::SIGTERM | Held::SIGINT | Held::SIGQUIT) {
                end(child)?;
                return Err(io::Error::other(format!("{} came before the app was there", received.signal)));
            }
        }
    }
}

fn end(child: Pid) -> io::Result<()> {
    kill_process(child, Signal::KILL)?;
    reap::wait_for(child).map(drop)
}

fn check(child: &Child, launch: &mut Launch, settings: Settings) -> Result<(), Failure> {
    surround(&settings)?;
    let wrong = |reason: String| Failure { exit: Exit::Settings, reason };
    let loaded = Loaded::load(settings, &[], None).map_err(wrong)?;
    let log = Log::open(&loaded.log_plan()).map_err(|error| wrong(error.to_string()))?;
    // A program may have a log of its own.
    let _ = log.install();
    boot(child, &mut *launch.body, &launch.hooks, &loaded, log)
}

/// Boots the app in this process.
pub(crate) fn boot(
    child: &Child,
    body: &mut dyn Body,
    hooks: &Arc<dyn Hooks>,
    loaded: &Loaded,
    log: Log,
) -> Result<(), Failure> {
    signals::unblock().map_err(Failure::of_worker)?;
    let listener = nameless().map_err(Failure::of_worker)?;
    let page = Page::create(1, getpid(), Millis::now()).map_err(Failure::of_worker)?.keep();
    let slot = page.slot(SlotId(0)).ok_or_else(|| Failure::of_worker("the page has no slot"))?;
    let job = Job {
        worker: crate::hooks::Worker {
            slot: 0,
            generation: Generation(1).0,
            pid: Some(std::process::id()),
            until: None,
        },
        slot,
        settings: Arc::clone(&loaded.settings),
        access: None,
        statsd: None,
        reopen: Reopen::new(log),
        hooks: Arc::clone(hooks),
        binds: vec![Bind::Fd(listener.as_raw_fd())],
        listeners: Listeners::default(),
        mouth: None,
        ready: None,
        stopping: None,
        life: None,
        purpose: Purpose::Check,
    };
    live_in(body, child, job, &loaded.identity)
}

/// A listening socket whose name the system chooses, outside of the file system.
fn nameless() -> io::Result<OwnedFd> {
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new_unnamed())?;
    rustix::net::listen(&socket, 1)?;
    Ok(socket)
}

fn said(failure: &Failure) -> ExitCode {
    for line in failure.reason.lines() {
        // Nobody reads it if it is closed.
        let _ = writeln!(io::stderr(), "error: {line}");
    }
    failure.exit.into()
}
