//! What is logged, where to and how.

use super::{forms, settings};
use crate::settings::kind::Kind;
use crate::settings::setting::{Setting, Variable};

settings! { "Logging";
    LOGLEVEL = Setting::new(
        "loglevel",
        Kind::Choice(&["debug", "info", "warning", "error", "critical"]),
        "How grave a line must be",
    )
    .flags(&["log-level"])
    .default("info");
    ERRORLOG = Setting::new("errorlog", Kind::Text(forms::OUTPUT), "Where the log goes; - is the standard error")
        .flags(&["error-logfile", "log-file"])
        .default("-");
    LOG_JSON = Setting::new("log_json", Kind::Switch, "Writes the log's lines as JSON").default("false");
    LOG_COLOR = Setting::new(
        "log_color",
        Kind::Choice(&["auto", "always", "never"]),
        "Colours the log; auto does so on a terminal",
    )
    .variables(&[NO_COLOR])
    .default("auto");
    CAPTURE_OUTPUT =
        Setting::new("capture_output", Kind::Switch, "Sends what the app prints into the log").default("false");
    ACCESSLOG =
        Setting::new("accesslog", Kind::Text(forms::OUTPUT), "Where the access log goes; - is the standard output")
            .flags(&["access-logfile"])
            .said("none");
    ACCESS_LOG_FORMAT =
        Setting::new("access_log_format", Kind::Text(forms::LINE), "Form of its lines, with Gunicorn's atoms")
            .flags(&["access-logformat"])
            .default(COMBINED);
    ACCESS_LOG_JSON =
        Setting::new("access_log_json", Kind::Switch, "Writes the access log's lines as JSON").default("false");
    SYSLOG = Setting::new("syslog", Kind::Switch, "Sends the log and the access log to the syslog, in place of the standard error")
        .flags(&["log-syslog"])
        .default("false");
    SYSLOG_ADDR = Setting::new("syslog_addr", Kind::Text(forms::SYSLOG), "Where the syslog is")
        .flags(&["log-syslog-to"])
        .default("unix:///dev/log");
    SYSLOG_PREFIX = Setting::new("syslog_prefix", Kind::Text(forms::NAME), "What stands in its tag behind rsgi")
        .flags(&["log-syslog-prefix"])
        .said("none");
    SYSLOG_FACILITY = Setting::new("syslog_facility", Kind::Choice(FACILITIES), "Facility of the syslog")
        .flags(&["log-syslog-facility"])
        .default("user");
    DISABLE_REDIRECT_ACCESS_TO_SYSLOG = Setting::new(
        "disable_redirect_access_to_syslog",
        Kind::Switch,
        "Keeps the access log out of the syslog",
    )
    .default("false");
}

/// Gunicorn's, which is Apache's combined form.
const COMBINED: &str = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#;

/// See no-color.org: any text counts, an empty one not.
const NO_COLOR: Variable = Variable { name: "NO_COLOR", read: |_| Some("never".to_owned()) };

/// RFC 5424 section 6.2.1, by the names of syslog(3).
const FACILITIES: &[&str] = &[
    "auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
