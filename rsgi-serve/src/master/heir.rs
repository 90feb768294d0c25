//! Becoming a master in place of another image: its listeners, its page, its workers.
//!
//! The trial has shown that the new image can. What still fails here leads back to the image before, if it is open.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, IntoRawFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use rustix::io::FdFlags;
use rustix::process::{Pid, getpid};

use super::estate::Estate;
use super::observing::{self, Status};
use super::open::{give_up, open_log, say_listening, seed, this_image, wrong};
use super::role::VARIABLE;
use super::seats::Seats;
use super::surroundings::surround;
use super::touched::Touched;
use super::{Launch, Life, Loaded, Master};
use crate::Section;
use crate::clock::Millis;
use crate::control;
use crate::fleet::{Fleet, Generation, Heir, Rules};
use crate::hooks::panic_text;
use crate::log::level::{Level, say};
use crate::notify::{self, Message, Notifier};
use crate::page::Page;
use crate::pidfile::PidFile;
use crate::process::{Image, Start, exec};
use crate::settings::Settings;
use crate::sockets::{self, Listeners};
use crate::sys;
use crate::worker::Failure;

/// Takes over, and serves until the end. Whatever fails before it serves leads back.
pub(super) fn begin(launch: Launch, settings: Settings, estate: OwnedFd) -> ExitCode {
    let prepared = Estate::unpack(estate)
        .and_then(|estate| Ok((WayBack::keep(&launch, &estate).map_err(|error| error.to_string())?, estate)));
    let (way_back, estate) = match prepared {
        Ok(prepared) => prepared,
        Err(reason) => return give_up(&wrong(reason), None),
    };
    let taken_over = catch_unwind(AssertUnwindSafe(|| take_over(launch, settings, estate)));
    match taken_over.unwrap_or_else(|panic| Err(wrong(panic_text(&*panic)))) {
        Ok(master) => {
            drop(way_back);
            master.rule()
        }
        Err(failure) => way_back.go(&failure.reason),
    }
}

/// The settings of a new image are wrong, which the trial had found right: back to the image before.
pub(crate) fn refuse(launch: &Launch, reason: &str, estate: OwnedFd) -> ExitCode {
    let way_back = Estate::unpack(estate)
        .and_then(|estate| WayBack::keep(launch, &estate).map_err(|error| error.to_string()));
    match way_back {
        Ok(way_back) => way_back.go(reason),
        Err(failed) => give_up(&lost(reason, &failed), None),
    }
}

/// Duplicates of all that the image before left, to be given back to it.
struct WayBack {
    start: Start,
    estate: Estate,
    descriptors: Vec<OwnedFd>,
}

impl WayBack {
    fn keep(launch: &Launch, estate: &Estate) -> io::Result<Self> {
        let (mut estate, mut descriptors) = (estate.clone(), Vec::new());
        for number in estate.numbers() {
            let taken = sys::inherited(*number)?;
            let duplicate = taken.try_clone()?;
            if taken.as_raw_fd() == *number {
                // As it was, for whoever takes it over.
                rustix::io::fcntl_setfd(&taken, FdFlags::empty())?;
                let _ = taken.into_raw_fd();
            }
            *number = duplicate.as_raw_fd();
            descriptors.push(duplicate);
        }
        Ok(Self { start: launch.start.clone(), estate, descriptors })
    }

    /// Becomes the image before. Returns only if that failed.
    fn go(self, reason: &str) -> ExitCode {
        say(Level::Error, format_args!("Takeover failed: {reason}. Back to the old binary."));
        let reason_back = match self.execute(reason) {
            Ok(never) => match never {},
            Err(error) => error.to_string(),
        };
        give_up(&lost(reason, &reason_back), None)
    }

    fn execute(mut self, reason: &str) -> io::Result<Infallible> {
        self.estate.legacy.rolled_back = Some(reason.to_owned());
        let number = self.estate.image.take();
        let (image, mut others): (Vec<_>, Vec<_>) =
            self.descriptors.iter().partition(|it| Some(it.as_raw_fd()) == number);
        let image = image.first().ok_or(io::ErrorKind::NotFound)?;
        let parcel = self.estate.pack()?;
        let role = format!("heir:{}", parcel.as_fd().as_raw_fd());
        let mut keep: Vec<_> = others.drain(..).map(AsFd::as_fd).collect();
        keep.push(parcel.as_fd());
        std::env::set_current_dir(self.start.folder())?;
        let environment = self.start.environment(&[(VARIABLE, &role)]);
        Err(exec(Image::Open(image.as_fd()), &self.start.arguments(), &environment, &keep))
    }
}

