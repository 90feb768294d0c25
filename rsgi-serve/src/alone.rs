//! `--workers 0`: the launcher's own process serves, without a master. The default of a development build.
//!
//! A worker without a master: TERM ends it gracefully, INT and QUIT at once, USR1 opens the log files again, HUP reads the
//! certificates again. Nobody replaces it, so there is no reload, no upgrade, no recycling and no clock over it. With `--reload`
//! it executes itself anew after a good build. The background and the service manager know no difference.

use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use crate::clock::Millis;
use crate::exit::Exit;
use crate::fleet::{Generation, SlotId};
use crate::hooks::{Hooks, Worker};
use crate::log::level::{Level, say};
use crate::log::reopen::Reopen;
use crate::master::{Launch, Opened, background, give_up};
use crate::notify::{Message, Notifier};
use crate::page::Page;
use crate::process::daemon::{Report, Streams};
use crate::process::{Child, Image, Start, exec};
use crate::settings::Settings;
use crate::sockets::Worker as Seat;
use crate::watch::Watch;
use crate::worker::{Failure, Job, Purpose, live_in};

/// Serves until the end.
pub(crate) fn run(mut launch: Launch, settings: Settings) -> ExitCode {
    let report = match background(&mut launch, &settings) {
        Ok(report) => report,
        Err(code) => return code,
    };
    match Opened::open(&mut launch, settings, None) {
        Ok((opened, _)) => serve(launch, opened, report),
        Err(failure) => give_up(&failure, report),
    }
}

/// Says what was asked for and needs a master.
fn say_unused(settings: &Settings) {
    let control = settings.control.as_ref().is_some_and(|control| control.path_given);
    for (name, asked) in [("control_socket", control), ("status_bind", settings.status.is_some())] {
        if asked {
            say(
                Level::Warning,
                format_args!("{name} needs a master, and there is none: give --workers 1 or more"),
            );
        }
    }
}

fn serve(launch: Launch, mut opened: Opened, report: Option<Report>) -> ExitCode {
    let Launch { forking, mut body, hooks, start, .. } = launch;
    let child = forking.give_up();
    say_unused(&opened.loaded.settings);
    let again = Arc::new(AtomicBool::new(false));
    let files = opened.listeners.files();
    let outside = Outside::new(&mut opened, report);
    let served = job(&mut opened, &hooks, &outside).and_then(|job| {
        watch(&child, &opened.loaded.settings, &start, &again).map_err(Failure::of_worker)?;
        live_in(&mut *body, &child, job, &opened.loaded.identity)
    });
    for (bind, error) in files.remove() {
        tracing::warn!(target: "rsgi", %bind, %error, "the socket's file stays behind");
    }
    if let Some(Err(error)) = opened.pidfile.take().map(crate::pidfile::PidFile::remove) {
        tracing::warn!(target: "rsgi", %error, "the pid file stays behind");
    }
    if let Err(failure) = served {
        return give_up(&failure, outside.report());
    }
    if again.load(Ordering::Acquire) {
        let error = anew(&start);
        return give_up(&Failure::of_worker(format!("the new program can't be run: {error}")), None);
    }
    say(Level::Info, format_args!("Worker exiting (pid: {})", std::process::id()));
    Exit::Clean.into()
}

fn job(opened: &mut Opened, hooks: &Arc<dyn Hooks>, outside: &Arc<Outside>) -> Result<Job, Failure> {
    let page = Page::create(1, getpid(), Millis::now()).map_err(Failure::of_worker)?.keep();
    let slot = page.slot(SlotId(0)).ok_or_else(|| Failure::of_worker("the page has no slot"))?;
    slot.prepare(Generation(1), Millis::now());
    slot.set_pid(getpid());
    let loaded = &opened.loaded;
    let reopen = Reopen::new(opened.log.clone());
    let (ready, stopping) = (Arc::clone(outside), Arc::clone(outside));
    Ok(Job {
        worker: Worker { slot: 0, generation: 1, pid: Some(std::process::id()), until: None },
        slot,
        settings: Arc::clone(&loaded.settings),
        access: loaded.access.clone(),
        statsd: loaded.statsd.clone(),
        reopen: match &loaded.access {
            Some(access) => reopen.and(access.sink()),
            None => reopen,
        },
        hooks: Arc::clone(hooks),
        binds: opened.listeners.binds(Seat { number: 0, of: 1 }),
        listeners: std::mem::take(&mut opened.listeners),
        mouth: None,
        ready: Some(Box::new(move || ready.say_ready())),
        stopping: Some(Box::new(move || stopping.say(&Message::Stopping))),
        life: None,
        purpose: Purpose::Alone,
    })
}

/// Who wants to know how the process is: the service manager, and the command that sent it to the background.
#[derive(Debug)]
struct Outside {
    notifier: Option<Notifier>,
    watchdog: Option<Duration>,
    report: Mutex<Option<Report>>,
    streams: Streams,
}

impl Outside {
    fn new(opened: &mut Opened, report: Option<Report>) -> Arc<Self> {
        Arc::new(Self {
            notifier: opened.notifier.take(),
            watchdog: opened.watchdog,
            report: Mutex::new(report),
            streams: opened.loaded.settings.streams(),
        })
    }

    fn report(&self) -> Option<Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn say(&self, message: &Message<'_>) {
        if let Some(Err(error)) = self.notifier.as_ref().map(|notifier| notifier.send(message)) {
            tracing::warn!(target: "rsgi", %error, "the service manager can't be told");
        }
    }

    fn say_ready(self: &Arc<Self>) {
        if let Some(Err(error)) = self.report().map(|report| report.ready(self.streams)) {
            tracing::warn!(target: "rsgi", %error, "the command that started this daemon can't be told");
        }
        self.say(&Message::Ready { status: "serving" });
        let (Some(period), Some(_)) = (self.watchdog, &self.notifier) else { return };
        let outside = Arc::clone(self);
        let alive = thread::Builder::new().name("rsgi-watchdog".to_owned()).spawn(move || {
            loop {
                outside.say(&Message::Watchdog);
                thread::sleep(period);
            }
        });
        if let Err(error) = alive {
            tracing::warn!(target: "rsgi", %error, "the service manager can't be shown that it lives");
        }
    }
}

/// Builds again when sources change, and ends this process gracefully for the new program.
fn watch(child: &Child, settings: &Settings, start: &Start, again: &Arc<AtomicBool>) -> io::Result<()> {
    let Some(wanted) = &settings.watch else { return Ok(()) };
    let watch = Watch::new(wanted, start.folder());
    let again = Arc::clone(again);
    let watching = child.again();
    thread::Builder::new().name("rsgi-watch".to_owned()).spawn(move || {
        watch.run(&watching, || {
            again.store(true, Ordering::Release);
            // To this process, whose number it is.
            let _ = kill_process(getpid(), Signal::TERM);
        });
    })?;
    Ok(())
}

fn anew(start: &Start) -> io::Error {
    if let Err(error) = std::env::set_current_dir(start.folder()) {
        return error;
    }
    exec(Image::File(start.program()), &start.arguments(), &start.environment(&[]), &[])
}
