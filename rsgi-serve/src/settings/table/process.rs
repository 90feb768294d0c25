//! The processes: their rights, names, folders and environment.

use super::{forms, settings};
use crate::settings::kind::Kind;
use crate::settings::setting::Setting;

settings! { "Process";
    CONFIG = Setting::new("config", Kind::Text(forms::PATH), "The settings' file, with sections [serve] and [app]")
        .short('c')
        .said("./rsgi.toml, if it is there")
        .outside_the_file();
    CHDIR = Setting::new("chdir", Kind::Text(forms::PATH), "Folder to work in").said("the one of the start");
    DAEMON = Setting::new("daemon", Kind::Switch, "Goes on in the background once it is ready")
        .short('D')
        .default("false");
    PIDFILE = Setting::new("pidfile", Kind::Text(forms::PATH), "File that holds the master's process id")
        .short('p')
        .flags(&["pid"]);
    USER = Setting::new("user", Kind::Text(forms::NAME), "User that workers run as")
        .short('u')
        .said("the one of the start");
    GROUP = Setting::new("group", Kind::Text(forms::NAME), "Group that workers run as")
        .short('g')
        .said("the user's own, else the one of the start");
    INITGROUPS =
        Setting::new("initgroups", Kind::Switch, "Gives workers all groups of their user").default("false");
    UMASK = Setting::new("umask", Kind::Mode, "Permission bits that new files don't get")
        .short('m')
        .said("the one of the start");
    PROC_NAME = Setting::new("proc_name", Kind::Text(forms::NAME), "Name in the titles of the processes")
        .short('n')
        .flags(&["name"])
        .said("the program's");
    RAW_ENV = Setting::new("raw_env", variables(), "Variable of the app's environment; may be repeated")
        .short('e')
        .flags(&["env"])
        .default("");
    ENABLE_STDIO_INHERITANCE = Setting::new(
        "enable_stdio_inheritance",
        Kind::Switch,
        "Keeps the standard streams in the background",
    )
    .short('R')
    .default("false");
    UPGRADE_MODE = Setting::new(
        "upgrade_mode",
        Kind::Choice(&["in-place", "two-masters"]),
        "What USR2 does: a new program under the same process id, or beside the old one as Gunicorn has it",
    )
    .default("in-place");
}

/// Values may hold commas, so each stands alone.
const fn variables() -> Kind {
    Kind::List { separator: '\n', form: forms::KEY_VALUE }
}
