//! The environment: `RSGI_NAME` for every setting, and a few variables that other programs know too.
//!
//! An empty variable counts as none: that is how compose files and units leave one out.
//!
//! Invariant: a variable that begins with `RSGI_` and means nothing is a fault; a stray one of another name never is.

use std::ffi::{OsStr, OsString};

use super::fault::Fault;
use super::kind::Problem;
use super::origin::Origin;
use super::setting::{PREFIX, Setting};
use super::table;
use super::values::Given;
use crate::argument;

/// What the environment says: first by the variables that others know, then by our own, which are stronger.
pub(super) fn read(environment: &[(OsString, OsString)], faults: &mut Vec<Fault>) -> Vec<Given> {
    let mut given = Vec::new();
    for setting in table::all() {
        for variable in setting.variables {
            let text = lookup(environment, variable.name);
            let text = text.and_then(|text| readable(setting, variable.name, text, faults));
            let texts = text.and_then(|text| (variable.read)(&text));
            given.extend(texts.map(|text| one(setting, variable.name, text)));
        }
    }
    for (name, value) in environment {
        if let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) {
            given.extend(own(name, value, faults));
        }
    }
    given
}

/// Whether this variable is the launcher's own business, told from one of its processes to the next, or the app's.
fn is_reserved(name: &str) -> bool {
    name.starts_with(argument::PREFIX) || RESERVED.contains(&name)
}

fn own(name: &str, value: &OsStr, faults: &mut Vec<Fault>) -> Option<Given> {
    if is_reserved(name) {
        return None;
    }
    let means =
        |setting: &&Setting| setting.variable() == name || setting.other_variables().any(|it| it == name);
    let Some(setting) = table::all().find(means) else {
        let names: Vec<_> = table::all().map(Setting::variable).collect();
        let origin = Origin::Environment(name.to_owned());
        let remedy = "print-config shows all settings, and RSGI_APP_ begins what is the app's own";
        faults.push(Fault::unknown(name, &origin, names.iter().map(String::as_str), remedy));
        return None;
    };
    if value.is_empty() {
        return None;
    }
    readable(setting, name, value, faults).map(|text| one(setting, name, text))
}

fn one(setting: &'static Setting, name: &str, text: String) -> Given {
    Given { setting, texts: vec![text], origin: Origin::Environment(name.to_owned()) }
}

fn readable(setting: &Setting, name: &str, value: &OsStr, faults: &mut Vec<Fault>) -> Option<String> {
    let text = value.to_str().map(str::to_owned);
    if text.is_none() {
        let origin = Origin::Environment(name.to_owned());
        let problem = Problem::new("this is no text in UTF-8");
        faults.push(Fault::value(setting, &value.to_string_lossy(), &origin, problem));
    }
    text
}

fn lookup<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    let found = environment.iter().find(|(key, value)| key == name && !value.is_empty());
    found.map(|(_, value)| value.as_os_str())
}

/// What the launcher tells the program that it starts.
const RESERVED: &[&str] = &["RSGI_UPGRADE", "RSGI_FD", "RSGI_PID", "RSGI_WRITE"];
