//! Another image: trying it as a child, becoming it, becoming the old one again; and the second master of the dance of two.
//!
//! A trial boots the app on the new binary and serves nobody: connections that it accepted would be lost with it. It shows that
//! the binary runs, reads the settings and what is handed over, maps the page, and makes its app.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::process::ExitCode;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, getpid, kill_process};

use super::estate::Estate;
use super::facts::status;
use super::role::VARIABLE;
use super::{Launch, Loaded, Master};
use crate::exit::Exit;
use crate::fleet::{Event, Legacy, Status};
use crate::notify::{Message, WATCHDOG_PID};
use crate::page::Page;
use crate::process::privileges;
use crate::process::reap::Ended;
use crate::process::{Forked, Image, exec};
use crate::settings::Settings;
use crate::sockets::Listeners;
use crate::sys;

/// A new binary that is tried.
#[derive(Debug)]
pub(super) struct Probe {
    pid: Pid,
    words: File,
}

impl Master {
    /// Runs the new binary beside this one.
    pub(super) fn start_probe(&mut self) -> Option<Event> {
        match self.try_probe() {
            Ok(probe) => {
                self.probe = Some(probe);
                None
            }
            Err(error) => Some(Event::BinaryFailed { reason: error.to_string() }),
        }
    }

    fn try_probe(&mut self) -> io::Result<Probe> {
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC)?;
        // What the trial started may outlive it with the other end, which the master doesn't wait for.
        fcntl_setfl(&reading, fcntl_getfl(&reading)? | OFlags::NONBLOCK)?;
        match self.launch.forking.fork()? {
            Forked::Parent(pid) => Ok(Probe { pid, words: reading.into() }),
            Forked::Child(_) => {
                drop(reading);
                let error = self.become_probe(&writing);
                let _ = writeln!(File::from(writing), "{error}");
                sys::leave(Exit::WorkerFailed.code())
            }
        }
    }

    fn become_probe(&self, words: &OwnedFd) -> io::Error {
        let parcel = match self.estate(Legacy::default()).pack() {
            Ok(parcel) => parcel,
            Err(error) => return error,
        };
        let role = format!("probe:{}:{}", parcel.as_fd().as_raw_fd(), words.as_raw_fd());
        let mut keep = self.estates_descriptors();
        keep.extend([parcel.as_fd(), words.as_fd()]);
        self.execute_image(Image::File(self.launch.start.program()), &role, &keep)
    }

    /// Ends the trial.
    pub(super) fn stop_probe(&mut self) {
        if let Some(probe) = self.probe.take() {
            // It may have ended a moment ago.
            let _ = kill_process(probe.pid, Signal::KILL);
        }
    }

    /// The trial has ended, if this child is it.
    pub(super) fn probe_ended(&mut self, ended: Ended) -> Option<Event> {
        if self.probe.as_ref()?.pid != ended.pid {
            return None;
        }
        let mut probe = self.probe.take()?;
        let mut words = Vec::new();
        // What it said so far is better than nothing.
        let _ = (&mut probe.words).take(MOST_WORDS).read_to_end(&mut words);
        let words = String::from_utf8_lossy(&words);
        let words = words.trim_end();
        if status(ended.ending) == Status::Code(0) && words == PROVED {
            return Some(Event::BinaryReady);
        }
        let reason = match (words, status(ended.ending)) {
            // A program that knows nothing of this would end so, and be executed for ever.
            ("", Status::Code(0)) => {
                "the new binary ended and said nothing: does it use this launcher?".to_owned()
            }
            ("", status) => format!("the new binary {status}"),
            (words, _) => format!("the new binary: {words}"),
        };
        Some(Event::BinaryFailed { reason })
    }

    /// Becomes the new binary. Returns only if that failed.
    pub(super) fn exec(&mut self, legacy: Legacy) -> Event {
        self.stop_watcher();
        let error = self.hand_over(legacy, Image::File(self.launch.start.program()));
        self.start_watcher();
        Event::ExecFailed { reason: error.to_string() }
    }

    /// Becomes the old image again. Returns only if that failed.
    pub(super) fn exec_back(&mut self, legacy: Legacy) -> Event {
        self.stop_watcher();
        let error = match &self.before {
            Some(image) => self.hand_over(legacy, Image::Open(image.as_fd())),
            None => io::Error::new(io::ErrorKind::NotFound, "the old binary isn't open any more"),
        };
        Event::ExecFailed { reason: error.to_string() }
    }

    fn hand_over(&self, legacy: Legacy, image: Image<'_>) -> io::Error {
        let parcel = match self.estate(legacy).pack() {
            Ok(parcel) => parcel,
            Err(error) => return error,
        };
        let mut keep = self.estates_descriptors();
        keep.push(parcel.as_fd());
        self.execute_image(image, &format!("heir:{}", parcel.as_fd().as_raw_fd()), &keep)
    }

    /// In the folder of the start, which may be another one by now; back in ours if it fails.
    fn execute_image(&self, image: Image<'_>, role: &str, keep: &[BorrowedFd<'_>]) -> io::Error {
        let start = &self.launch.start;
        let here = std::env::current_dir();
        if let Err(error) = std::env::set_current_dir(start.folder()) {
            return error;
        }
        let arguments: Vec<CString> = start.arguments();
        let mut added = vec![(VARIABLE, role)];
        // Whom the manager wants to hear from is this process, though a second master has another number than the start.
        let own = getpid().to_string();
        if self.watchdog.is_some() {
            added.push((WATCHDOG_PID, &own));
        }
        // What these settings made of it isn't what the new image starts with.
        let umask = privileges::umask();
        privileges::set_umask(start.umask());
        let failed = exec(image, &arguments, &start.environment(&added), keep);
        privileges::set_umask(umask);
        if let Ok(here) = here {
            // It was there a moment ago.
            let _ = std::env::set_current_dir(here);
        }
        failed
    }

    /// Starts a second master on our listeners.
    pub(super) fn start_successor(&mut self) -> Event {
        match self.launch.forking.fork() {
            Ok(Forked::Parent(pid)) => {
                self.successor = Some(pid);
                Event::SuccessorStarted { pid: pid.as_raw_nonzero().get().unsigned_abs() }
            }
            Ok(Forked::Child(_)) => {
                let error = self.become_successor();
                tracing::error!(target: "rsgi", %error, "the second master can't be started");
                sys::leave(Exit::Settings.code())
            }
            Err(error) => Event::SuccessorGone { reason: error.to_string() },
        }
    }

    fn become_successor(&self) -> io::Error {
        let mut estate = self.estate(Legacy::default());
        estate.master = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
        // These stay the first master's.
        (estate.page, estate.life_reading, estate.life_writing) = (None, None, None);
        (estate.pidfile, estate.image) = (None, None);
        (estate.status, estate.status_pid) = (Vec::new(), None);
        let parcel = match estate.pack() {
            Ok(parcel) => parcel,
            Err(error) => return error,
        };
        let mut keep = self.listeners.descriptors();
        keep.push(parcel.as_fd());
        let role = format!("second:{}", parcel.as_fd().as_raw_fd());
        self.execute_image(Image::File(self.launch.start.program()), &role, &keep)
    }

    /// Takes the place of the master that started this one.
    pub(super) fn promote(&mut self) {
        let path = self.current.settings.process.pidfile.clone();
        if let (Some(pidfile), Some(path)) = (&mut self.pidfile, path)
            && let Err(error) = pidfile.rename(&path)
        {
            tracing::error!(target: "rsgi", %error, "the pid file keeps the second master's name");
        }
        if self.control.is_none() {
            // The first master had the name.
            self.control = super::observing::control(&self.current.settings).unwrap_or_else(|error| {
                tracing::error!(target: "rsgi", "{error}; there is no control socket");
                None
            });
        }
        let Some(notifier) = &self.notifier else { return };
        if let Err(error) = notifier.send(&Message::Master(getpid())) {
            tracing::warn!(target: "rsgi", %error, "the service manager can't be told who the master is now");
        }
    }
}

