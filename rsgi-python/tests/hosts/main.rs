//! Our apps under real WSGI servers: `examples/probe.rs` and `tests/hosts/app` as Python modules, under Gunicorn, uWSGI, Waitress and mod_wsgi.
//!
//! A host is one of these, in one of its ways to work (`table.rs`), started in a folder of the test's (`standing.rs`, `servers.rs`) and ended
//! by its process id. Through each goes the conformance suite, with the host's own decisions as marks (`marks/`), of which
//! `docs/python-hosts.md` is made (`page.rs`), and once more with `wsgiref.validate` in between. `tests/install` brings the hosts; one that
//! can't be had is left out, and it says so. Nothing sleeps.
#![allow(clippy::unwrap_used, reason = "all of it is tests")]
#![allow(clippy::print_stdout, reason = "what is left out is said")]

#[macro_use]
mod table;
mod marks;
mod module;
mod servers;
mod standing;

mod page;
mod ping;
mod suite;
