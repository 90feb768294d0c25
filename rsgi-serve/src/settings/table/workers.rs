//! How many processes and threads serve, and when one is replaced.

use super::{forms, settings};
use crate::settings::kind::Kind;
use crate::settings::setting::{Setting, Variable};

settings! { "Workers";
    SERVER = Setting::new("server", Kind::Choice(&["std", "hyper"]), "The server: std on threads, hyper on tokio")
        .default(SERVER_DEFAULT);
    WORKER_CLASS = Setting::new(
        "worker_class",
        Kind::Choice(&["sync", "gthread", "gevent", "std", "hyper"]),
        "The server by Gunicorn's words: sync is std with one thread, gthread std, gevent hyper",
    )
    .short('k')
    .said("what server says");
    WORKERS = Setting::new(
        "workers",
        Kind::Number { least: 0, most: 4096 },
        "Processes that serve; 0 serves in the launcher's own process, without a master",
    )
    .short('w')
    .variables(&[Variable::plain("WEB_CONCURRENCY")])
    .default(WORKERS_DEFAULT)
    .said("0 in a development build, else 1");
    MAX_WORKERS = Setting::new(
        "max_workers",
        Kind::Number { least: 0, most: 4096 },
        "Workers at most, as many as the load asks for, and workers at least; 0 keeps their number",
    )
    .default("0");
    THREADS = Setting::new(
        "threads",
        Kind::Number { least: 0, most: 4096 },
        "Threads of a worker that run the app, under hyper those of its runtime; 0 leaves it to the server",
    )
    .default("0");
    WORKER_CONNECTIONS = Setting::new(
        "worker_connections",
        Kind::Number { least: 1, most: u64::MAX },
        "Open connections of a worker, idle ones included; others wait in the queue",
    )
    .default("16384");
    LIMIT_PENDING_REQUESTS = Setting::new(
        "limit_pending_requests",
        Kind::Number { least: 0, most: u64::MAX },
        "Requests of a worker that may wait for a thread; more are answered 503; 0 is no limit",
    )
    .default("0");
    PRELOAD_APP = Setting::new(
        "preload_app",
        Kind::Switch,
        "Makes the app once in the master, before the workers are forked; not for async factories",
    )
    .flags(&["preload"])
    .default("false");
    RELOAD_BATCH = Setting::new(
        "reload_batch",
        Kind::Number { least: 0, most: 4096 },
        "Workers that a reload starts at once; 0 starts a quarter of them",
    )
    .default("1");
    MAX_REQUESTS = Setting::new(
        "max_requests",
        Kind::Number { least: 0, most: u64::MAX },
        "Requests after which a worker is replaced; 0 is never",
    )
    .default("0");
    MAX_REQUESTS_JITTER = Setting::new(
        "max_requests_jitter",
        Kind::Number { least: 0, most: u64::MAX },
        "Random requests more, from 0 to this, so that workers aren't replaced together",
    )
    .default("0");
    MAX_WORKER_MEMORY = Setting::new(
        "max_worker_memory",
        Kind::Size { least: 0, most: 1 << 50 },
        "Resident memory above which a worker is replaced; 0 is never",
    )
    .default("0");
    MAX_WORKER_AGE =
        Setting::new("max_worker_age", Kind::Time, "Age at which a worker is replaced; 0 is never").default("0");
    MAX_WORKER_AGE_JITTER = Setting::new(
        "max_worker_age_jitter",
        Kind::Time,
        "Random time more, so that workers aren't replaced together",
    )
    .default("0");
    CPU_PINNING = Setting::new("cpu_pinning", Kind::Switch, "Keeps each worker on a core of its own, in turn")
        .default("false");
    RELOAD = Setting::new("reload", Kind::Switch, "Rebuilds and restarts on changes of the source; for development")
        .default("false");
    RELOAD_ENGINE = Setting::new(
        "reload_engine",
        Kind::Choice(&["auto", "inotify", "poll"]),
        "How changes are noticed: by the system, or by looking",
    )
    .default("auto");
    RELOAD_EXTRA_FILES =
        Setting::new("reload_extra_files", paths(), "Further files or folders to watch; may be repeated")
            .flags(&["reload-extra-file"])
            .default("");
    RELOAD_COMMAND = Setting::new(
        "reload_command",
        Kind::Text(forms::COMMAND),
        "What rebuilds the program; nothing is built if it is empty, and the folder to work in is watched",
    )
    .default(REBUILD);
    RELOAD_ENDINGS = Setting::new(
        "reload_endings",
        Kind::List { separator: ',', form: forms::NAME },
        "How names of sources end, behind their last dot; may be repeated",
    )
    .default("rs,toml,lock,html,css,sql");
    TOUCH_RELOAD =
        Setting::new("touch_reload", paths(), "Files whose change reloads, as HUP does; may be repeated").default("");
}

/// The first adapter that is compiled in.
const SERVER_DEFAULT: &str = if cfg!(feature = "std") { "std" } else { "hyper" };

/// A build for development serves in one process, where a debugger and a backtrace see all of it.
const WORKERS_DEFAULT: &str = if cfg!(debug_assertions) { "0" } else { "1" };

/// Of the same profile as this program.
const REBUILD: &str = if cfg!(debug_assertions) { "cargo build" } else { "cargo build --release" };

const fn paths() -> Kind {
    Kind::List { separator: ',', form: forms::PATH }
}
