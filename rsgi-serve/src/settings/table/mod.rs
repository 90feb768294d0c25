//! The table of all settings, group by group: the only place where one is written down.
//!
//! Flags, variables, keys of the file, help, completions, manual and `print-config` are all made from it. Names that Gunicorn
//! has keep their meaning.
//!
//! Invariant: no two settings share a name, a flag or a variable. Next: `config.rs` of the folder above, where they are read.

pub(crate) mod clocks;
mod forms;
pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod limits;
pub(crate) mod logging;
pub(crate) mod observing;
pub(crate) mod process;
pub(crate) mod proxies;
pub(crate) mod sockets;
pub(crate) mod tls;
pub(crate) mod workers;

pub(crate) use forms::{everyone, is_unix, network};

use super::setting::Setting;

/// Every setting, in the order of the help.
pub(crate) fn all() -> impl Iterator<Item = &'static Setting> {
    GROUPS.iter().flat_map(|group| group.iter().copied())
}

/// The setting of this name.
pub(crate) fn named(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.name == name || setting.other_names.contains(&name))
}

/// Defines the settings of a group, and the list of them.
macro_rules! settings {
    ($group:literal; $($key:ident = $setting:expr;)*) => {
        $(pub(crate) static $key: $crate::settings::setting::Setting = $setting.in_group($group);)*

        pub(super) static ALL: &[&$crate::settings::setting::Setting] = &[$(&$key),*];
    };
}
use settings;

static GROUPS: [&[&Setting]; 11] = [
    sockets::ALL,
    workers::ALL,
    clocks::ALL,
    process::ALL,
    gateway::ALL,
    http::ALL,
    limits::ALL,
    proxies::ALL,
    tls::ALL,
    logging::ALL,
    observing::ALL,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::settings::elsewhere;

    /// What Gunicorn has, and matters for any server: kept, or told why not.
    const GUNICORN: &[&str] = &[
        "access_log_format",
        "accesslog",
        "asgi_disconnect_grace_period",
        "backlog",
        "bind",
        "ca_certs",
        "capture_output",
        "certfile",
        "chdir",
        "config",
        "control_socket",
        "control_socket_disable",
        "control_socket_mode",
        "daemon",
        "disable_redirect_access_to_syslog",
        "dogstatsd_tags",
        "enable_backlog_metric",
        "enable_stdio_inheritance",
        "errorlog",
        "forwarded_allow_ips",
        "forwarder_headers",
        "graceful_timeout",
        "group",
        "header_map",
        "http2_initial_window_size",
        "http2_max_concurrent_streams",
        "http2_max_frame_size",
        "http2_max_header_list_size",
        "initgroups",
        "keepalive",
        "keyfile",
        "limit_request_field_size",
        "limit_request_fields",
        "limit_request_line",
        "loglevel",
        "max_requests",
        "max_requests_jitter",
        "pidfile",
        "preload_app",
        "proc_name",
        "protocol",
        "proxy_allow_ips",
        "proxy_protocol",
        "raw_env",
        "reload",
        "reload_engine",
        "reload_extra_files",
        "reuse_port",
        "root_path",
        "secure_scheme_headers",
        "sendfile",
        "statsd_host",
        "statsd_prefix",
        "syslog",
        "syslog_addr",
        "syslog_facility",
        "syslog_prefix",
        "threads",
        "timeout",
        "umask",
        "user",
        "uwsgi_allow_ips",
        "worker_class",
        "worker_connections",
        "workers",
    ];

    #[test]
    fn every_setting_of_gunicorn_that_matters_is_here_or_told_why_not() {
        let told: BTreeSet<_> = elsewhere::names().collect();
        let missing: Vec<_> =
            GUNICORN.iter().filter(|name| named(name).is_none() && !told.contains(*name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn no_two_settings_share_a_name_a_flag_or_a_variable() {
        let mut seen = BTreeSet::new();
        for setting in all() {
            let shorts = setting.short.map(|short| format!("-{short}"));
            let longs = std::iter::once(setting.flag()).chain(setting.other_flags());
            let longs = longs.map(|flag| format!("--{flag}"));
            let negative = setting.negative_flag().map(|flag| format!("--{flag}"));
            let variables = setting.variables.iter().map(|variable| variable.name.to_owned());
            let own = [setting.name.to_owned(), setting.variable()];
            let others = setting.other_names.iter().map(|name| (*name).to_owned());
            let own = own.into_iter().chain(others).chain(setting.other_variables());
            for name in own.chain(shorts).chain(longs).chain(negative).chain(variables) {
                assert!(seen.insert(name.clone()), "{name}");
            }
        }
    }

    #[test]
    fn each_help_is_one_sentence_without_a_dot() {
        for setting in all() {
            let help = setting.help;
            assert!(help.starts_with(char::is_uppercase) && !help.ends_with('.'), "{}: {help}", setting.name);
            assert!(!help.contains('\n') && help.len() < 160, "{}: {help}", setting.name);
        }
    }

    #[test]
    fn the_flags_of_gunicorn_are_known() {
        for (name, short, flag) in [
            ("config", Some('c'), "config"),
            ("bind", Some('b'), "bind"),
            ("workers", Some('w'), "workers"),
            ("worker_class", Some('k'), "worker-class"),
            ("timeout", Some('t'), "timeout"),
            ("keepalive", None, "keep-alive"),
            ("preload_app", None, "preload"),
            ("daemon", Some('D'), "daemon"),
            ("raw_env", Some('e'), "env"),
            ("pidfile", Some('p'), "pid"),
            ("user", Some('u'), "user"),
            ("group", Some('g'), "group"),
            ("umask", Some('m'), "umask"),
            ("proc_name", Some('n'), "name"),
            ("proxy_allow_ips", None, "proxy-allow-from"),
            ("accesslog", None, "access-logfile"),
            ("access_log_format", None, "access-logformat"),
            ("errorlog", None, "error-logfile"),
            ("loglevel", None, "log-level"),
            ("syslog_addr", None, "log-syslog-to"),
            ("enable_stdio_inheritance", Some('R'), "enable-stdio-inheritance"),
            ("reload_extra_files", None, "reload-extra-file"),
            ("protocol", None, "protocol"),
        ] {
            let setting = named(name).unwrap();
            assert_eq!((setting.short, setting.flag().as_ref()), (short, flag));
        }
        assert!(gateway::GATEWAY_ALLOW_IPS.other_flags().iter().any(|flag| flag == "uwsgi-allow-from"));
        assert!(logging::ERRORLOG.other_flags().iter().any(|flag| flag == "log-file"));
        assert_eq!(http::SENDFILE.negative_flag().as_deref(), Some("no-sendfile"));
    }
}
