//! Python, both ways: WSGI applications (PEP 3333) as RSGI apps, and RSGI apps as WSGI callables.
//!
//! [`WsgiApp`] is a callable of Python's as an [`App`](rsgi_core::App): Flask or Django on any of our servers. The program
//! `rsgi-python` (feature `command`) serves one with all that `rsgi-serve` can do, as `gunicorn` does.
//!
//! The other way [`wsgi_module!`] (feature `export`) makes a Python module of an app, whose `app` is a WSGI callable for Gunicorn, uWSGI
//! or mod_wsgi.
//!
//! Outside of the workspace's default members: it needs Python's headers and library.
#![deny(unsafe_code)]

/// The page on apps under WSGI servers, compiled.
#[cfg(all(doctest, feature = "export"))]
#[doc = include_str!("../../docs/python-hosts.md")]
#[derive(Debug)]
pub struct Hosts;

#[cfg(feature = "command")]
pub mod command;
#[cfg(feature = "export")]
pub mod export;
mod host;
pub mod interpreter;
pub mod load;
mod place;
mod sys;

pub use host::{PythonError, WsgiApp};
pub use pyo3;
