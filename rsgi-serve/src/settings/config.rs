//! [`Settings`]: the settings as the rest of the program reads them, each in its own type.
//!
//! Plain data without texts to parse; `build.rs` makes it of the values, after `rules.rs` has looked at them together.
//!
//! Invariant: whoever holds one holds settings that were checked, alone and with each other.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use rsgi_core::server::{Bind, Config};
use rsgi_core::trust::IpNet;

use crate::log::colour::When;
use crate::log::level::Level;
use crate::log::output::Output;
use crate::log::statsd::StatsdAddress;
use crate::process::daemon::Streams;

/// How this program serves.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct Settings {
    pub(crate) server: ServerKind,
    pub(crate) protocol: Protocol,
    /// Who may connect where the protocol is a web server's.
    pub(crate) allowed: Vec<IpNet>,
    /// 0: the launcher's own process serves.
    pub(crate) workers: usize,
    /// As many as the load may ask for; not more than `workers` keeps their number.
    pub(crate) max_workers: usize,
    /// `None`: the adapter's choice.
    pub(crate) threads: Option<NonZeroUsize>,
    /// Whether the master makes the app.
    pub(crate) preload: bool,
    /// Workers that a reload starts at once; `None`: a quarter.
    pub(crate) reload_batch: Option<usize>,
    pub(crate) upgrade_mode: UpgradeMode,
    /// Where the app is mounted; empty or with a slash at its beginning and none at its end.
    pub(crate) root_path: String,
    pub(crate) sendfile: bool,
    /// Whether each request has a span.
    pub(crate) request_spans: bool,
    pub(crate) clocks: Clocks,
    pub(crate) recycle: Recycle,
    pub(crate) log: LogSettings,
    /// `None`: no access log.
    pub(crate) access: Option<AccessSettings>,
    pub(crate) process: ProcessSettings,
    pub(crate) sockets: SocketSettings,
    /// Files whose change reloads.
    pub(crate) touch_reload: Vec<PathBuf>,
    /// `None`: nothing is watched.
    pub(crate) watch: Option<WatchSettings>,
    /// `None`: no commands are taken.
    pub(crate) control: Option<ControlSettings>,
    /// The status page's address of its own.
    pub(crate) status: Option<Bind>,
    pub(crate) statsd: Option<StatsdSettings>,
    pub(crate) backlog_metric: bool,
    /// What the adapter is given; its listeners are those of `sockets`.
    pub(crate) config: Config,
    /// The section `[app]`.
    pub(crate) app: toml::Table,
}

/// Which adapter serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerKind {
    /// On threads: rsgi-std, or rsgi-gateway's `threads`.
    Std,
    /// On tokio: rsgi-hyper, or rsgi-gateway's `tokio`.
    Hyper,
}

/// What is spoken with whoever connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    #[default]
    Http,
    /// A web server's own.
    Gateway(Gateway),
}

/// A web server's own protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gateway {
    FastCgi,
    Scgi,
    Uwsgi,
}

/// What USR2 does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpgradeMode {
    /// The new program takes over the process id.
    InPlace,
    /// A second master beside the first, as Gunicorn has it.
    TwoMasters,
}

/// The master's clocks over its workers; zero is off, but for `graceful`, where it is at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// From the fork until it is ready.
    pub(crate) boot: Duration,
    /// Between two signs of life.
    pub(crate) silence: Duration,
    /// One request.
    pub(crate) request: Duration,
    /// From the order to stop until the end.
    pub(crate) graceful: Duration,
    /// Before a stop, while it says it isn't ready.
    pub(crate) drain_delay: Duration,
}

/// When a worker is replaced; zero is never.
#[expect(clippy::struct_field_names, reason = "the names of the settings")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recycle {
    pub(crate) max_requests: u64,
    pub(crate) max_requests_jitter: u64,
    /// Bytes.
    pub(crate) max_worker_memory: Option<u64>,
    pub(crate) max_worker_age: Option<Duration>,
    pub(crate) max_worker_age_jitter: Duration,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) level: Level,
    pub(crate) file: Output,
    pub(crate) json: bool,
    pub(crate) colour: When,
    /// Whether what the app prints goes there too.
    pub(crate) capture: bool,
}

/// The access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessSettings {
    pub(crate) file: Output,
    /// With Gunicorn's atoms; of no use where `json` is set.
    pub(crate) format: String,
    pub(crate) json: bool,
}

/// The processes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct ProcessSettings {
    /// A name or a number.
    pub(crate) user: Option<String>,
    /// A name or a number.
    pub(crate) group: Option<String>,
    pub(crate) initgroups: bool,
    pub(crate) umask: Option<u32>,
    pub(crate) chdir: Option<PathBuf>,
    pub(crate) pidfile: Option<PathBuf>,
    pub(crate) daemon: bool,
    /// Whether a daemon keeps its standard streams.
    pub(crate) keep_stdio: bool,
    /// The name in the processes' titles.
    pub(crate) title: String,
    pub(crate) cpu_pinning: bool,
    /// Set for the app, in this order.
    pub(crate) variables: Vec<(String, String)>,
}

impl Settings {
    /// What becomes of a daemon's standard streams once it serves.
    pub(crate) fn streams(&self) -> Streams {
        match (self.process.daemon && !self.process.keep_stdio, self.log.capture) {
            (true, false) => Streams::Leave,
            (true, true) => Streams::LeaveInput,
            (false, _) => Streams::Keep,
        }
    }
}

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SocketSettings {
    pub(crate) binds: Vec<Bind>,
    /// Whether somebody set `binds`, so that they are no mere default.
    pub(crate) binds_given: bool,
    pub(crate) backlog: u32,
    pub(crate) reuse_port: bool,
    pub(crate) unix_mode: Option<u32>,
    /// A name or a number.
    pub(crate) unix_user: Option<String>,
    /// A name or a number.
    pub(crate) unix_group: Option<String>,
    /// Whether sockets handed over by the environment are looked for.
    pub(crate) activation: bool,
}

/// What is watched for changes, and what is done then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WatchSettings {
    /// The folder; `None`: the one of the start.
    pub(crate) folder: Option<PathBuf>,
    /// How names of sources end.
    pub(crate) endings: Vec<String>,
    pub(crate) engine: WatchEngine,
    pub(crate) extra: Vec<PathBuf>,
    /// For a shell.
    pub(crate) command: String,
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WatchEngine {
    /// By the system where it can, else by looking.
    Auto,
    /// By the system.
    Inotify,
    /// By looking.
    Poll,
}

/// The socket that takes commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ControlSettings {
    pub(crate) path: PathBuf,
    pub(crate) mode: u32,
    /// Whether somebody set the path; the folder of a default one is made.
    pub(crate) path_given: bool,
}

/// Where and how metrics are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatsdSettings {
    pub(crate) to: StatsdAddress,
    /// Empty, or what the names begin with.
    pub(crate) prefix: String,
    /// Empty, or separated by commas.
    pub(crate) tags: String,
}

impl Protocol {
    /// The protocol of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let gateways = [Gateway::FastCgi, Gateway::Scgi, Gateway::Uwsgi].map(Self::Gateway);
        [Self::Http].into_iter().chain(gateways).find(|it| it.name() == name)
    }

    /// The name that the setting has for it, and the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Gateway(Gateway::FastCgi) => "fastcgi",
            Self::Gateway(Gateway::Scgi) => "scgi",
            Self::Gateway(Gateway::Uwsgi) => "uwsgi",
        }
    }
}

impl ServerKind {
    /// The name that the settings have for it, and the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Std => "std",
            Self::Hyper => "hyper",
        }
    }
}
