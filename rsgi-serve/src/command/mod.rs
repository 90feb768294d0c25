//! The command line: what was asked, with which settings.
//!
//! [`read`] takes the arguments, the environment and the file to an [`Asked`]; at a reload the same call reads them anew. The
//! flags of settings are made from their table (`arguments.rs`), so are help, completions and manual.
//!
//! Not here: doing what was asked.

mod arguments;
mod clients;
mod mend;
mod tree;

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap_complete::Shell;

pub(crate) use clients::{Client, Hurry, Scale, Shown};

use crate::argument::Argument;
use crate::settings::{self, Fault, Faults, Input, Machine, Need, Settings, Sources};

/// The program that the launcher is in.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Without a folder.
    pub(crate) name: String,
    pub(crate) version: String,
    /// One sentence.
    pub(crate) about: String,
    /// Settings that the program asks for: names and texts.
    pub(crate) settings: Vec<(String, String)>,
    /// Its own commands.
    pub(crate) commands: Vec<clap::Command>,
    /// The app's own settings.
    pub(crate) arguments: Vec<Argument>,
}

/// What the program was started with.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    /// The program's own name first.
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) folder: PathBuf,
    pub(crate) input: Input,
}

/// What was asked.
#[derive(Debug)]
pub(crate) enum Asked {
    /// To see the help or the version, which [`clap::Error::print`] shows; nothing is wrong.
    Help(clap::Error),
    /// To see this text, on the standard output.
    Text(String),
    /// To do something.
    Do(Box<Invocation>),
}

/// What is to be done, and how.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) action: Action,
    pub(crate) settings: Settings,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Serve,
    /// To boot the app once, and serve nothing.
    Check,
    /// To tell a running master something.
    Tell(Client, Shown),
    /// A command of the program's own, with its arguments.
    Own {
        name: String,
        matches: ArgMatches,
    },
}

impl Program {
    /// A program of this name, as its path says it.
    pub(crate) fn named(argument: Option<&OsString>) -> Self {
        let name = argument.and_then(|argument| Path::new(argument).file_name()).and_then(OsStr::to_str);
        Self {
            name: name.unwrap_or("rsgi").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            about: "Serves an RSGI app".to_owned(),
            settings: Vec::new(),
            commands: Vec::new(),
            arguments: Vec::new(),
        }
    }
}

/// Reads what was asked.
///
/// # Errors
///
/// Everything that is wrong with the command line and the settings.
pub(crate) fn read(program: &Program, started: &Started) -> Result<Asked, Faults> {
    let command = tree::command(program)?;
    let mut faults = Vec::new();
    let own: Vec<_> = program.commands.iter().map(clap::Command::get_name).collect();
    let matches = match mend::matches(&command, &started.arguments, &own, &mut faults) {
        Ok(matches) => matches,
        Err(help) => return Ok(Asked::Help(help)),
    };
    let (name, inner) = matches.subcommand().unzip();
    if let (true, Some(text)) = (faults.is_empty(), generated(command, name, inner)) {
        return Ok(Asked::Text(text));
    }
    // Flags of the program's own commands have nothing to do with ours, even of the same name.
    let of_ours = inner.filter(|_| name.is_some_and(|name| !own.contains(&name)));
    let flags: Vec<_> = std::iter::once(&matches).chain(of_ours).collect();
    let prints = name == Some(tree::PRINT_CONFIG) || tree::is_set(&matches, tree::PRINT_CONFIG);
    let action = action(&matches, name, inner);
    let makes_app = matches!(action, Action::Serve | Action::Check) && !prints;
    let sources = Sources {
        program: &program.settings,
        folder: &started.folder,
        environment: &started.environment,
        flags: &flags,
        own: &program.arguments,
        need: if makes_app { Need::App } else { Need::Nothing },
        machine: &Machine::this(&program.name, &started.environment, started.input),
    };
    let (settings, values) = settings::read(&sources, faults)?;
    if prints {
        return Ok(Asked::Text(settings::print(&values)));
    }
    Ok(Asked::Do(Box::new(Invocation { action, settings })))
}

fn action(matches: &ArgMatches, name: Option<&str>, inner: Option<&ArgMatches>) -> Action {
    match (name, inner) {
        (None, _) if tree::is_set(matches, tree::CHECK_CONFIG) => Action::Check,
        (None | Some(tree::SERVE), _) | (_, None) => Action::Serve,
        (Some(tree::CHECK), _) => Action::Check,
        (Some(name), Some(inner)) => match clients::read(name, inner) {
            Some((client, shown)) => Action::Tell(client, shown),
            None => Action::Own { name: name.to_owned(), matches: inner.clone() },
        },
    }
}

/// Completions or the manual, for which settings need not be right.
fn generated(mut command: clap::Command, name: Option<&str>, inner: Option<&ArgMatches>) -> Option<String> {
    let mut bytes = Vec::new();
    match name? {
        tree::COMPLETIONS => {
            let shell = *inner?.get_one::<Shell>(tree::SHELL)?;
            let program = command.get_name().to_owned();
            clap_complete::generate(shell, &mut command, program, &mut bytes);
        }
        // Writing to a vector can't fail.
        tree::MANUAL => clap_mangen::Man::new(command).render(&mut bytes).ok()?,
        _ => return None,
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What is wrong with the program's own commands.
fn taken(name: &str) -> Fault {
    Fault::new(name, "the program has a command of this name, and the launcher too", "give it another name")
}

/// What is wrong with an argument of the app's own.
fn flag_taken(flag: &str) -> Fault {
    Fault::new(flag, "the app has a flag of this name, and the launcher too", "give it another name")
}
