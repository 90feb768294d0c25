//! The app's own settings that the launcher was told of: from variables and the command line into the section `[app]`.
//!
//! A stronger source replaces a weaker one, lists included, as it does with the server's settings.
//!
//! Invariant: of such a setting the section has a text, or a list of texts; anything else there becomes a fault.

use std::ffi::OsStr;

use clap::ArgMatches;
use clap::parser::ValueSource;
use toml::Value;

use super::Sources;
use super::fault::Fault;
use super::origin::Origin;
use super::values::Values;
use crate::argument::{Argument, Place};

/// What is to be done, which decides whether a required setting may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// The app is made.
    App,
    /// It isn't.
    Nothing,
}

/// Puts what variables and flags say into the section, and tells what is wrong with it.
pub(super) fn apply(sources: &Sources<'_>, values: &mut Values, faults: &mut Vec<Fault>) {
    for argument in sources.own {
        let name = argument.name.as_str();
        let variable = argument.variable();
        let set = sources.environment.iter().find(|(key, text)| *key == *variable && !text.is_empty());
        let said = set.map(|(_, text)| (vec![text.as_os_str()], Origin::Environment(variable)));
        let flags = sources.flags.iter().filter_map(|matches| given(matches, argument));
        let flags = flags.map(|texts| (texts, origin(argument)));
        for (texts, origin) in said.into_iter().chain(flags) {
            match read(argument, &texts) {
                Ok(value) => {
                    values.app.insert(name.to_owned(), value);
                    values.app_origins.insert(name.to_owned(), origin);
                }
                Err(text) => {
                    let fault =
                        Fault::new(name, "this is no text in UTF-8", "allowed is a text").with_value(&text);
                    faults.push(fault.said_by(&origin));
                }
            }
        }
        faults.extend(wrong(argument, values, sources.need));
    }
}

fn origin(argument: &Argument) -> Origin {
    match argument.place {
        Place::Bare => Origin::Argument(argument.written()),
        Place::Flag | Place::Flags => Origin::Flag(argument.written()),
    }
}

fn given<'a>(matches: &'a ArgMatches, argument: &Argument) -> Option<Vec<&'a OsStr>> {
    let id = argument.id();
    // A command may not have it at all.
    let known = matches.try_contains_id(&id).is_ok_and(|known| known);
    let said = known && matches.value_source(&id) == Some(ValueSource::CommandLine);
    let texts = matches.try_get_many::<std::ffi::OsString>(&id).ok().flatten().filter(|_| said)?;
    Some(texts.map(AsRef::as_ref).collect())
}

/// The value of some texts, or the one that isn't any.
fn read(argument: &Argument, texts: &[&OsStr]) -> Result<Value, String> {
    let mut all = Vec::with_capacity(texts.len());
    for text in texts {
        all.push(text.to_str().ok_or_else(|| text.to_string_lossy().into_owned())?);
    }
    Ok(match argument.place {
        Place::Bare | Place::Flag => Value::String(all.last().copied().unwrap_or_default().to_owned()),
        Place::Flags => items(&all),
    })
}

fn wrong(argument: &Argument, values: &mut Values, need: Need) -> Option<Fault> {
    let name = argument.name.as_str();
    let Some(value) = values.app.get_mut(name) else {
        let (written, variable) = (argument.written(), argument.variable());
        let remedy =
            format!("give {written} on the command line, {variable}, or {name} below [app] in the file");
        return (argument.required && need == Need::App)
            .then(|| Fault::new(name, "nobody says what it is", remedy));
    };
    let (fits, allowed) = match argument.place {
        Place::Bare | Place::Flag => (value.is_str(), "a text"),
        Place::Flags => {
            if let Some(text) = value.as_str() {
                *value = items(&[text]);
            }
            let items = value.as_array();
            (items.is_some_and(|items| items.iter().all(Value::is_str)), "a list of texts")
        }
    };
    let problem = || format!("the section [app] has another type for it, {}", value.type_str());
    (!fits).then(|| Fault::new(name, problem(), format!("allowed is {allowed}")))
}

fn items(texts: &[&str]) -> Value {
    let items = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
    Value::Array(items.filter(|item| !item.is_empty()).map(Value::from).collect())
}
