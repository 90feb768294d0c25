//! Forking a worker, and what its process gets and loses of the master's.

use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rsgi_core::server::Bind;
use rustix::io::Errno;

use super::hooking::worker;
use super::surroundings::surround_anew;
use super::{Life, Loaded, Master};
use crate::clock::Millis;
use crate::exit::Exit;
use crate::fleet::{Event, Generation, SlotId};
use crate::hooks::panic_text;
use crate::log::reopen::Reopen;
use crate::page::Slot;
use crate::process::{Child, Forked};
use crate::sockets::Worker as Share;
use crate::sys;
use crate::worker::{Failure, Job, Mouth, Purpose, StatusPipe, live};

impl Life {
    /// What a worker watches.
    fn reading(&self) -> io::Result<OwnedFd> {
        self.reading.try_clone()
    }
}

impl Master {
    /// Starts a worker.
    pub(super) fn fork_worker(&mut self, slot: SlotId, generation: Generation) -> Event {
        match self.try_fork(slot, generation) {
            Ok(pid) => Event::Forked { slot, pid },
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or_else(|| {
                    tracing::error!(target: "rsgi", %error, "no worker can be forked");
                    Errno::AGAIN.raw_os_error()
                });
                Event::ForkFailed { slot, errno }
            }
        }
    }

    fn try_fork(&mut self, slot: SlotId, generation: Generation) -> io::Result<u32> {
        let page_slot = self.page.slot(slot).ok_or(io::ErrorKind::NotFound)?;
        let (pipe, mouth) = StatusPipe::new()?;
        let life = self.life.reading()?;
        page_slot.prepare(generation, Millis::now());
        page_slot.limit_requests(self.fleet.request_limit(slot));
        let share = self.seat(slot, generation);
        match self.launch.forking.fork().inspect_err(|_| self.seats.leave(slot))? {
            Forked::Parent(pid) => {
                page_slot.set_pid(pid);
                self.pids.insert(pid, slot);
                self.pipes.insert(slot, pipe);
                self.adopted.remove(&slot);
                Ok(pid.as_raw_nonzero().get().unsigned_abs())
            }
            Forked::Child(child) => {
                drop(pipe);
                self.forget();
                self.status = None;
                let place = Place { slot, generation, page_slot, share };
                self.be_worker(&child, &place, mouth, life)
            }
        }
    }

    /// Lets go of what is the master's alone: a lock or a pipe that a child keeps open would outlive the master.
    pub(super) fn forget(&mut self) {
        self.pipes.clear();
        self.control = None;
        self.pidfile = None;
        self.notifier = None;
        self.report = None;
        self.image = None;
        self.before = None;
        self.probe = None;
        self.life.writing = None;
    }

    fn be_worker(&mut self, child: &Child, place: &Place, mut mouth: Mouth, life: OwnedFd) -> ! {
        page_pid(place.page_slot);
        let loaded = self.loaded_for(place.generation).clone();
        let (old, new) = (&self.current.settings.process, &loaded.settings.process);
        if let Err(failure) = surround_anew(&self.launch.start, old, new) {
            mouth.say_why(&failure.reason);
            sys::leave(failure.exit.code());
        }
        if loaded.settings.log != self.current.settings.log
            && let Err(error) = loaded.change(&self.log)
        {
            tracing::error!(target: "rsgi", %error, "this worker writes to the log as it was");
        }
        let job = self.job(place, &loaded, mouth, life);
        let (body, title) = (&mut *self.launch.body, &mut self.launch.title);
        let lived = catch_unwind(AssertUnwindSafe(|| live(body, child, job, &loaded.identity, title)));
        let lived = lived.unwrap_or_else(|panic| Err(Failure::of_worker(panic_text(&*panic))));
        // What the app printed without ending its line.
        let _ = io::stdout().flush();
        sys::leave(lived.map_or_else(|failure| failure.exit.code(), |()| Exit::Clean.code()))
    }

    fn job(&mut self, place: &Place, loaded: &Loaded, mouth: Mouth, life: OwnedFd) -> Job {
        let mut listeners = std::mem::take(&mut self.listeners);
        // Those of other settings: closed here, and nowhere else.
        drop(listeners.take_unwanted(&loaded.binds));
        let binds: Vec<Bind> = listeners.binds(place.share);
        let reopen = Reopen::new(self.log.clone());
        Job {
            worker: worker(place.slot, place.generation, Some(rustix::process::getpid())),
            slot: place.page_slot,
            settings: Arc::clone(&loaded.settings),
            access: loaded.access.clone(),
            statsd: loaded.statsd.clone(),
            reopen: match &loaded.access {
                Some(access) => reopen.and(access.sink()),
                None => reopen,
            },
            hooks: Arc::clone(&self.launch.hooks),
            binds,
            listeners,
            mouth: Some(mouth),
            ready: None,
            stopping: None,
            life: Some(life),
            purpose: Purpose::Serve,
        }
    }
}

/// Where a worker works.
struct Place {
    slot: SlotId,
    generation: Generation,
    page_slot: Slot<'static>,
    /// Its sockets, where each worker has its own.
    share: Share,
}

fn page_pid(slot: Slot<'_>) {
    slot.set_pid(rustix::process::getpid());
}
