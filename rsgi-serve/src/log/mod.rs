//! The log of a process: lines in Gunicorn's form or JSON, to a stream, a file, or the system's log.
//!
//! It is fed by `tracing`, in the master as in the workers. A fork needs nothing: the pid is asked for each line, and the
//! descriptors are inherited. What can't be written is counted, and said as soon as something can be.
//!
//! Read `record.rs` (what a line says), `line.rs` and `json.rs` (how), `sink.rs` and `opened.rs` (where to).

pub(crate) mod colour;
mod json;
mod layer;
pub(crate) mod level;
mod line;
mod open_error;
mod opened;
pub(crate) mod output;
mod peer;
mod record;
pub(crate) mod reopen;
pub(crate) mod sink;
pub(crate) mod statsd;
pub(crate) mod syslog;

#[cfg(test)]
mod tests;

use std::process;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rsgi_middleware::line::escape;
use tracing::callsite::rebuild_interest_cache;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::layer::SubscriberExt;

use crate::export;
use crate::settings::LogSettings;
pub(crate) use open_error::OpenError;
pub(crate) use opened::Owner;

use colour::{Colour, Place, When};
use level::Level;
use output::Output;
use record::{Record, Said};
use sink::{Loss, Sink, Written};
use statsd::Statsd;

/// What the log is to be; the settings say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// From where on lines are shown.
    pub(crate) level: Level,
    pub(crate) output: Output,
    /// Whether lines are objects of JSON, or Gunicorn's.
    pub(crate) form: Form,
    pub(crate) colour: When,
    /// Whose the file is to be.
    pub(crate) owner: Option<Owner>,
}

impl Plan {
    /// The log of these settings.
    pub(crate) fn of(settings: &LogSettings, owner: Option<Owner>) -> Self {
        Self {
            level: settings.level,
            output: settings.file.clone(),
            form: if settings.json { Form::Json } else { Form::Text },
            colour: settings.colour,
            owner,
        }
    }
}

/// What lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

/// The log of this process; a handle that can be cloned.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    current: RwLock<Current>,
    level: AtomicU8,
    statsd: RwLock<Option<Arc<Statsd>>>,
}

#[derive(Debug)]
struct Current {
    sink: Sink,
    form: Form,
    /// Whether a line says time, pid and level itself, or a syslog's header does.
    headed: bool,
    colour: Colour,
}

impl Log {
    /// Opens the log; nothing is written to it before [`install`](Self::install), or before its layer is used.
    ///
    /// # Errors
    ///
    /// The output can't be opened.
    pub(crate) fn open(plan: &Plan) -> Result<Self, OpenError> {
        let current = RwLock::new(Current::open(plan)?);
        let level = AtomicU8::new(plan.level.number());
        Ok(Self(Arc::new(Shared { current, level, statsd: RwLock::default() })))
    }

    /// Makes it the log of all threads.
    ///
    /// # Errors
    ///
    /// The program has one already.
    pub(crate) fn install(&self) -> Result<(), SetGlobalDefaultError> {
        let registry = tracing_subscriber::registry().with(export::layer());
        tracing::subscriber::set_global_default(registry.with(self.layer()))
    }

    /// Makes another log of it, as new settings say.
    ///
    /// # Errors
    ///
    /// The new output can't be opened: the log is as before.
    pub(crate) fn change(&self, plan: &Plan) -> Result<(), OpenError> {
        let current = Current::open(plan)?;
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        self.0.level.store(plan.level.number(), Ordering::Relaxed);
        // What `tracing` keeps of the answers that the old level gave.
        rebuild_interest_cache();
        Ok(())
    }

    /// Opens its file again.
    ///
    /// # Errors
    ///
    /// It can't be opened: what was open before is used on.
    pub(crate) fn reopen(&self) -> Result<(), OpenError> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).sink.reopen()
    }

    /// Has what the app prints go to the log's output, after each reopening, too; not after a change, which is asked for
    /// anew.
    ///
    /// # Errors
    ///
    /// A syslog can't take it.
    pub(crate) fn capture(&self) -> Result<(), OpenError> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).sink.capture()
    }

    /// Has grave lines counted by statsd; `None`: not any more.
    pub(crate) fn count_for(&self, statsd: Option<Arc<Statsd>>) {
        *self.0.statsd.write().unwrap_or_else(PoisonError::into_inner) = statsd;
    }
}

impl Shared {
    fn level(&self) -> Level {
        Level::numbered(self.level.load(Ordering::Relaxed))
    }

    fn write(&self, record: &Record<'_>) {
        if let Some(statsd) = &*self.statsd.read().unwrap_or_else(PoisonError::into_inner) {
            statsd.line(record.level);
        }
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        match current.write(record) {
            Written::Mended(loss) => current.confess(&loss),
            // There is nowhere to say it; it is said when there is.
            Written::Well | Written::Broken(_) | Written::Lost => {}
        }
    }
}

impl Current {
    fn open(plan: &Plan) -> Result<Self, OpenError> {
        let sink = Sink::open(&plan.output, "error", plan.owner)?;
        let headed = matches!(plan.output, Output::Syslog(_));
        let place = if headed { Place::Elsewhere } else { sink.place() };
        let colour = if headed { Colour::Off } else { plan.colour.decide(place) };
        Ok(Self { sink, form: plan.form, headed, colour })
    }

    fn write(&self, record: &Record<'_>) -> Written {
        self.sink.put(record.level, |line, room| {
            let start = line.len();
            self.shape(line, record, escape::WHOLE);
            for most in escape::SHORTER {
                if line.len() - start <= room {
                    break;
                }
                line.truncate(start);
                self.shape(line, record, most);
            }
        })
    }

    fn shape(&self, line: &mut Vec<u8>, record: &Record<'_>, most: usize) {
        match self.form {
            Form::Json => json::write(line, record, most),
            Form::Text if self.headed => line::body(line, record, self.colour, most),
            Form::Text => line::write(line, record, self.colour, most),
        }
    }

    /// Says what was lost; if that is lost, too, it is owed.
    fn confess(&self, loss: &Loss) {
        let said = Said::plain(format!("the log is written again: {loss}"));
        let record = Record { level: Level::Warning, pid: process::id(), target: "rsgi", said: &said };
        if let Written::Broken(_) | Written::Lost = self.write(&record) {
            self.sink.owe(loss);
        }
    }
}

/// A path for a test's file, that no other test and no other process has.
#[cfg(test)]
pub(crate) fn scratch(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("rsgi-serve-{}-{name}", process::id()))
}
