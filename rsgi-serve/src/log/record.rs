//! What a line says, before it has a form: gathered from an event of `tracing` and the spans around it.
//!
//! Gathering is where foreign code runs (a value's `Debug`), so it comes before any lock and any buffer of ours.

use std::error::Error;
use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

use super::level::Level;

/// One line.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) level: Level,
    pub(super) pid: u32,
    pub(super) target: &'a str,
    pub(super) said: &'a Said,
}

/// The message and the fields of an event, or the fields of a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
}

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Flag(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
}

impl Said {
    /// A message without fields.
    pub(super) fn plain(message: String) -> Self {
        Self { message, fields: Vec::new() }
    }

    /// Adds the fields of a span around it; what is nearer stays.
    pub(super) fn surround(&mut self, span: &Self) {
        for (name, value) in &span.fields {
            if self.place(name).is_none() {
                self.fields.push((name, value.clone()));
            }
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|(known, _)| *known == name)
    }

    fn add(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = match value {
                Value::Text(text) => text,
                other => other.to_string(),
            };
            return;
        }
        let Some(name) = word(field.name()) else { return };
        match self.place(name) {
            // A span's field that was empty, or is told anew.
            Some(place) => self.fields[place].1 = value,
            None => self.fields.push((name, value)),
        }
    }
}

/// The log's word for a field: short for those of a request's span, and none for what only OpenTelemetry wants to know.
fn word(name: &'static str) -> Option<&'static str> {
    Some(match name {
        "rsgi.request" => "id",
        "rsgi.peer" => "peer",
        "rsgi.trace" => "trace",
        "http.request.method" => "method",
        "url.path" => "path",
        "http.response.status_code" => "status",
        _ if name.starts_with("otel.") => return None,
        other => other,
    })
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // A value that can't be shown is shown as far as it went.
        let _shown = write!(text, "{value:?}");
        self.add(field, Value::Text(text));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Flag(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Unsigned(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::Float(value));
    }

    /// With its sources, in one line.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        self.add(field, Value::Text(text));
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(formatter),
            Self::Signed(number) => number.fmt(formatter),
            Self::Unsigned(number) => number.fmt(formatter),
            Self::Float(number) => number.fmt(formatter),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_own_field_where_a_span_has_one_of_that_name() {
        let mut said = Said { message: "m".into(), fields: vec![("a", Value::Unsigned(1))] };
        let span = Said {
            message: String::new(),
            fields: vec![("a", Value::Unsigned(2)), ("b", Value::Text("x".into()))],
        };
        said.surround(&span);
        assert_eq!(said.fields, [("a", Value::Unsigned(1)), ("b", Value::Text("x".into()))]);
    }
}
