//! The TOML file: `[serve]` with the settings, `[app]` for the application; nothing else.
//!
//! Every wrong line is told, syntax errors too, with its number. Of a file with a syntax error no value is used.
//!
//! Invariant: the section of the app is handed on as it is.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

use super::fault::Fault;
use super::kind::{Kind, Problem};
use super::origin::Origin;
use super::setting::{Place, Setting};
use super::table;
use super::values::Given;

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) given: Vec<Given>,
    pub(super) app: toml::Table,
}

/// Whether a file has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Somebody named it.
    Must,
    /// It is read if it is there.
    May,
}

/// Reads a file; `shown` is the path as somebody wrote it, and `named` who did. `None` if nothing of it can be used.
pub(super) fn read(
    path: &Path,
    shown: &str,
    wanted: Wanted,
    named: &Origin,
    faults: &mut Vec<Fault>,
) -> Option<Content> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && wanted == Wanted::May => {
            return Some(Content::default());
        }
        Err(error) => {
            let fault = Fault::new("config", format!("it can't be read: {error}"), "name a file of TOML");
            faults.push(fault.with_value(shown).said_by(named));
            return None;
        }
    };
    parse(&text, shown, faults)
}

/// Reads a file's text.
pub(super) fn parse(text: &str, shown: &str, faults: &mut Vec<Fault>) -> Option<Content> {
    let mut reader = Reader { text, path: Arc::from(shown), faults };
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Some(reader.document(table.into_inner()));
    }
    if Path::new(shown).extension().is_some_and(|ending| ending == "py") {
        // Gunicorn's; of each of its lines there would be a fault.
        let fault =
            Fault::new("config", "this file is written in Python, and settings are TOML here", PYTHON);
        reader.faults.push(fault.with_value(shown));
        return None;
    }
    for error in errors {
        let origin = reader.origin(error.span().map_or(0, |span| span.start));
        let fault = Fault::new("config", error.message(), "write TOML, as toml.io describes it");
        reader.faults.push(fault.said_by(&origin));
    }
    None
}

struct Reader<'a> {
    text: &'a str,
    path: Arc<str>,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn document(&mut self, document: DeTable<'_>) -> Content {
        let mut content = Content::default();
        let mut sections: Vec<_> = document.into_iter().collect();
        sections.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in sections {
            let at = key.span().start;
            match (&**key.get_ref(), value.get_ref()) {
                (SERVE, DeValue::Table(settings)) => content.given = self.settings(settings),
                (APP, DeValue::Table(_)) => content.app = self.app(value).unwrap_or_default(),
                (name @ (SERVE | APP), _) => {
                    self.refuse(
                        name,
                        at,
                        "this is a section, not a value",
                        &format!("begin it with [{name}]"),
                    );
                }
                (name, _) if table::named(name).is_some() => {
                    let remedy = "write it below a line [serve]";
                    self.refuse(name, at, "settings stand in the section [serve]", remedy);
                }
                (name, _) => {
                    let fault = Fault::unknown(
                        name,
                        &self.origin(at),
                        [SERVE, APP],
                        "sections are [serve] and [app]",
                    );
                    self.faults.push(fault);
                }
            }
        }
        content
    }

    /// In the order of the lines, in which the messages shall be, too.
    fn settings(&mut self, settings: &DeTable<'_>) -> Vec<Given> {
        let mut lines: Vec<_> = settings.iter().collect();
        lines.sort_by_key(|(key, _)| key.span().start);
        lines.into_iter().filter_map(|(key, value)| self.setting(key, value)).collect()
    }

    fn setting(&mut self, key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) -> Option<Given> {
        let (name, at) = (&**key.get_ref(), key.span().start);
        let origin = self.origin(at);
        let Some(setting) = table::named(name) else {
            let names = table::all().map(|setting| setting.name);
            let fault = Fault::unknown(name, &origin, names, "print-config shows all settings");
            self.faults.push(fault);
            return None;
        };
        if setting.place == Place::OutsideTheFile {
            let remedy = format!("use the flag --{} or the variable {}", setting.flag(), setting.variable());
            self.refuse(name, at, "a file can't set this", &remedy);
            return None;
        }
        match texts(setting, value.get_ref()) {
            Ok(texts) => Some(Given { setting, texts, origin }),
            Err((shown, problem)) => {
                self.faults.push(Fault::value(setting, &shown, &origin, problem));
                None
            }
        }
    }

    fn app(&mut self, section: Spanned<DeValue<'_>>) -> Option<toml::Table> {
        match toml::Table::deserialize(ValueDeserializer::from(section)) {
            Ok(table) => Some(table),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                self.refuse(APP, at, error.message(), "write a value that TOML knows");
                None
            }
        }
    }

    fn refuse(&mut self, name: &str, at: usize, problem: &str, remedy: &str) {
        let fault = Fault::new(name, problem, remedy).said_by(&self.origin(at));
        self.faults.push(fault);
    }

    fn origin(&self, at: usize) -> Origin {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Origin::File { path: Arc::clone(&self.path), line }
    }
}

/// The texts of a value, as a flag would have them; or the value as it stands there, and what is wrong with it.
fn texts(setting: &Setting, value: &DeValue<'_>) -> Result<Vec<String>, (String, Problem)> {
    match (setting.kind, value) {
        (Kind::List { .. }, DeValue::Array(items)) => items.iter().map(|item| text(item.get_ref())).collect(),
        // 660 would be read as 1224: a slip that opens a socket to everybody.
        (Kind::Mode, DeValue::Integer(bits)) if bits.radix() == 10 => {
            let digits = bits.as_str();
            let problem = "this is a decimal number, and permission bits are octal";
            Err((
                digits.to_owned(),
                Problem::with_remedy(problem, format!("write 0o{digits} or \"{digits}\"")),
            ))
        }
        (Kind::Switch, DeValue::String(word)) => {
            let problem = Problem::with_remedy("this is a text", "write true or false without quotes");
            Err((word.to_string(), problem))
        }
        _ => text(value).map(|text| vec![text]),
    }
}

fn text(value: &DeValue<'_>) -> Result<String, (String, Problem)> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if matches!(number.radix(), 8 | 10) => Ok(number.to_string()),
        DeValue::Integer(number) => {
            let digits = u64::from_str_radix(number.as_str(), number.radix());
            let problem = || (number.to_string(), Problem::new("this number is too large, or negative"));
            digits.map(|number| number.to_string()).map_err(|_| problem())
        }
        DeValue::Float(number) => Ok(number.to_string()),
        DeValue::Boolean(on) => Ok(on.to_string()),
        other => Err((other.type_str().to_owned(), Problem::new("this setting has no such type"))),
    }
}

const PYTHON: &str = "write name = value below a line [serve]; the names stay as they are";
const SERVE: &str = "serve";
const APP: &str = "app";
