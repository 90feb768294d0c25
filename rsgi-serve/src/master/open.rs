//! Becoming a master: the background, the surroundings, the log, the pid file, the listeners, the page.
//!
//! All that can fail for a reason of the user's fails here, before the first fork, and ends the program with code 1.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use rsgi_core::server::Bind;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, getpid};

use super::estate::Estate;
use super::seats::Seats;
use super::surroundings::surround;
use super::touched::Touched;
use super::{Launch, Life, Loaded, Master, Role, heir, observing};
use crate::Section;
use crate::clock::Millis;
use crate::exit::Exit;
use crate::fleet::{Fleet, Generation, Rules};
use crate::log::Log;
use crate::log::level::{Level, say, say_lines};
use crate::notify::{self, Message, Notifier};
use crate::page::Page;
use crate::pidfile::PidFile;
use crate::process::daemon::{self, Detached, Report};
use crate::settings::{Protocol, Settings};
use crate::sockets::inherit::{self, Handed};
use crate::sockets::stored::{self, Claimed};
use crate::sockets::{self, Listener, Listeners, Place, Scheme};
use crate::worker::Failure;

/// What is open before a master, or a process that serves alone, begins.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) log: Log,
    pub(crate) loaded: Loaded,
    pub(crate) handed: Vec<Bind>,
    pub(crate) listeners: Listeners,
    pub(crate) pidfile: Option<PidFile>,
    pub(crate) notifier: Option<Notifier>,
    pub(crate) watchdog: Option<std::time::Duration>,
    /// Whether the service manager keeps listeners.
    pub(crate) keeps: bool,
}

/// Becomes a master, and serves until the end.
pub(crate) fn begin(mut launch: Launch, settings: Settings, role: Role) -> ExitCode {
    let estate = match role {
        Role::Heir(estate) => return heir::begin(launch, settings, estate),
        Role::Second(estate) => Some(estate),
        Role::First | Role::Probe(..) => None,
    };
    // A second master is in the background already if the first is.
    let report = match estate {
        None => match background(&mut launch, &settings) {
            Ok(report) => report,
            Err(code) => return code,
        },
        Some(_) => None,
    };
    let opened = match estate {
        None => Opened::open(&mut launch, settings, None),
        Some(estate) => Estate::unpack(estate)
            .map_err(wrong)
            .and_then(|estate| Opened::open(&mut launch, settings, Some(estate))),
    };
    match opened.and_then(|(opened, predecessor)| Master::new(launch, opened, predecessor)) {
        Ok(mut master) => {
            master.report = report;
            master.rule()
        }
        Err(failure) => give_up(&failure, report),
    }
}

/// Goes to the background if the settings say so: with the launcher's code in the launcher, which ends with it, and in the daemon
/// with whom to tell that it serves.
pub(crate) fn background(launch: &mut Launch, settings: &Settings) -> Result<Option<Report>, ExitCode> {
    if !settings.process.daemon {
        return Ok(None);
    }
    match daemon::detach(&mut launch.forking) {
        Ok(Detached::Launcher(code)) => Err(code.unwrap_or(Exit::WorkerFailed.code()).into()),
        Ok(Detached::Daemon(report)) => Ok(Some(report)),
        Err(error) => Err(give_up(&wrong(format!("daemon: {error}")), None)),
    }
}

/// Says why the program ends, in the log if there is one.
pub(crate) fn give_up(failure: &Failure, report: Option<Report>) -> ExitCode {
    if tracing::dispatcher::has_been_set() {
        say_lines(Level::Error, failure);
    } else {
        for line in failure.reason.lines() {
            // Nobody reads it if it is closed.
            let _ = writeln!(std::io::stderr(), "error: {line}");
        }
    }
    if let Some(report) = report {
        // Its end says enough, too.
        let _ = report.failed(failure.exit.code());
    }
    failure.exit.into()
}