fn lost(reason: &str, failed: &str) -> Failure {
    wrong(format!("{reason}; and the image before can't be had back: {failed}"))
}

fn take_over(mut launch: Launch, settings: Settings, estate: Estate) -> Result<Master, Failure> {
    let handed = estate.handed();
    let page = Page::adopt(inherited(estate.page)?).map_err(wrong)?.keep();
    page.set_master(getpid());
    let life =
        Life { reading: inherited(estate.life_reading)?, writing: Some(inherited(estate.life_writing)?) };
    let pidfile = match estate.pidfile {
        Some((path, number)) => Some(PidFile::adopt(path, inherited(Some(number))?)),
        None => None,
    };
    let before = estate.image.map(|number| inherited(Some(number))).transpose()?;
    let mut listeners = Listeners::restore(estate.listeners).map_err(wrong)?;
    let notifier = Notifier::take().map_err(wrong)?;
    let watchdog = notify::take_watchdog().map_err(wrong)?;
    let keeps = notify::take_store().map_err(wrong)?;
    // What the first parent handed over is restored with the other listeners.
    sockets::inherit::take_environment().map_err(wrong)?;
    surround(&settings)?;
    let loaded = Loaded::load(settings, &handed, None).map_err(wrong)?;
    let log = open_log(&loaded)?;
    open_missing(&mut listeners, &loaded);
    launch.title.set("master", &loaded.settings.process.title);
    if let Some(notifier) = &notifier {
        // Of no weight: the process is the same.
        let _ = notifier.send(&Message::Master(getpid()));
    }
    if loaded.settings.preload {
        let section: &'static Section = Box::leak(Box::new(Section::new(loaded.settings.app.clone())));
        launch.body.preload(section)?;
    }
    let control = control(&loaded.settings);
    let status = Status::adopt(estate.status, estate.status_pid, &loaded).map_err(wrong)?;
    let legacy = estate.legacy;
    let workers = &legacy.workers;
    let pid = |heir: &Heir| i32::try_from(heir.pid).ok().and_then(Pid::from_raw);
    let pids: HashMap<_, _> = workers.iter().filter_map(|heir| Some((pid(heir)?, heir.slot))).collect();
    let adopted: BTreeSet<_> =
        workers.iter().filter(|heir| heir.ready.is_none()).map(|heir| heir.slot).collect();
    let (generation, back) = (Generation(legacy.generation), legacy.rolled_back.is_some());
    let rules = Rules::of(&loaded.settings, watchdog);
    let fleet = Fleet::adopt(rules, page.capacity(), seed() ^ Millis::now().0, legacy);
    Ok(Master {
        launch,
        log,
        fleet,
        page,
        current: loaded,
        generation,
        pending: None,
        listeners,
        handed,
        seats: Seats::adopted(estate.seats),
        life,
        pipes: BTreeMap::new(),
        pids,
        adopted,
        pidfile,
        notifier,
        watchdog,
        keeps,
        stored: estate.stored,
        report: None,
        image: this_image(),
        // The image that failed is none to go back to.
        before: before.filter(|_| !back),
        probe: None,
        successor: None,
        watcher: None,
        touched: Touched::default(),
        control,
        status,
        predecessor: None,
        over: None,
    })
}

/// The control socket; one that can't be had isn't worth an upgrade.
fn control(settings: &Settings) -> Option<control::Server> {
    observing::control(settings).unwrap_or_else(|error| {
        say(Level::Error, format_args!("{error}; there is no control socket"));
        None
    })
}

/// Takes a descriptor of the image before.
fn inherited(number: Option<i32>) -> Result<OwnedFd, Failure> {
    let number = number.ok_or_else(|| wrong("a descriptor wasn't handed over"))?;
    sys::inherited(number).map_err(|error| wrong(format!("descriptor {number}: {error}")))
}

/// Opens the addresses that the new settings name besides; one that can't be had is no reason to go back.
fn open_missing(listeners: &mut Listeners, loaded: &Loaded) {
    match sockets::open_all(&listeners.missing(&loaded.binds), &loaded.options, |_, _| {}) {
        Ok(opened) => {
            for listener in &opened {
                say_listening(listener, &loaded.settings);
            }
            listeners.add(opened);
        }
        Err(error) => say(
            Level::Error,
            format_args!("{error}; the addresses of before serve, and a reload tries again"),
        ),
    }
}
