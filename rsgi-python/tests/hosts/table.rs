//! The table of hosts, and a macro that makes a test of each.
//!
//! Next: `standing.rs`, one that runs.

/// A WSGI server in one of its ways to work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host {
    /// As the tests are called.
    pub(crate) name: &'static str,
    /// As the marks call it.
    pub(crate) marked: &'static str,
    pub(crate) server: Server,
    /// What stands between it and our app.
    pub(crate) between: Between,
}

/// A WSGI server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Processes with one request each.
    GunicornSync,
    /// Threads.
    GunicornThreads,
    /// Greenlets.
    GunicornGevent,
    Uwsgi,
    Waitress,
    /// As Apache's module.
    ModWsgi,
}

/// What stands between a host and our app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    Nothing,
    /// `wsgiref.validate`, which raises where either side breaks PEP 3333.
    Validator,
}

impl Server {
    /// The package of Python's that it is.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::GunicornSync | Self::GunicornThreads => "gunicorn",
            Self::GunicornGevent => "gevent",
            Self::Uwsgi => "uwsgi",
            Self::Waitress => "waitress",
            Self::ModWsgi => "mod_wsgi",
        }
    }
}

macro_rules! hosts {
    ($dollar:tt $($name:ident: $marked:literal, $server:ident, $between:ident;)*) => {
        $(
            #[allow(non_upper_case_globals, reason = "its name is that of tests")]
            pub(crate) const $name: Host = Host {
                name: stringify!($name),
                marked: $marked,
                server: Server::$server,
                between: Between::$between,
            };
        )*

        /// Makes a test of each host of a function that takes one.
        macro_rules! each_host {
            ($dollar test:ident) => {
                mod $dollar test {
                    $(#[test] fn $name() { super::$dollar test(&crate::table::$name); })*
                }
            };
        }
    };
}

#[rustfmt::skip]
hosts! { $
    gunicorn_sync:              "gunicorn_sync",    GunicornSync,    Nothing;
    gunicorn_sync_validated:    "gunicorn_sync",    GunicornSync,    Validator;
    gunicorn_gthread:           "gunicorn_gthread", GunicornThreads, Nothing;
    gunicorn_gthread_validated: "gunicorn_gthread", GunicornThreads, Validator;
    gunicorn_gevent:            "gunicorn_gevent",  GunicornGevent,  Nothing;
    gunicorn_gevent_validated:  "gunicorn_gevent",  GunicornGevent,  Validator;
    uwsgi:                      "uwsgi",            Uwsgi,           Nothing;
    uwsgi_validated:            "uwsgi",            Uwsgi,           Validator;
    waitress:                   "waitress",         Waitress,        Nothing;
    waitress_validated:         "waitress",         Waitress,        Validator;
    mod_wsgi:                   "mod_wsgi",         ModWsgi,         Nothing;
    mod_wsgi_validated:         "mod_wsgi",         ModWsgi,         Validator;
}