/// A setting or an address is wrong.
pub(super) fn wrong(reason: impl fmt::Display) -> Failure {
    Failure { exit: Exit::Settings, reason: reason.to_string() }
}

impl Opened {
    /// Opens it all; the listeners are taken from a first master if one lends them.
    pub(crate) fn open(
        launch: &mut Launch,
        settings: Settings,
        lent: Option<Estate>,
    ) -> Result<(Self, Option<Pid>), Failure> {
        let notifier = Notifier::take().map_err(wrong)?;
        let watchdog = notify::take_watchdog().map_err(wrong)?;
        let keeps = notify::take_store().map_err(wrong)?;
        let (handed, stored) = match &lent {
            Some(estate) => (estate.handed(), Vec::new()),
            None => handed_over(&settings)?,
        };
        surround(&settings)?;
        let loaded = Loaded::load(settings, &handed, None).map_err(wrong)?;
        let log = open_log(&loaded)?;
        let settings = &loaded.settings;
        launch.title.set("master", &settings.process.title);
        let path = settings.process.pidfile.clone().map(|mut path| {
            if lent.is_some() {
                path.as_mut_os_string().push(".2");
            }
            path
        });
        let pidfile = path.as_deref().map(PidFile::write).transpose().map_err(wrong)?;
        let predecessor = lent.as_ref().and_then(|estate| Pid::from_raw(estate.master));
        let opened = match lent {
            Some(estate) => Listeners::restore(estate.listeners).map_err(wrong),
            None => listeners(&loaded, stored, notifier.as_ref()),
        };
        let opened = opened.inspect(|listeners: &Listeners| {
            say(Level::Info, format_args!("Starting rsgi {}", env!("CARGO_PKG_VERSION")));
            listeners.iter().for_each(|listener| say_listening(listener, settings));
            match settings.protocol {
                Protocol::Http => say(Level::Info, format_args!("Using worker: {}", settings.server.name())),
                other @ Protocol::Gateway(_) => say(
                    Level::Info,
                    format_args!("Using worker: {}, speaking {}", settings.server.name(), other.name()),
                ),
            }
        });
        let listeners = match opened {
            Ok(listeners) => listeners,
            Err(failure) => {
                // The error of the listeners counts.
                let _ = pidfile.map(PidFile::remove);
                return Err(failure);
            }
        };
        Ok((Self { log, loaded, handed, listeners, pidfile, notifier, watchdog, keeps }, predecessor))
    }
}

/// Opens the log of the settings and makes it the program's.
pub(super) fn open_log(loaded: &Loaded) -> Result<Log, Failure> {
    let log = Log::open(&loaded.log_plan()).map_err(wrong)?;
    log.count_for(loaded.statsd.clone());
    // A program that has a log of its own keeps it.
    if log.install().is_ok() && loaded.settings.log.capture {
        log.capture().map_err(wrong)?;
    }
    Ok(log)
}

/// The log's line of a listener.
pub(super) fn say_listening(listener: &Listener, settings: &Settings) {
    let tcp = matches!(listener.place(), Place::Tcp(_));
    let scheme = match settings.protocol {
        Protocol::Http if tcp && settings.config.tls.is_some() => Scheme::Https,
        Protocol::Http => Scheme::Http,
        other @ Protocol::Gateway(_) => Scheme::Gateway(other.name()),
    };
    say(Level::Info, format_args!("Listening at: {} ({})", listener.url(scheme), std::process::id()));
}

/// Listeners of whoever started this program, unless the settings don't want them; and those that were stored for it.
fn handed_over(settings: &Settings) -> Result<(Vec<Bind>, Vec<Handed>), Failure> {
    let mut handed = inherit::take_environment().map_err(wrong)?;
    let stored = stored::take(&mut handed);
    if !settings.sockets.activation {
        return Ok((Vec::new(), stored));
    }
    let mut binds: Vec<Bind> = handed.iter().map(|it| Bind::Fd(it.number)).collect();
    if binds.is_empty() && !settings.sockets.binds_given && inherit::standard_input_listens() {
        binds.push(Bind::Fd(0));
    }
    Ok((binds, stored))
}

