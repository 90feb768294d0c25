//! What it speaks with whoever connects: HTTP, or a web server's own protocol.

use super::{forms, settings};
use crate::settings::kind::Kind;
use crate::settings::setting::{Setting, Variable};

settings! { "Protocol";
    PROTOCOL = Setting::new(
        "protocol",
        Kind::Choice(&["http", "fastcgi", "scgi", "uwsgi"]),
        "What it speaks: http with anybody, or fastcgi, scgi or uwsgi with a web server, on threads (std) or tokio (hyper)",
    )
    .default("http")
    .said("http; at a listener on descriptor 0 fastcgi");
    GATEWAY_ALLOW_IPS = Setting::new(
        "gateway_allow_ips",
        Kind::List { separator: ',', form: forms::NETWORK },
        "Web servers that may speak fastcgi, scgi or uwsgi, and are believed in all; on unix sockets all may",
    )
    .flags(&["gateway-allow-from", "uwsgi-allow-from", "uwsgi-allow-ips"])
    .also(&["uwsgi_allow_ips"])
    .variables(&[Variable::plain("FCGI_WEB_SERVER_ADDRS")])
    .default("127.0.0.1,::1");
}
