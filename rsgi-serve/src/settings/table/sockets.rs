//! Where it listens.

use super::{forms, settings};
use crate::settings::kind::Kind;
use crate::settings::setting::{Setting, Variable};

settings! { "Sockets";
    BIND = Setting::new("bind", listeners(), "Where to listen; may be repeated, and each has its own queue")
        .short('b')
        .variables(&[PORT])
        .default("127.0.0.1:8000");
    BACKLOG = Setting::new(
        "backlog",
        Kind::Number { least: 1, most: i32::MAX as u64 },
        "Connections that the system queues for each listener; it may lower it (net.core.somaxconn)",
    )
    .default("2048");
    REUSE_PORT = Setting::new(
        "reuse_port",
        Kind::Switch,
        "One socket for each worker at the same address (SO_REUSEPORT), all made and kept by the master",
    )
    .default("false");
    SOCKET_ACTIVATION = Setting::new(
        "socket_activation",
        Kind::Choice(&["auto", "off"]),
        "Whether sockets of systemd (LISTEN_FDS), or one at descriptor 0, are used in place of bind",
    )
    .default("auto");
    UNIX_MODE = Setting::new("unix_mode", Kind::Mode, "Permission bits of unix sockets")
        .said("what the umask leaves");
    UNIX_USER = Setting::new("unix_user", Kind::Text(forms::NAME), "Owner of unix sockets")
        .said("the workers' user");
    UNIX_GROUP = Setting::new("unix_group", Kind::Text(forms::NAME), "Group of unix sockets")
        .said("the workers' group");
}

const fn listeners() -> Kind {
    Kind::List { separator: ',', form: forms::LISTENER }
}

/// As platforms give it: the port alone, and every address is meant.
const PORT: Variable = Variable { name: "PORT", read: |port| Some(format!("0.0.0.0:{port}")) };
