//! The table of fronts, and a macro that makes a test of each.
//!
//! Next: `standing.rs`, one that runs.

use rsgi_test::suite::Difference;
use rsgi_tests::marks::{Chance, chances_on, on};

use crate::marks;

/// A web server with one of its protocols, and what is behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front {
    /// As the tests are called.
    pub(crate) name: &'static str,
    pub(crate) web: Web,
    pub(crate) speaks: Speaks,
    /// As `src/bin/behind.rs` knows it.
    pub(crate) behind: &'static str,
    /// The shipped configuration, from `deploy/`.
    pub(crate) file: &'static str,
}

/// A web server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Web {
    Nginx,
    Apache,
    Lighttpd,
    Haproxy,
}

/// What it speaks with the server behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http,
    /// HTTP after a header of the PROXY protocol.
    ProxyV1,
    ProxyV2,
    FastCgi,
    Scgi,
    Uwsgi,
    /// A process a request, started by the web server.
    Cgi,
    /// FastCGI to processes that the web server starts.
    Fcgid,
}

impl Speaks {
    /// Whether it is a protocol of web servers' own, with variables.
    pub(crate) fn is_of_gateways(self) -> bool {
        !matches!(self, Self::Http | Self::ProxyV1 | Self::ProxyV2)
    }

    /// Whether the web server starts the server behind it.
    pub(crate) fn is_started_by_it(self) -> bool {
        matches!(self, Self::Cgi | Self::Fcgid)
    }
}

impl Front {
    /// The cases that the web server decides otherwise.
    pub(crate) fn marks(&self) -> Vec<Difference> {
        let its = match self.web {
            Web::Nginx => marks::nginx::MARKS,
            Web::Apache => marks::apache::MARKS,
            Web::Lighttpd => marks::lighttpd::MARKS,
            Web::Haproxy => marks::haproxy::MARKS,
        };
        on(self.name, its).collect()
    }

    /// The cases that pass through it or not, by chance.
    pub(crate) fn chances(&self) -> impl Iterator<Item = &'static Chance> {
        let its = match self.web {
            Web::Nginx => marks::nginx::CHANCES,
            Web::Apache => marks::apache::CHANCES,
            Web::Lighttpd => marks::lighttpd::CHANCES,
            Web::Haproxy => marks::haproxy::CHANCES,
        };
        chances_on(self.name, its)
    }
}

macro_rules! fronts {
    ($dollar:tt $($name:ident: $web:ident, $speaks:ident, $behind:literal, $file:literal;)*) => {
        $(
            #[allow(non_upper_case_globals, reason = "its name is that of tests")]
            pub(crate) const $name: Front = Front {
                name: stringify!($name),
                web: Web::$web,
                speaks: Speaks::$speaks,
                behind: $behind,
                file: $file,
            };
        )*

        /// Makes a test of each front of a function that takes one.
        macro_rules! each_front {
            ($dollar test:ident) => {
                mod $dollar test {
                    $(#[test] fn $name() { super::$dollar test(&crate::fronts::$name); })*
                }
            };
        }
    };
}

#[rustfmt::skip]
fronts! { $
    nginx_http_std:     Nginx,    Http,     "std",   "nginx/site.conf";
    nginx_http_hyper:   Nginx,    Http,     "hyper", "nginx/site.conf";
    apache_http_std:    Apache,   Http,     "std",   "apache/proxy-http.conf";
    apache_http_hyper:  Apache,   Http,     "hyper", "apache/proxy-http.conf";
    nginx_fastcgi:      Nginx,    FastCgi,  "fastcgi", "nginx/fastcgi.conf";
    nginx_scgi:         Nginx,    Scgi,     "scgi",    "nginx/scgi.conf";
    nginx_uwsgi:        Nginx,    Uwsgi,    "uwsgi",   "nginx/uwsgi.conf";
    nginx_fastcgi_tokio: Nginx,   FastCgi,  "fastcgi-tokio", "nginx/fastcgi.conf";
    nginx_scgi_tokio:   Nginx,    Scgi,     "scgi-tokio",    "nginx/scgi.conf";
    nginx_uwsgi_tokio:  Nginx,    Uwsgi,    "uwsgi-tokio",   "nginx/uwsgi.conf";
    apache_fastcgi:     Apache,   FastCgi,  "fastcgi", "apache/proxy-fcgi.conf";
    apache_scgi:        Apache,   Scgi,     "scgi",    "apache/proxy-scgi.conf";
    apache_uwsgi:       Apache,   Uwsgi,    "uwsgi",   "apache/proxy-uwsgi.conf";
    apache_cgi:         Apache,   Cgi,      "cgi",     "apache/cgi.conf";
    apache_fcgid:       Apache,   Fcgid,    "fastcgi", "apache/fcgid.conf";
    lighttpd_fastcgi:   Lighttpd, FastCgi,  "fastcgi", "lighttpd/fastcgi.conf";
    lighttpd_scgi:      Lighttpd, Scgi,     "scgi",    "lighttpd/scgi.conf";
    haproxy_fastcgi:    Haproxy,  FastCgi,  "fastcgi", "haproxy/fcgi.cfg";
    haproxy_v1_std:     Haproxy,  ProxyV1,  "std",   "haproxy/http-proxy-v1-v2.cfg";
    haproxy_v2_hyper:   Haproxy,  ProxyV2,  "hyper", "haproxy/http-proxy-v1-v2.cfg";
}
