//! What lets others see and steer the master: the control socket, a part of the loop, and the status process, a child.

use std::time::Duration;

use rsgi_core::server::{Bind, ServeError};
use rustix::event::PollFd;
use rustix::process::{Pid, Signal, getpid, kill_process};

use super::{Loaded, Master};
use crate::clock::Millis;
use crate::control;
use crate::fleet::Event;
use crate::log::level::{Level, say};
use crate::observe::{self, Facts, Keeper, Plan, Queues, Task};
use crate::process::{Child, Forked, reap};
use crate::settings::Settings;
use crate::sockets::{self, Kept, Listener, Listeners, Options, Scheme, Sharing, Worker as Seat};
use crate::sys;

/// The status process, and where it listens.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) keeper: Keeper,
    pub(super) listeners: Listeners,
}

impl Status {
    /// Opens the address at the start, and waits for one that is taken; it is an error if it can't be had.
    pub(super) fn open(loaded: &Loaded) -> Result<Option<Self>, String> {
        Self::open_waiting(loaded, |error, after| {
            say(Level::Warning, format_args!("status_bind: {error}. Retrying in {} s.", after.as_secs()));
            std::thread::sleep(after);
        })
    }

    /// The same for a master whose workers serve, and which waits for nobody.
    fn open_at_once(loaded: &Loaded) -> Result<Option<Self>, String> {
        Self::open_waiting(loaded, |_, _| {})
    }

    fn open_waiting(
        loaded: &Loaded,
        wait: impl FnMut(&ServeError, Duration),
    ) -> Result<Option<Self>, String> {
        let Some(bind) = &loaded.settings.status else { return Ok(None) };
        let options = Options { sharing: Sharing::One, ..loaded.options.clone() };
        let opened = sockets::open_all(std::slice::from_ref(bind), &options, wait);
        let listeners = Listeners::from(opened.map_err(|error| format!("status_bind: {error}"))?);
        for listener in listeners.iter() {
            say(
                Level::Info,
                format_args!("Status at: {} ({})", listener.url(Scheme::Http), std::process::id()),
            );
        }
        Ok(Some(Self { keeper: Keeper::new(), listeners }))
    }

    /// Takes over what the image before had open. Its process is replaced by one of this image; where the settings of now name
    /// another address, or none, it is ended.
    pub(super) fn adopt(
        kept: Vec<Kept>,
        pid: Option<u32>,
        loaded: &Loaded,
    ) -> Result<Option<Self>, ServeError> {
        let listeners = Listeners::restore(kept)?;
        let keeper = pid.map_or_else(Keeper::new, |pid| Keeper::adopted(pid, Millis::now()));
        let mut before = Self { keeper, listeners };
        if before.listeners.iter().next().map(Listener::bind) == loaded.settings.status.as_ref() {
            before.keeper.renew();
            return Ok(loaded.settings.status.as_ref().map(|_| before));
        }
        before.end();
        // It is not worth an upgrade.
        Ok(Self::open_at_once(loaded).unwrap_or_else(|error| {
            say(Level::Error, format_args!("{error}; there is no status page"));
            None
        }))
    }

    /// Ends the process at once: it has nothing to finish.
    fn end(self) {
        if let Some(pid) = self.keeper.pid() {
            tell(pid, Signal::KILL);
            if let Some(pid) = process(pid) {
                // It is gone, or will be in a moment.
                let _ = reap::wait_for(pid);
            }
        }
        self.listeners.remove_files();
    }
}

/// Opens the control socket. Where nobody named it, one that can't be had is done without.
pub(super) fn control(settings: &Settings) -> Result<Option<control::Server>, String> {
    let Some(wanted) = &settings.control else { return Ok(None) };
    match control::Server::open(wanted) {
        Ok(server) => Ok(Some(server)),
        Err(error) if wanted.path_given => Err(error.to_string()),
        Err(error) => {
            say(Level::Warning, format_args!("{error}; there is no control socket"));
            Ok(None)
        }
    }
}

impl Master {
    /// When one of these is due.
    pub(super) fn observers_deadline(&self) -> Option<Millis> {
        let control = self.control.as_ref().and_then(control::Server::next_deadline);
        let status = self.status.as_ref().and_then(|status| status.keeper.next_deadline());
        control.into_iter().chain(status).min()
    }

