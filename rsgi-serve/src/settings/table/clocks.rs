//! The clocks, each of which measures one thing: the master's over its workers, and a worker's over its clients.

use super::settings;
use crate::settings::kind::Kind;
use crate::settings::setting::Setting;

settings! { "Clocks";
    BOOT_TIMEOUT = time("boot_timeout", "From a worker's start until it is ready; 0 is off").default("30s");
    TIMEOUT = time("timeout", "Silence after which a worker is killed, whatever its requests do; 0 is off")
        .short('t')
        .default("30s");
    REQUEST_TIMEOUT = time(
        "request_timeout",
        "One request: hyper drops it, std tells it to end and kills its worker after as long again; 0 is off",
    )
    .default("0s");
    GRACEFUL_TIMEOUT =
        time("graceful_timeout", "From the order to stop until what still runs is cut off").default("30s");
    DRAIN_DELAY = time(
        "drain_delay",
        "How long a server that is to stop says it isn't ready, and serves on, so that balancers notice",
    )
    .default("0s");
    HANDSHAKE_TIMEOUT =
        time("handshake_timeout", "From a connection to its TLS session; 0 is off").default("10s");
    HEADER_TIMEOUT =
        time("header_timeout", "From the first byte of a request's head to its last; 0 is off").default("30s");
    BODY_TIMEOUT = time("body_timeout", "Between two pieces of a request's body; 0 is off").default("30s");
    WRITE_TIMEOUT =
        time("write_timeout", "Between two pieces that a client takes of an answer; 0 is off").default("30s");
    KEEPALIVE = time(
        "keepalive",
        "Between an answer and the next request on the same connection; 0 closes after each answer",
    )
    .flags(&["keep-alive"])
    .default("75s");
    LINGER_TIMEOUT = time(
        "linger_timeout",
        "How long a connection that is closed is read on, so that its client gets the answer",
    )
    .default("2s");
}

const fn time(name: &'static str, help: &'static str) -> Setting {
    Setting::new(name, Kind::Time, help)
}
