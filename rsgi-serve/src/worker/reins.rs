//! [`Reins`]: how a worker obeys: signals, the master's orders in its slot, and the master's end.
//!
//! Called by the worker's own threads only, never in a signal handler. An order that comes before the app is served ends the
//! process at once: there is nobody to be kind to yet.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use signal_hook::consts::signal::{SIGABRT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};

use super::adapters::Serving;
use super::gauge::Gauge;
use super::job::{Job, Purpose, Word};
use crate::clock::Millis;
use crate::hooks::{self, Hooks, Worker};
use crate::log::level::{Level, say};
use crate::log::reopen::Reopen;
use crate::page::{Slot, State, Wanted};
use crate::settings::ServerKind;
use crate::sys;

/// What a worker obeys with.
pub(crate) struct Reins {
    pub(super) gauge: Arc<Gauge>,
    slot: Slot<'static>,
    worker: Worker,
    hooks: Arc<dyn Hooks>,
    reopen: Reopen,
    purpose: Purpose,
    stopping: Mutex<Option<Word>>,
    stage: Mutex<Stage>,
    changed: Condvar,
    /// It was told to end at once. A terminal tells the workers and the master, who tells them again.
    hurries: AtomicBool,
    /// How long a worker that leaves keeps idle connections: most of the master's patience with it.
    keeps_idle: Duration,
    /// When it closes them.
    closes_idle: Mutex<Option<Instant>>,
    /// How long a worker that was told to end may take.
    graceful: Duration,
    /// When it is cut off.
    until: Mutex<Option<Instant>>,
}

enum Stage {
    /// The app is being made.
    Booting,
    /// The server begins to accept: what comes now waits until it can be told.
    Starting,
    Serving(Arc<dyn Serving>),
    /// What is left is to leave.
    Over,
}

impl Reins {
    pub(super) fn new(job: &mut Job) -> Self {
        let settings = &job.settings;
        let (limit, root) = (settings.clocks.request, settings.root_path.clone());
        let gauge = Gauge::new(job.slot, job.statsd.clone(), limit, root);
        let gauge = if settings.server == ServerKind::Hyper { gauge.of_reactors() } else { gauge };
        let gauge = gauge.with_mouth(job.mouth.take());
        Self {
            gauge: Arc::new(gauge),
            slot: job.slot,
            worker: job.worker,
            hooks: Arc::clone(&job.hooks),
            reopen: job.reopen.clone(),
            purpose: job.purpose,
            stopping: Mutex::new(job.stopping.take()),
            stage: Mutex::new(Stage::Booting),
            changed: Condvar::new(),
            hurries: AtomicBool::new(false),
            keeps_idle: settings.clocks.graceful.mul_f32(KEEPS_IDLE),
            closes_idle: Mutex::new(None),
            graceful: settings.clocks.graceful,
            until: Mutex::new(None),
        }
    }

    /// The server begins to accept. Until now an order ended the process; a connection that it has accepted would be lost so.
    pub(super) fn starting(&self) {
        *self.stage() = Stage::Starting;
    }

    /// The app is served from now on.
    pub(super) fn serving(&self, serving: Arc<dyn Serving>) {
        *self.stage() = Stage::Serving(serving);
        self.changed.notify_all();
        self.slot.set_ready(Millis::now());
        if let Some(mouth) = self.gauge.mouth().as_mut() {
            mouth.say_ready();
        }
    }

    /// Serving is over.
    pub(super) fn over(&self) {
        *self.stage() = Stage::Over;
        self.changed.notify_all();
    }

    /// Tells the master why this worker ends.
    pub(super) fn say_why(&self, reason: &str) {
        if let Some(mouth) = self.gauge.mouth().as_mut() {
            mouth.say_why(reason);
        }
    }

