//! What the servers log, caught for the whole process: cases look for a line of their own.
//!
//! All tests of a process share one log, as they share `tracing`'s global subscriber, so a case asks by a text that
//! only it causes, such as an error's own words.

use std::fmt::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::wire::deadline::until;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static START: Once = Once::new();

struct Catch;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _infallible = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Catch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::DEBUG && metadata.is_event()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Begins to catch the log; to be called before what is to be seen in it.
pub fn catch() {
    START.call_once(|| {
        let _the_only_one = tracing::subscriber::set_global_default(Catch);
    });
}

/// Waits for a line that holds all of these texts, and gives it.
pub fn line_with(texts: &[&str]) -> String {
    let mut found = None;
    until(&format!("a log line with {texts:?}"), || {
        let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        found = lines.iter().find(|line| texts.iter().all(|text| line.contains(text))).cloned();
        found.is_some()
    });
    found.expect("it was just found")
}