    /// What the loop waits for on their behalf.
    pub(super) fn poll_observers<'a>(&'a self, polled: &mut Vec<PollFd<'a>>) {
        if let Some(control) = &self.control {
            control.poll_on(polled);
        }
    }

    /// Answers clients and looks after the status process.
    pub(super) fn turn_observers(&mut self) {
        if let Some(mut control) = self.control.take() {
            let now = Millis::now();
            let (page, queues) = (self.page, Queues::of(&self.listeners));
            let facts = || Facts::read(page, &queues, Millis::now());
            let mut events: Vec<Event> = Vec::new();
            control.turn(now, self.fleet.view().wanted, &facts, &mut events);
            self.control = Some(control);
            for event in events {
                self.feed(event);
            }
        }
        let beat = self.page.status_beat();
        while let Some(task) = self.status.as_mut().and_then(|it| it.keeper.due(Millis::now(), beat)) {
            match task {
                Task::Fork => self.fork_status(),
                Task::End(pid) => tell(pid, Signal::TERM),
                Task::Kill(pid) => tell(pid, Signal::KILL),
            }
        }
        self.publish();
    }

    /// Puts into the page how the service is now.
    pub(super) fn publish(&self) {
        observe::publish(self.page, &self.fleet.view(), self.fleet.counters());
    }

    fn fork_status(&mut self) {
        let forked = self.launch.forking.fork();
        let Some(status) = &mut self.status else { return };
        match forked {
            Ok(Forked::Parent(pid)) => {
                status.keeper.forked(pid.as_raw_nonzero().get().unsigned_abs(), Millis::now());
            }
            Ok(Forked::Child(child)) => self.be_status(&child),
            Err(error) => {
                say(Level::Error, format_args!("the status process can't be started: {error}"));
                status.keeper.fork_failed(Millis::now());
            }
        }
    }

    fn be_status(&mut self, child: &Child) -> ! {
        let queues = Queues::of(&self.listeners);
        let binds: Vec<Bind> =
            self.status.as_ref().map(|it| it.listeners.binds(Seat { number: 0, of: 1 })).unwrap_or_default();
        let master = self.page.master().unwrap_or_else(getpid);
        self.forget();
        drop(std::mem::take(&mut self.listeners));
        let name = self.current.settings.process.title.clone();
        self.launch.title.set("status", &name);
        // What can't be left is kept.
        let _ = self.current.settings.streams().leave();
        let exit = match self.current.identity.assume(child) {
            Ok(()) => observe::serve(child, self.page, Plan { binds, queues, master, name }),
            Err(error) => {
                say(Level::Error, format_args!("Status process: {error}"));
                crate::exit::Exit::Settings
            }
        };
        sys::leave(exit.code())
    }

    /// A child ended; whether it was the status process.
    pub(super) fn status_ended(&mut self, pid: Pid) -> bool {
        let number = pid.as_raw_nonzero().get().unsigned_abs();
        self.status.as_mut().is_some_and(|status| status.keeper.exited(number, Millis::now()))
    }

    /// Follows new settings.
    pub(super) fn settle_observers(&mut self, old: &Settings) {
        let new = std::sync::Arc::clone(&self.current.settings);
        if old.control != new.control {
            match control(&new) {
                Ok(control) => {
                    self.drop_control();
                    self.control = control;
                }
                Err(error) => say(Level::Error, format_args!("{error}; the old one stays")),
            }
        }
        if old.status == new.status {
            if let Some(status) = &mut self.status {
                status.keeper.renew();
            }
            return;
        }
        match Status::open_at_once(&self.current) {
            Ok(status) => {
                self.end_status();
                self.status = status;
            }
            Err(error) => say(Level::Error, format_args!("{error}; the old one stays")),
        }
    }

    /// Says what is to be said, before the end or an exec.
    pub(super) fn drop_control(&mut self) {
        if let Some(mut control) = self.control.take() {
            control.flush();
            if let Err(error) = control.remove_file() {
                tracing::warn!(target: "rsgi", %error, "the control socket's file stays behind");
            }
        }
    }

    /// Ends the status process.
    pub(super) fn end_status(&mut self) {
        if let Some(status) = self.status.take() {
            status.end();
        }
    }
}

/// All that observes, for a new master.
pub(super) fn open(loaded: &Loaded) -> Result<(Option<control::Server>, Option<Status>), String> {
    let status = Status::open(loaded)?;
    Ok((control(&loaded.settings)?, status))
}

fn tell(pid: u32, signal: Signal) {
    if let Some(pid) = process(pid) {
        // It may have ended a moment ago.
        let _ = kill_process(pid, signal);
    }
}

fn process(number: u32) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}
