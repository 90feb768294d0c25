//! `wsgi.errors` as the error stream of a request, and standard error for what the server itself has to say.

use std::io;

use pyo3::intern;
use pyo3::prelude::*;
use rsgi_core::ErrorSink;
use tracing::level_filters::LevelFilter;

/// The host's error stream (PEP 3333, "Input and Error Streams").
pub(super) struct HostErrors(pub(super) Py<PyAny>);

impl ErrorSink for HostErrors {
    fn write(&self, text: &[u8]) {
        // Not where the interpreter ends: a thread of the app's may outlive it.
        let _ended = Python::try_attach(|py| {
            let (errors, text) = (self.0.bind(py), String::from_utf8_lossy(text));
            // Where the host's stream is closed there is nobody left to tell.
            let _closed = errors
                .call_method1(intern!(py, "write"), (&*text,))
                .and_then(|_| errors.call_method0(intern!(py, "flush")));
        });
    }
}

/// Has what core logs, an app's errors and panics among it, go to standard error, unless the program has a subscriber of `tracing`
/// already. Every host has its standard error in a log; `wsgi.errors` is there for requests alone.
pub(super) fn log_to_standard_error() {
    if !tracing::dispatcher::has_been_set() {
        // Another thread may have been faster.
        let _set = tracing_subscriber::fmt()
            .with_writer(io::stderr)
            .with_ansi(false)
            .with_max_level(LevelFilter::WARN)
            .try_init();
    }
}
