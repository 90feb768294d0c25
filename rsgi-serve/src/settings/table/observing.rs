//! How it is watched and told what to do while it runs.

use super::{forms, settings};
use crate::settings::kind::Kind;
use crate::settings::setting::Setting;

settings! { "Observing";
    CONTROL_SOCKET = Setting::new("control_socket", Kind::Text(forms::PATH), "Socket that takes commands")
        .said("$XDG_RUNTIME_DIR/rsgi/NAME.ctl, else ~/.rsgi/NAME.ctl; /run/rsgi/NAME.ctl for root");
    CONTROL_SOCKET_MODE = Setting::new("control_socket_mode", Kind::Mode, "Its permission bits").default("600");
    CONTROL_SOCKET_DISABLE = Setting::new("control_socket_disable", Kind::Switch, "Takes no commands")
        .flags(&["no-control-socket"])
        .default("false");
    STATUS_BIND = Setting::new(
        "status_bind",
        Kind::Text(forms::ADDRESS),
        "Address of its own for status page, metrics, health and readiness",
    )
    .said("none");
    REQUEST_SPANS = Setting::new(
        "request_spans",
        Kind::Switch,
        "Has what the app logs say for which request: its id, method, path, and peer",
    )
    .default("true");
    STATSD_HOST =
        Setting::new("statsd_host", Kind::Text(forms::STATSD), "Where statsd listens").said("none");
    STATSD_PREFIX =
        Setting::new("statsd_prefix", Kind::Text(forms::NAME), "What its metrics' names begin with").said("none");
    DOGSTATSD_TAGS = Setting::new(
        "dogstatsd_tags",
        Kind::List { separator: ',', form: forms::TEXT },
        "Tags of its metrics, for the statsd of Datadog",
    )
    .default("");
    ENABLE_BACKLOG_METRIC =
        Setting::new("enable_backlog_metric", Kind::Switch, "Measures how long the listeners' queues are")
            .default("false");
}