/// What the trial of a binary does, in the new image: takes what an heir would, and boots the app.
pub(crate) fn prove(
    launch: Launch,
    settings: Result<Settings, String>,
    estate: OwnedFd,
    words: OwnedFd,
) -> ExitCode {
    match try_prove(launch, settings, estate) {
        Ok(()) => say_last(words, PROVED, Exit::Clean),
        Err((exit, reason)) => say_last(words, &reason, exit),
    }
}

fn say_last(words: OwnedFd, what: &str, exit: Exit) -> ExitCode {
    // The master reads it, or is gone.
    let _ = writeln!(File::from(words), "{what}");
    exit.into()
}

fn try_prove(
    mut launch: Launch,
    settings: Result<Settings, String>,
    estate: OwnedFd,
) -> Result<(), (Exit, String)> {
    let wrong = |reason: String| (Exit::Settings, reason);
    let settings = settings.map_err(wrong)?;
    let estate = Estate::unpack(estate).map_err(wrong)?;
    let page = estate.page.ok_or_else(|| wrong("no page was handed over".to_owned()))?;
    let page = sys::inherited(page).map_err(|error| wrong(error.to_string()))?;
    Page::adopt(page).map_err(|error| wrong(error.to_string()))?;
    let handed = estate.handed();
    let own = [estate.life_reading, estate.life_writing, estate.image, estate.pidfile.map(|it| it.1)];
    for number in own.into_iter().flatten() {
        // The master's, and not for what the app starts here: it would keep the lock and the workers when the master is gone.
        drop(sys::inherited(number).map_err(|error| wrong(error.to_string()))?);
    }
    for kept in [estate.listeners, estate.status] {
        drop(Listeners::restore(kept).map_err(|error| wrong(error.to_string()))?);
    }
    super::surround(&settings).map_err(|failure| (failure.exit, failure.reason))?;
    let loaded = Loaded::load(settings, &handed, None).map_err(wrong)?;
    let log = crate::log::Log::open(&loaded.log_plan()).map_err(|error| wrong(error.to_string()))?;
    // A trial has no other log before it.
    let _ = log.install();
    crate::check::boot(&launch.forking.give_up(), &mut *launch.body, &launch.hooks, &loaded, log)
        .map_err(|failure| (failure.exit, failure.reason))
}

/// What a trial says that has succeeded.
const PROVED: &str = "ready";
/// Of a reason that is shown in one line.
const MOST_WORDS: u64 = 4096;
