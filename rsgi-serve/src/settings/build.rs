//! Makes [`Settings`] of the values: each text becomes what it means, Gunicorn's numbers become rsgi-core's limits.
//!
//! What values may not be together is found by `rules.rs`, before; what is still wrong here becomes a fault, too.
//!
//! Invariant: nothing is opened and no name looked up.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use rsgi_core::trust::IpNet;

use super::config::{
    AccessSettings, Clocks, ControlSettings, LogSettings, ProcessSettings, Protocol, Recycle, ServerKind,
    Settings, SocketSettings, StatsdSettings, UpgradeMode, WatchEngine, WatchSettings,
};
use super::fault::Fault;
use super::machine::Machine;
use super::serving;
use super::setting::Setting;
use super::table::{self, clocks, gateway, http, logging, observing, process, sockets, workers};
use super::values::{FromValue, Values};
use crate::log::colour::When;
use crate::log::level::Level;
use crate::log::output::Output;
use crate::log::statsd::StatsdAddress;
use crate::log::syslog::{Facility, Syslog};

/// Reads values by their types; remembers the settings whose value is none of its type.
pub(super) struct Reader<'a> {
    pub(super) values: &'a Values,
    pub(super) machine: &'a Machine,
    pub(super) faults: Vec<Fault>,
}

/// Makes the settings, unless something is wrong with them.
pub(super) fn build(values: &Values, machine: &Machine) -> Result<Settings, Vec<Fault>> {
    let mut reader = Reader { values, machine, faults: Vec::new() };
    let settings = reader.settings();
    if reader.faults.is_empty() { Ok(settings) } else { Err(reader.faults) }
}

/// The server, by its own name or by Gunicorn's word for it.
pub(super) fn server(values: &Values) -> ServerKind {
    let class = values.read::<String>(&workers::WORKER_CLASS);
    let name = class.or_else(|| values.read(&workers::SERVER)).unwrap_or_default();
    if matches!(name.as_str(), "gevent" | "hyper") { ServerKind::Hyper } else { ServerKind::Std }
}