    /// Calls a hook of the worker's; a panic of it is said.
    pub(super) fn hook(&self, name: &str, hook: impl FnOnce(&(dyn Hooks + 'static), &Worker)) {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let worker = Worker { until, ..self.worker };
        if let Err(panic) = hooks::call(|| hook(&*self.hooks, &worker)) {
            say(Level::Error, format_args!("The hook {name} panicked: {panic}"));
        }
    }

    /// A signal came.
    pub(super) fn signal(&self, signal: i32) {
        match signal {
            SIGTERM => self.obey(),
            SIGINT | SIGQUIT => self.end_now(),
            SIGUSR1 => {
                self.reopen.all();
            }
            SIGABRT => {
                self.hook("worker_abort", Hooks::worker_abort);
                // As the signal has it, with a core where the system writes one.
                if signal_hook::low_level::emulate_default_handler(SIGABRT).is_err() {
                    sys::leave(1);
                }
            }
            SIGHUP if self.purpose == Purpose::Alone => self.reload(),
            // What means something to the master only.
            _ => {}
        }
    }

    /// The master is gone.
    pub(super) fn orphaned(&self) {
        say(Level::Warning, format_args!("Parent changed, shutting down: Worker"));
        self.stop(State::Stopping, |serving| serving.stop(None));
    }

    /// TERM: the slot says what is meant; a stop if nobody wrote anything there.
    fn obey(&self) {
        match self.slot.wanted() {
            Wanted::Leave => self.leave(),
            Wanted::Serve | Wanted::Stop => self.stop(State::Stopping, |serving| serving.stop(None)),
            Wanted::Quick => self.end_now(),
        }
    }

    fn leave(&self) {
        self.stop(State::Leaving, |serving| serving.leave());
        *self.closes_idle.lock().unwrap_or_else(PoisonError::into_inner) =
            Instant::now().checked_add(self.keeps_idle);
    }

    /// Closes connections that nobody used since this worker began to leave, before the master loses its patience.
    pub(super) fn close_idle_in_time(&self) {
        let mut closes = self.closes_idle.lock().unwrap_or_else(PoisonError::into_inner);
        if closes.take_if(|at| *at <= Instant::now()).is_some() {
            drop(closes);
            self.stop(State::Leaving, |serving| serving.stop(None));
        }
    }

    fn end_now(&self) {
        if self.hurries.swap(true, Ordering::Relaxed) {
            return;
        }
        self.cut_off_after(QUICK);
        self.hook("worker_int", Hooks::worker_int);
        self.stop(State::Stopping, |serving| serving.stop(Some(Duration::ZERO)));
        let stage = self.stage();
        let waits = |stage: &mut Stage| !matches!(stage, Stage::Over);
        let (stage, waited) =
            self.changed.wait_timeout_while(stage, QUICK, waits).unwrap_or_else(PoisonError::into_inner);
        drop(stage);
        if waited.timed_out() {
            // A thread is stuck in the app.
            sys::leave(0);
        }
    }

    fn stop(&self, state: State, how: impl FnOnce(&dyn Serving)) {
        let starting = |stage: &mut Stage| matches!(stage, Stage::Starting);
        let now = self.changed.wait_while(self.stage(), starting).unwrap_or_else(PoisonError::into_inner);
        let serving = match &*now {
            Stage::Booting => sys::leave(0),
            Stage::Serving(serving) => Arc::clone(serving),
            Stage::Starting | Stage::Over => return,
        };
        drop(now);
        self.cut_off_after(self.graceful);
        self.slot.set_state(state);
        let stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(say) = stopping {
            say();
        }
        how(&*serving);
    }

    /// Notes when this worker is cut off, unless that is sooner already.
    fn cut_off_after(&self, time: Duration) {
        let (mut until, cut) =
            (self.until.lock().unwrap_or_else(PoisonError::into_inner), Instant::now().checked_add(time));
        *until = until.into_iter().chain(cut).min();
    }

    /// Notes what the server has accepted, if it tells.
    pub(super) fn note_load(&self) {
        let load = match &*self.stage() {
            Stage::Serving(serving) => serving.load(),
            Stage::Booting | Stage::Starting | Stage::Over => None,
        };
        if let Some(load) = load {
            self.slot.set_connections(load.accepted, load.connections as u64);
        }
    }

    fn reload(&self) {
        let serving = match &*self.stage() {
            Stage::Serving(serving) => Arc::clone(serving),
            Stage::Booting | Stage::Starting | Stage::Over => return,
        };
        match serving.reload() {
            Ok(()) => say(
                Level::Info,
                format_args!("Certificates are read again; all else needs a restart, or workers"),
            ),
            Err(error) => say(Level::Error, format_args!("{error}; the old certificates stay in use")),
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Reins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reins").field("worker", &self.worker).finish_non_exhaustive()
    }
}

/// The rest is for requests that run.
const KEEPS_IDLE: f32 = 0.9;

/// What a quick end may take, below the master's limit for it.
const QUICK: Duration = Duration::from_secs(1);
