//! Whose word about the client is believed. Nobody's, until somebody says which fields the proxies write.

use super::{forms, settings};
use crate::settings::kind::Kind;
use crate::settings::setting::{Setting, Variable};

settings! { "Proxies";
    FORWARDED_HEADERS = Setting::new(
        "forwarded_headers",
        Kind::List { separator: ',', form: forms::FIELD },
        "Fields that every proxy in front writes: forwarded, or x-for with x-proto, x-host, x-port; or off",
    )
    .default("off");
    FORWARDED_ALLOW_IPS =
        Setting::new("forwarded_allow_ips", networks(), "Proxies whose forwarded fields are believed")
            .variables(&[Variable::plain("FORWARDED_ALLOW_IPS")])
            .default(OWN_MACHINE);
    FORWARDED_HOPS = Setting::new(
        "forwarded_hops",
        Kind::Number { least: 1, most: 64 },
        "Proxies in a row that are believed at most",
    )
    .default("16");
    FORWARDED_ELEMENT = Setting::new(
        "forwarded_element",
        Kind::Choice(&["last", "per-hop"]),
        "Which of several elements of x-proto, x-host and x-port counts",
    )
    .default("last");
    PROXY_PROTOCOL = Setting::new(
        "proxy_protocol",
        Kind::Choice(&["off", "v1", "v2", "auto"]),
        "Versions of the PROXY protocol with which trusted peers begin a connection",
    )
    .default("off");
    PROXY_ALLOW_IPS = Setting::new("proxy_allow_ips", networks(), "Peers that speak the PROXY protocol")
        .flags(&["proxy-allow-from"])
        .default(OWN_MACHINE);
}

/// The machine's own, and whoever may open our unix sockets.
const OWN_MACHINE: &str = "127.0.0.1,::1,unix";

const fn networks() -> Kind {
    Kind::List { separator: ',', form: forms::NETWORK }
}
