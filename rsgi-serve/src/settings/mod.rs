//! The settings: from flags, environment, file, program and defaults to one checked [`Settings`].
//!
//! `table/` says what there is; `values.rs` gathers what the sources say, from the weakest to the strongest; `rules.rs` looks
//! at it together; `build.rs` makes types of it. Whatever is wrong is told at once, each with its name, value, source, and what
//! is allowed.
//!
//! Not here: what the flags look like to clap, which is `command/`.

mod build;
mod config;
mod elsewhere;
mod environment;
mod fault;
mod file;
mod flags;
mod kind;
mod machine;
mod nearest;
mod origin;
mod own;
mod rules;
mod serving;
mod setting;
mod show;
mod table;
mod units;
mod values;

#[cfg(test)]
mod environment_tests;
#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod units_tests;

use std::ffi::OsString;
use std::path::Path;

use clap::ArgMatches;

pub(crate) use config::{
    AccessSettings, ControlSettings, Gateway, LogSettings, ProcessSettings, Protocol, ServerKind, Settings,
    UpgradeMode, WatchEngine, WatchSettings,
};
pub(crate) use fault::{Fault, Faults};
pub(crate) use kind::Kind;
pub(crate) use machine::{Input, Machine};
pub(crate) use nearest::nearest;
pub(crate) use origin::Origin;
pub(crate) use own::Need;
pub(crate) use setting::Setting;
pub(crate) use show::print;
pub(crate) use table::{all, observing, process};
pub(crate) use values::Values;

use file::Wanted;
use table::{gateway, sockets};
use values::Given;

use crate::argument::Argument;

/// Everything that settings are read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'a> {
    /// What the program itself asks for: names and texts, as a variable would have them.
    pub(crate) program: &'a [(String, String)],
    /// The folder of the start, where a relative path of the file begins.
    pub(crate) folder: &'a Path,
    pub(crate) environment: &'a [(OsString, OsString)],
    /// What clap has taken apart, the stronger one last.
    pub(crate) flags: &'a [&'a ArgMatches],
    pub(crate) machine: &'a Machine,
    /// The app's own settings that the launcher was told of.
    pub(crate) own: &'a [Argument],
    /// Whether those of them that are required must be there.
    pub(crate) need: Need,
}

/// Reads the settings. `faults` are those of the command line that clap has found already.
///
/// # Errors
///
/// Everything that is wrong, in the order of the sources.
pub(crate) fn read(sources: &Sources<'_>, mut faults: Vec<Fault>) -> Result<(Settings, Values), Faults> {
    let mut values = Values::defaults(&mut faults);
    let own = program(sources.program, &mut faults);
    values.apply(own, &mut faults);
    let environment = environment::read(sources.environment, &mut faults);
    let flags: Vec<_> = sources.flags.iter().flat_map(|matches| flags::read(matches, &mut faults)).collect();
    let named = environment.iter().chain(&flags).rfind(|given| given.setting.name == process::CONFIG.name);
    match file(sources.folder, named, &mut faults) {
        Some(content) => {
            values.apply(content.given, &mut faults);
            values.app = content.app;
        }
        None => values.break_all(),
    }
    values.apply(environment, &mut faults);
    values.apply(flags, &mut faults);
    own::apply(sources, &mut values, &mut faults);
    values.apply(by_listener(&values, sources.machine), &mut faults);
    faults.extend(rules::check(&values, sources.machine));
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    let settings = build::build(&values, sources.machine).map_err(Faults)?;
    // The table's bounds are rsgi-core's; should they ever part, this is where it shows.
    settings.config.check().map_err(|error| {
        let name = error.setting().unwrap_or("config").to_owned();
        Faults(vec![Fault::new(&name, error.to_string(), "choose another value")])
    })?;
    Ok((settings, values))
}

/// The variable that says what to speak.
pub(crate) fn protocol_variable() -> String {
    gateway::PROTOCOL.variable()
}

/// The protocol of a program that was started with a listener as its standard input, as web servers and their managers start
/// FastCGI applications (FastCGI specification 1.0, section 2.2), unless somebody says what it is to speak, or where to listen.
fn by_listener(values: &Values, machine: &Machine) -> Option<Given> {
    let looks = values.read::<String>(&sockets::SOCKET_ACTIVATION).as_deref() == Some("auto");
    let free = !values.is_given(&gateway::PROTOCOL) && !values.is_given(&sockets::BIND);
    let texts = vec![Protocol::Gateway(Gateway::FastCgi).name().to_owned()];
    let given = Given { setting: &gateway::PROTOCOL, texts, origin: Origin::Listener };
    (cfg!(feature = "gateway") && machine.input == Input::Listener && looks && free).then_some(given)
}

fn program(pairs: &[(String, String)], faults: &mut Vec<Fault>) -> Vec<Given> {
    let mut given: Vec<Given> = Vec::new();
    for (name, text) in pairs {
        let Some(setting) = table::named(name) else {
            let names = all().map(|setting| setting.name);
            faults.push(Fault::unknown(name, &Origin::App, names, "print-config shows all settings"));
            continue;
        };
        // A name that comes again adds to a list.
        match given.iter_mut().find(|given| given.setting.name == setting.name) {
            Some(given) => given.texts.push(text.clone()),
            None => given.push(Given { setting, texts: vec![text.clone()], origin: Origin::App }),
        }
    }
    given
}

fn file(folder: &Path, named: Option<&Given>, faults: &mut Vec<Fault>) -> Option<file::Content> {
    match named.and_then(|given| Some((given.texts.last()?, &given.origin))) {
        Some((path, origin)) => file::read(&folder.join(path), path, Wanted::Must, origin, faults),
        None => file::read(&folder.join(FILE), FILE, Wanted::May, &Origin::Default, faults),
    }
}

/// Read if it is there and nobody names another.
const FILE: &str = "rsgi.toml";
