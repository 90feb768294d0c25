//! The access log of a service: rsgi-middleware's, written to one of the launcher's outputs.
//!
//! What a line is and how it comes about is the middleware's (`rsgi_middleware::AccessLog`); here it is opened, reopened on
//! order, and what is lost is said in the log. It is the outermost middleware.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use rsgi_core::{App, Middleware};
use rsgi_middleware::{AccessFormat, AccessFormatError, AccessLog, AccessLogApp, Lines};

use crate::log::level::Level;
use crate::log::output::Output;
use crate::log::sink::{Sink, Written};
use crate::log::{OpenError, Owner};
use crate::settings::AccessSettings;

/// An access log that is open; a handle that can be cloned.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    log: AccessLog,
    sink: Arc<Sink>,
}

/// The form of these settings.
///
/// # Errors
///
/// Their format is none; the error says at which character.
pub(crate) fn format(settings: &AccessSettings) -> Result<AccessFormat, AccessFormatError> {
    if settings.json { Ok(AccessFormat::json()) } else { AccessFormat::parse(&settings.format) }
}

impl Access {
    /// Opens it, and warns of atoms that nobody knows.
    ///
    /// # Errors
    ///
    /// The output can't be opened.
    pub(crate) fn open(
        format: AccessFormat,
        output: &Output,
        owner: Option<Owner>,
    ) -> Result<Self, OpenError> {
        let sink = Arc::new(Sink::open(output, "access", owner)?);
        for name in format.unknown() {
            tracing::warn!(target: "rsgi", atom = name, "access_log_format has an unknown atom: a dash is written");
        }
        let log = AccessLog::through(ToSink(Arc::clone(&sink))).format(format);
        Ok(Self { log, sink })
    }

    /// Its output, to be reopened with the others.
    pub(crate) fn sink(&self) -> Arc<Sink> {
        Arc::clone(&self.sink)
    }
}

struct ToSink(Arc<Sink>);

impl Lines for ToSink {
    fn room(&self) -> usize {
        self.0.room().saturating_sub(RESERVE)
    }

    fn put(&self, write: &dyn Fn(&mut Vec<u8>)) {
        match self.0.put(Level::Info, |line, _room| write(line)) {
            Written::Well | Written::Lost => {}
            Written::Broken(error) => {
                tracing::error!(target: "rsgi", %error, "the access log can't be written; lost lines are counted");
            }
            Written::Mended(loss) => {
                tracing::warn!(target: "rsgi", "the access log is written again: {loss}");
            }
        }
    }
}

impl<A: App> Middleware<A> for Access {
    type App = AccessLogApp<A>;

    fn wrap(self, inner: A) -> AccessLogApp<A> {
        self.log.wrap(inner)
    }
}

/// Bytes that are left for what a syslog puts before a line, and for the outcome's part of it.
const RESERVE: usize = 768;