fn listeners(
    loaded: &Loaded,
    stored: Vec<Handed>,
    notifier: Option<&Notifier>,
) -> Result<Listeners, Failure> {
    let Claimed { listeners, unwanted } = stored::claim(stored, &loaded.binds);
    for name in unwanted {
        if let Some(Err(error)) = notifier.map(|notifier| notifier.send(&Message::Forget { name: &name })) {
            tracing::warn!(target: "rsgi", %error, "the service manager can't be told");
        }
    }
    let wait = |error: &rsgi_core::server::ServeError, after: std::time::Duration| {
        say(Level::Warning, format_args!("{error}. Retrying in {} s.", after.as_secs()));
        std::thread::sleep(after);
    };
    let mut all = Listeners::from(listeners);
    all.add(sockets::open_all(&all.missing(&loaded.binds), &loaded.options, wait).map_err(wrong)?);
    all.sort_by(&loaded.binds);
    Ok(all)
}

impl Master {
    fn new(mut launch: Launch, opened: Opened, predecessor: Option<Pid>) -> Result<Self, Failure> {
        let Opened { log, loaded, handed, listeners, pidfile, notifier, watchdog, keeps } = opened;
        let settings = &loaded.settings;
        if settings.preload {
            let section: &'static Section = Box::leak(Box::new(Section::new(settings.app.clone())));
            if let Err(failure) = launch.body.preload(section) {
                listeners.remove_files();
                // The app's error counts.
                let _ = pidfile.map(PidFile::remove);
                return Err(failure);
            }
        }
        let (control, status) = match observing::open(&loaded) {
            Ok(observers) => observers,
            Err(reason) => {
                listeners.remove_files();
                // The error of the address counts.
                let _ = pidfile.map(PidFile::remove);
                return Err(wrong(reason));
            }
        };
        let rules = Rules::of(settings, watchdog);
        let most = settings.workers.max(settings.max_workers);
        let slots = u16::try_from(most.saturating_mul(4)).unwrap_or(u16::MAX).max(LEAST_SLOTS);
        let page = Page::create(slots, getpid(), Millis::now()).map_err(wrong)?.keep();
        let mut fleet = Fleet::new(rules, slots, seed());
        if predecessor.is_some() {
            fleet.follow_predecessor();
        }
        let (reading, writing) = pipe_with(PipeFlags::CLOEXEC).map_err(wrong)?;
        Ok(Self {
            launch,
            log,
            fleet,
            page,
            current: loaded,
            generation: Generation(1),
            pending: None,
            listeners,
            handed,
            seats: Seats::default(),
            life: Life { reading, writing: Some(writing) },
            pipes: BTreeMap::new(),
            pids: HashMap::new(),
            adopted: BTreeSet::new(),
            pidfile,
            notifier,
            watchdog,
            keeps,
            stored: BTreeSet::new(),
            report: None,
            image: this_image(),
            before: None,
            probe: None,
            successor: None,
            watcher: None,
            touched: Touched::default(),
            control,
            status,
            predecessor,
            over: None,
        })
    }
}

/// This program's file, as it runs. Where `/proc` isn't mounted there is no way back from an upgrade, and the trial must do.
pub(super) fn this_image() -> Option<OwnedFd> {
    File::open("/proc/self/exe").ok().map(OwnedFd::from)
}

/// What chance begins with: no two masters have the same.
pub(super) fn seed() -> u64 {
    let pid = u64::from(std::process::id());
    Millis::now().0.rotate_left(20) ^ pid
}

/// Room for TTIN and for reloads of few workers; slots that nobody uses take no memory.
const LEAST_SLOTS: u16 = 256;