impl Reader<'_> {
    /// The value; its type's default, and a fault, if the table has another type for it.
    pub(super) fn get<T: FromValue + Default>(&mut self, setting: &'static Setting) -> T {
        self.values.read(setting).unwrap_or_else(|| self.refuse(setting, "its value has another type"))
    }

    /// What the setting's text means; `meaning` knows every text that the table allows.
    fn meant<T: Default>(&mut self, setting: &'static Setting, meaning: impl Fn(&str) -> Option<T>) -> T {
        let text: String = self.get(setting);
        meaning(&text).unwrap_or_else(|| self.refuse(setting, "its value has no meaning"))
    }

    pub(super) fn refuse<T: Default>(&mut self, setting: &'static Setting, problem: &str) -> T {
        let remedy = "this is a mistake in the table of settings; report it";
        self.faults.push(Fault::new(setting.name, problem, remedy).said_by(self.values.origin(setting)));
        T::default()
    }

    fn settings(&mut self) -> Settings {
        let (process, sockets) = (self.process(), self.sockets());
        let config = serving::config(self, &sockets);
        Settings {
            server: server(self.values),
            protocol: self.meant(&gateway::PROTOCOL, Protocol::named),
            allowed: self.allowed(),
            workers: self.get(&workers::WORKERS),
            max_workers: self.get(&workers::MAX_WORKERS),
            threads: config.threads,
            preload: self.get(&workers::PRELOAD_APP),
            reload_batch: NonZeroUsize::new(self.get(&workers::RELOAD_BATCH)).map(NonZeroUsize::get),
            upgrade_mode: self.upgrade_mode(),
            root_path: self.get(&http::ROOT_PATH),
            sendfile: self.get(&http::SENDFILE),
            request_spans: self.get(&observing::REQUEST_SPANS),
            clocks: self.clocks(),
            recycle: self.recycle(),
            log: self.log(),
            access: self.access(),
            touch_reload: self
                .get::<Vec<String>>(&workers::TOUCH_RELOAD)
                .into_iter()
                .map(Into::into)
                .collect(),
            watch: self.watch(),
            control: self.control(&process.title),
            status: self.get::<Option<String>>(&observing::STATUS_BIND).and_then(|text| text.parse().ok()),
            statsd: self.statsd(),
            backlog_metric: self.get(&observing::ENABLE_BACKLOG_METRIC),
            app: self.values.app.clone(),
            process,
            sockets,
            config,
        }
    }

    /// Peers on unix sockets may in any case: `unix` changes nothing.
    fn allowed(&mut self) -> Vec<IpNet> {
        let items: Vec<String> = self.get(&gateway::GATEWAY_ALLOW_IPS);
        if items.iter().any(|item| table::everyone(item)) {
            return EVERYONE.iter().filter_map(|text| table::network(text)).collect();
        }
        items.iter().filter_map(|item| table::network(item)).collect()
    }

    fn upgrade_mode(&mut self) -> UpgradeMode {
        let mode: String = self.get(&process::UPGRADE_MODE);
        if mode == "two-masters" { UpgradeMode::TwoMasters } else { UpgradeMode::InPlace }
    }

    fn clocks(&mut self) -> Clocks {
        Clocks {
            boot: self.get(&clocks::BOOT_TIMEOUT),
            silence: self.get(&clocks::TIMEOUT),
            request: self.get(&clocks::REQUEST_TIMEOUT),
            graceful: self.get(&clocks::GRACEFUL_TIMEOUT),
            drain_delay: self.get(&clocks::DRAIN_DELAY),
        }
    }

    fn recycle(&mut self) -> Recycle {
        Recycle {
            max_requests: self.get(&workers::MAX_REQUESTS),
            max_requests_jitter: self.get(&workers::MAX_REQUESTS_JITTER),
            max_worker_memory: Some(self.get::<u64>(&workers::MAX_WORKER_MEMORY)).filter(|bytes| *bytes > 0),
            max_worker_age: Some(self.get::<Duration>(&workers::MAX_WORKER_AGE))
                .filter(|age| *age > Duration::ZERO),
            max_worker_age_jitter: self.get(&workers::MAX_WORKER_AGE_JITTER),
        }
    }

    fn log(&mut self) -> LogSettings {
        let file = match self.syslog() {
            Some(syslog) => syslog,
            None => self.output(&logging::ERRORLOG, &Output::Stderr).unwrap_or(Output::Stderr),
        };
        LogSettings {
            level: self.meant(&logging::LOGLEVEL, Level::named),
            file,
            json: self.get(&logging::LOG_JSON),
            colour: self.meant(&logging::LOG_COLOR, When::named),
            capture: self.get(&logging::CAPTURE_OUTPUT),
        }
    }

    /// The syslog takes what no setting sends elsewhere.
    fn access(&mut self) -> Option<AccessSettings> {
        let mut file = self.output(&logging::ACCESSLOG, &Output::Stdout);
        if file.is_none() && !self.get::<bool>(&logging::DISABLE_REDIRECT_ACCESS_TO_SYSLOG) {
            file = self.syslog();
        }
        Some(AccessSettings {
            file: file?,
            format: self.get(&logging::ACCESS_LOG_FORMAT),
            json: self.get(&logging::ACCESS_LOG_JSON),
        })
    }

    fn output(&mut self, setting: &'static Setting, dash: &Output) -> Option<Output> {
        Output::parse(&self.get::<Option<String>>(setting)?, dash.clone()).ok()
    }

    fn syslog(&mut self) -> Option<Output> {
        if !self.get::<bool>(&logging::SYSLOG) {
            return None;
        }
        let syslog: Syslog = self.meant(&logging::SYSLOG_ADDR, |text| Syslog::parse(text).ok());
        Some(Output::Syslog(Syslog {
            facility: self.meant(&logging::SYSLOG_FACILITY, Facility::named),
            prefix: self.get::<Option<String>>(&logging::SYSLOG_PREFIX).unwrap_or_default(),
            ..syslog
        }))
    }

    fn process(&mut self) -> ProcessSettings {
        let variables: Vec<String> = self.get(&process::RAW_ENV);
        let pairs = variables.iter().filter_map(|text| text.split_once('='));
        ProcessSettings {
            user: self.get(&process::USER),
            group: self.get(&process::GROUP),
            initgroups: self.get(&process::INITGROUPS),
            umask: self.get(&process::UMASK),
            chdir: self.get(&process::CHDIR),
            pidfile: self.get(&process::PIDFILE),
            daemon: self.get(&process::DAEMON),
            keep_stdio: self.get(&process::ENABLE_STDIO_INHERITANCE),
            title: self.get::<Option<String>>(&process::PROC_NAME).unwrap_or(self.machine.program.clone()),
            cpu_pinning: self.get(&workers::CPU_PINNING),
            variables: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        }
    }

    fn sockets(&mut self) -> SocketSettings {
        let binds: Vec<String> = self.get(&sockets::BIND);
        SocketSettings {
            binds: binds.iter().filter_map(|text| text.parse().ok()).collect(),
            binds_given: self.values.is_given(&sockets::BIND),
            backlog: self.get(&sockets::BACKLOG),
            reuse_port: self.get(&sockets::REUSE_PORT),
            unix_mode: self.get(&sockets::UNIX_MODE),
            unix_user: self.get(&sockets::UNIX_USER),
            unix_group: self.get(&sockets::UNIX_GROUP),
            activation: self.get::<String>(&sockets::SOCKET_ACTIVATION) == "auto",
        }
    }

    fn watch(&mut self) -> Option<WatchSettings> {
        let engine = match self.get::<String>(&workers::RELOAD_ENGINE).as_str() {
            "inotify" => WatchEngine::Inotify,
            "poll" => WatchEngine::Poll,
            _ => WatchEngine::Auto,
        };
        let extra: Vec<String> = self.get(&workers::RELOAD_EXTRA_FILES);
        let command: String = self.get(&workers::RELOAD_COMMAND);
        // What is built stands where the program was started; what isn't, where it works.
        let folder = command.is_empty().then(|| self.get(&process::CHDIR)).flatten();
        let endings = self.get(&workers::RELOAD_ENDINGS);
        let extra = extra.into_iter().map(Into::into).collect();
        let settings = WatchSettings { folder, endings, engine, extra, command };
        self.get::<bool>(&workers::RELOAD).then_some(settings)
    }

    fn control(&mut self, title: &str) -> Option<ControlSettings> {
        if self.get(&observing::CONTROL_SOCKET_DISABLE) {
            return None;
        }
        let given = self.get::<Option<PathBuf>>(&observing::CONTROL_SOCKET);
        let path_given = given.is_some();
        let path = given.or_else(|| self.machine.control_socket(title))?;
        Some(ControlSettings { path, path_given, mode: self.get(&observing::CONTROL_SOCKET_MODE) })
    }

    fn statsd(&mut self) -> Option<StatsdSettings> {
        let to: String = self.get::<Option<String>>(&observing::STATSD_HOST)?;
        Some(StatsdSettings {
            to: StatsdAddress::parse(&to)?,
            prefix: self.get::<Option<String>>(&observing::STATSD_PREFIX).unwrap_or_default(),
            tags: self.get::<Vec<String>>(&observing::DOGSTATSD_TAGS).join(","),
        })
    }
}

/// Every address there is.
const EVERYONE: [&str; 2] = ["0.0.0.0/0", "::/0"];
