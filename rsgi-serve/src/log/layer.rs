//! The layer that makes lines of `tracing`'s events, and what other layers beside it are not to feel: its filter.
//!
//! No allocation is kept and no lock is held while foreign code runs. Never panics: a value that does is named instead.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::Arc;

use tracing::field::Visit;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::level::Level;
use super::record::{Record, Said};
use super::{Log, Shared};

/// Writes events as lines.
#[derive(Debug)]
pub(crate) struct LogLayer(Arc<Shared>);

/// Lets through what the setting wants to see.
#[derive(Debug)]
pub(crate) struct Wanted(Arc<Shared>);

impl Log {
    /// The layer of this log, for a subscriber of the program's own.
    pub(crate) fn layer<S>(&self) -> Filtered<LogLayer, Wanted, S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        LogLayer(Arc::clone(&self.0)).with_filter(Wanted(Arc::clone(&self.0)))
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let said = gathered(|said| attributes.record(said));
            span.extensions_mut().replace(said);
        }
    }

    fn on_record(&self, id: &Id, values: &tracing::span::Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        // Taken out, so that no lock is held while values are shown.
        let mut said = span.extensions_mut().remove::<Said>().unwrap_or_default();
        let more = gathered(|said| values.record(said));
        for (name, value) in more.fields {
            said.fields.retain(|(known, _)| *known != name);
            said.fields.push((name, value));
        }
        span.extensions_mut().replace(said);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(level) = Level::of(event.metadata()) else { return };
        let mut said = gathered(|said| event.record(said));
        if let Some(scope) = context.event_scope(event) {
            for span in scope {
                if let Some(around) = span.extensions().get::<Said>() {
                    said.surround(around);
                }
            }
        }
        let record = Record { level, pid: process::id(), target: event.metadata().target(), said: &said };
        self.0.write(&record);
    }
}

/// Has values shown, whatever their code does.
fn gathered(gather: impl FnOnce(&mut dyn Visit)) -> Said {
    let mut said = Said::default();
    if catch_unwind(AssertUnwindSafe(|| gather(&mut said))).is_err() {
        said.message.push_str(" (a value of this line panicked when it was to be shown)");
    }
    said
}

impl Wanted {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        // Spans are kept for the lines in them, whatever their own level.
        if metadata.is_span() {
            return *metadata.level() <= tracing::Level::INFO;
        }
        Level::of(metadata).is_some_and(|level| level >= self.0.level())
    }
}

impl<S> Filter<S> for Wanted {
    fn enabled(&self, metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match self.0.level() {
            Level::Debug => LevelFilter::DEBUG,
            _ => LevelFilter::INFO,
        })
    }
}
