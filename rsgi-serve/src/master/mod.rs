//! The master: it binds, forks, watches, answers the control socket, and nothing else. One thread, no runtime.
//!
//! What to do is `fleet/`'s to know; here facts become its events (`facts.rs`) and its actions are done (`act.rs`,
//! `forking.rs`, `change.rs`, `upgrade.rs`). A process becomes a master in `open.rs`, or in `heir.rs` if another image was it
//! before.
//!
//! Invariant: nothing here waits for anything but in [`Master::wait`]; the exceptions are the start, before there is a worker,
//! and the exec.

mod act;
mod change;
mod estate;
mod facts;
mod forking;
mod heir;
mod hooking;
mod launch;
mod loaded;
mod observing;
mod open;
mod role;
mod seats;
mod storing;
mod surroundings;
mod touched;
mod upgrade;
mod watching;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitCode;

use rsgi_core::server::Bind;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Pid;

use crate::clock::Millis;
use crate::control;
use crate::exit::Exit;
use crate::fleet::{Event, Fleet, Generation, SlotId};
use crate::log::Log;
use crate::notify::Notifier;
use crate::page::Page;
use crate::pidfile::PidFile;
use crate::process::daemon::Report;
use crate::sockets::Listeners;
use crate::worker::StatusPipe;

pub(crate) use heir::refuse;
pub(crate) use launch::Launch;
pub(crate) use loaded::Loaded;
pub(crate) use open::{Opened, background, begin, give_up};
pub(crate) use role::Role;
pub(crate) use surroundings::surround;
pub(crate) use upgrade::prove;

/// The master.
#[derive(Debug)]
pub(crate) struct Master {
    launch: Launch,
    log: Log,
    fleet: Fleet,
    page: &'static Page,
    /// The settings in force, and their generation.
    current: Loaded,
    generation: Generation,
    /// The settings of a reload that isn't over.
    pending: Option<Loaded>,
    listeners: Listeners,
    /// Listeners that were handed over, in place of those of the settings.
    handed: Vec<Bind>,
    seats: seats::Seats,
    life: Life,
    /// The workers' pipes, as long as something may come.
    pipes: BTreeMap<SlotId, StatusPipe>,
    /// The workers that live.
    pids: HashMap<Pid, SlotId>,
    /// Workers of another image: their readiness is read in the page.
    adopted: BTreeSet<SlotId>,
    pidfile: Option<PidFile>,
    notifier: Option<Notifier>,
    watchdog: Option<std::time::Duration>,
    /// Whether the service manager keeps listeners, and the names of those that it has.
    keeps: bool,
    stored: BTreeSet<String>,
    /// Whom the shell's command waits for.
    report: Option<Report>,
    /// This image, whatever becomes of its file.
    image: Option<OwnedFd>,
    /// The image before, until this one has proved itself.
    before: Option<OwnedFd>,
    probe: Option<upgrade::Probe>,
    successor: Option<Pid>,
    watcher: Option<Pid>,
    touched: touched::Touched,
    control: Option<control::Server>,
    status: Option<observing::Status>,
    predecessor: Option<Pid>,
    over: Option<Exit>,
}

/// The pipe whose end tells workers that the master is gone: nobody writes to it.
#[derive(Debug)]
struct Life {
    reading: OwnedFd,
    /// Closed in every child at once.
    writing: Option<OwnedFd>,
}

impl Master {
    /// Serves until the end.
    pub(crate) fn rule(mut self) -> ExitCode {
        self.touched = touched::Touched::of(&self.current.settings.touch_reload);
        self.feed(Event::Started);
        self.start_watcher();
        while self.over.is_none() {
            self.wait();
            self.gather();
            self.look();
            self.look_at_seats();
            self.turn_observers();
        }
        self.end()
    }

    /// Tells the fleet, and does what it wants, until it wants nothing more.
    fn feed(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut actions = Vec::new();
            self.fleet.handle(Millis::now(), event, &mut actions);
            for action in actions {
                self.execute(action, &mut events);
            }
        }
    }

    /// Waits until something has happened, or a clock is due.
    fn wait(&self) {
        let mut polled = vec![PollFd::new(&self.launch.signals, PollFlags::IN)];
        let open = self.pipes.values().filter(|pipe| !pipe.is_over());
        polled.extend(open.map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
        self.poll_observers(&mut polled);
        let deadline = self.fleet.next_deadline().into_iter().chain(self.observers_deadline()).min();
        let timeout = deadline.map(|deadline| {
            let left = deadline.since(Millis::now());
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        // Interrupted or not: what has happened is asked for next.
        let _ = poll(&mut polled, timeout.as_ref());
    }

    fn end(mut self) -> ExitCode {
        let exit = self.over.unwrap_or(Exit::Clean);
        self.stop_watcher();
        self.end_status();
        self.drop_control();
        if let Some(report) = self.report.take() {
            // The launcher learns from the end of the pipe, too.
            let _ = report.failed(exit.code());
        }
        if let Some(pidfile) = self.pidfile.take()
            && let Err(error) = pidfile.remove()
        {
            tracing::warn!(target: "rsgi", %error, "the pid file stays behind");
        }
        exit.into()
    }
}
