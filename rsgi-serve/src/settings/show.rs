//! `print-config`: every setting with its value and where that came from, in a form that can be used as a file.
//!
//! Invariant: what is printed, read as a file, gives the same settings.

use std::fmt::Write as _;

use super::setting::Place;
use super::table;
use super::units::quoted;
use super::values::Values;

/// Writes every setting, group by group.
pub(crate) fn print(values: &Values) -> String {
    let mut text = String::from("[serve]\n");
    let mut group = "";
    for setting in table::all() {
        if setting.group != group {
            group = setting.group;
            // Writing to a string can't fail; so it is below.
            let _ = writeln!(text, "\n# {group}");
        }
        let origin = values.origin(setting);
        let _ = match (values.value(setting), setting.place) {
            (Some(value), Place::Anywhere) => {
                writeln!(text, "{} = {} # {origin}", setting.name, value.toml())
            }
            (Some(value), Place::OutsideTheFile) => {
                writeln!(text, "# {} = {} # {origin}", setting.name, value.toml())
            }
            (None, _) => {
                let said = setting.default_said().unwrap_or("none");
                writeln!(text, "# {} is not set: {said}", setting.name)
            }
        };
    }
    if !values.app.is_empty() {
        text.push_str("\n[app]\n");
        for (key, value) in &values.app {
            let origin = values.app_origins.get(key).map(|origin| format!(" # {origin}")).unwrap_or_default();
            let _ = writeln!(text, "{} = {}{origin}", quoted(key), inline(value));
        }
    }
    text
}

/// A value of the app on one line.
fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => quoted(text),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) if number.is_nan() => "nan".to_owned(),
        // With its point or exponent, so that it stays a float; infinity is `inf`, as in TOML.
        toml::Value::Float(number) => format!("{number:?}"),
        toml::Value::Boolean(on) => on.to_string(),
        toml::Value::Datetime(time) => time.to_string(),
        toml::Value::Array(items) => {
            let items: Vec<_> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        toml::Value::Table(table) => {
            let pairs: Vec<_> =
                table.iter().map(|(key, value)| format!("{} = {}", quoted(key), inline(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
